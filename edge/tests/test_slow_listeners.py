"""Listeners who take their time, at a whole edge: heads in pieces, answers that nobody reads."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from edge import connection_limits
from edge.tests.conftest import Node, content_of, open_client, open_node
from edge.tests.scripted_origin import Resource, ScriptedOrigin

pytestmark = pytest.mark.socket

HEAD = b"GET /a HTTP/1.1\r\nHost: edge\r\n\r\n"
LARGE = content_of(4096) * (6 << 10)


@pytest.fixture(autouse=True)
def short_periods(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_limits, "_PERIOD_S", 0.02)


@pytest.fixture
async def impatient(origin: ScriptedOrigin) -> AsyncIterator[Node]:
    origin.resources["/a"] = Resource(b"content")
    origin.resources["/large"] = Resource(LARGE)
    limits = {"head_s": 0.2, "answer_stall_s": 0.3, "shutdown_s": 0.2}
    async with open_node(origin, limits=limits) as node:
        yield node


async def connect(node: Node) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = node.service.url.removeprefix("http://").rpartition(":")
    return await asyncio.open_connection(host, int(port), limit=4096)


async def is_ended(reader: asyncio.StreamReader) -> bool:
    """Whether the other side ends the connection, with nothing more said."""
    async with asyncio.timeout(10):
        try:
            return await reader.read() == b""
        except ConnectionResetError:
            return True


@pytest.mark.parametrize("sent", [b"", HEAD[:-1], HEAD[:5]], ids=["nothing", "most", "a little"])
async def test_a_head_that_does_not_end_is_not_waited_for(impatient: Node, sent: bytes):
    reader, writer = await connect(impatient)
    writer.write(sent)
    assert await is_ended(reader)
    writer.close()
    assert impatient.service.counts.connections_cut == {"head": 1}
    async with open_client(impatient.service.admin_url) as admin:
        metrics = (await admin.ask("/metrics")).content.decode()
    assert 'edge_connections_cut_total{reason="head"} 1.0' in metrics
    assert "edge_connections 0.0" in metrics


async def test_a_head_byte_by_byte_is_no_way_around(impatient: Node):
    reader, writer = await connect(impatient)
    for sent in HEAD * 2:
        writer.write(bytes([sent]))
        await asyncio.sleep(0.02)
        if impatient.service.counts.connections_cut:
            break
    assert impatient.service.counts.connections_cut == {"head": 1}
    assert await is_ended(reader)
    writer.close()


async def test_between_requests_there_is_time(impatient: Node):
    reader, writer = await connect(impatient)
    for _ in range(3):  # By the road, and by the lane.
        writer.write(HEAD)
        async with asyncio.timeout(10):
            assert (await reader.readuntil(b"content")).startswith(b"HTTP/1.1 200 ")
        await asyncio.sleep(0.3)
    writer.write(HEAD[:9])
    assert await is_ended(reader)
    writer.close()


async def test_who_does_not_read_is_cut_and_the_others_are_served(impatient: Node):
    await impatient.ask("/large")
    reader, writer = await connect(impatient)
    writer.write(HEAD.replace(b"/a", b"/large"))
    async with asyncio.timeout(10):
        while not impatient.service.counts.connections_cut:
            assert (await impatient.ask("/a")).content == b"content"
            await asyncio.sleep(0.02)
    assert impatient.service.counts.connections_cut == {"slow-reader": 1}
    received = b""
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        while True:
            received += await reader.readexactly(64 << 10)
    assert len(received) < len(LARGE)
    writer.close()


async def test_one_connection_too_many_is_told_so(origin: ScriptedOrigin):
    origin.resources["/a"] = Resource(b"content")
    limits = {"connections_max": 1, "shutdown_s": 0.2}
    async with open_node(origin, limits=limits) as node:
        assert (await node.ask("/a")).status == 200  # Its connection is kept.
        reader, writer = await connect(node)
        async with asyncio.timeout(10):
            assert b" 503 " in await reader.readline()
            assert (await reader.read()).endswith(b'"status": 503}')
        writer.close()
        assert (await node.ask("/a")).status == 200
        assert node.service.counts.connections_refused == {"total": 1}
