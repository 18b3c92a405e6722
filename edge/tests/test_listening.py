"""Draining: nothing is cut off, and nothing goes on for ever."""

import asyncio
import contextlib

import aiohttp
import pytest

from config.sockets import bind_tcp, port_of
from edge import listening
from edge.listening import ListenerKind
from edge.tests.conftest import Node, content_of, open_client
from edge.tests.scripted_origin import Resource

pytestmark = pytest.mark.socket

BODY = content_of(300_000)


async def test_every_answer_is_its_connections_last_one(node: Node):
    node.origin.resources["/a"] = Resource(BODY)
    assert "Connection" not in (await node.ask("/a")).headers
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(node.service.drain(20.0))
        await asyncio.sleep(0)
        answer = await node.ask("/a")
        assert (answer.content, answer.headers["Connection"]) == (BODY, "close")
    with pytest.raises(aiohttp.ClientConnectionError):
        await node.ask("/a")


async def test_what_is_under_way_is_ended(node: Node):
    node.origin.resources["/a"] = Resource(BODY, gate=asyncio.Event())
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        asked = group.create_task(node.ask("/a"))
        await node.origin.wait_for_requests(1)
        draining = group.create_task(node.service.drain(20.0))
        await asyncio.sleep(0.2)
        assert not draining.done()
        gate = node.origin.resources["/a"].gate
        assert gate is not None
        gate.set()
    assert asked.result().content == BODY


async def test_who_asks_for_nothing_is_let_go(node: Node, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(listening, "_IDLE_S_MAX", 0.2)
    node.origin.resources["/a"] = Resource(BODY)
    await node.ask("/a")
    assert node.service.counts.connections == 1
    async with asyncio.timeout(20):
        await node.service.drain(60.0)
    assert node.service.counts.connections == 0


async def test_it_is_over_after_its_time(node: Node):
    node.origin.resources["/a"] = Resource(BODY, gate=asyncio.Event())
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        asked = group.create_task(node.ask("/a"))
        await node.origin.wait_for_requests(1)
        await node.service.drain(0.1)
        assert not asked.done()
        asked.cancel()


async def test_what_came_in_one_go_is_answered_in_one_go(node: Node):
    node.origin.resources["/a"] = Resource(b"content")
    host, _, port = node.service.url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(node.service.drain(20.0))
        await asyncio.sleep(0)
        writer.write(b"GET /a HTTP/1.1\r\nHost: edge\r\n\r\n" * 3)
        told = await reader.read()
    writer.close()
    assert told.count(b"content") >= 3
    assert told.lower().count(b"connection: close") == 1


async def test_a_queue_is_served_until_it_is_released(node: Node):
    node.origin.resources["/a"] = Resource(BODY)
    queues = bind_tcp("127.0.0.1", 0)
    url = f"http://127.0.0.1:{port_of(queues[0][0])}"
    await node.service.listening.accept(7, {ListenerKind.MEDIA: queues[0]})
    async with open_client(url) as client:
        assert (await client.ask("/a")).content == BODY
        await node.service.listening.release(7)
        assert (await client.ask("/a")).content == BODY  # It was taken before.
    with contextlib.suppress(aiohttp.ClientConnectionError):
        async with open_client(url) as client:
            pytest.fail(f"{await client.ask('/a')} from a queue that was let go")
