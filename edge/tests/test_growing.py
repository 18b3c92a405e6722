"""Content whose length only its end tells: it is shared, stored and given out as it grows."""

import asyncio
import contextlib
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from edge.tests.conftest import Node, content_of, open_node
from edge.tests.scripted_origin import (
    Resource,
    ScriptedOrigin,
    open_raw_origin,
    open_scripted_origin,
)
from edge.tests.test_disk_serving import listed, written

pytestmark = pytest.mark.socket

SLICE = 256 * 1024
BODY = content_of(2 * SLICE + 77)


class Growing:
    """A chunked resource.

    Attributes:
        content: of it, in pieces; each one but the first waits for `resume`.
        etag: of it.
        is_cut_off: it ends without its end.
    """

    def __init__(
        self, *content: bytes, etag: str | None = '"v1"', is_cut_off: bool = False
    ) -> None:
        self.content = content
        self.etag = etag
        self.is_cut_off = is_cut_off
        self.resume = asyncio.Event()
        self.asked = 0

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method != "GET":
            return web.Response()
        self.asked += 1
        response = web.StreamResponse(headers={"Cache-Control": "max-age=600"})
        if self.etag is not None:
            response.headers["ETag"] = self.etag
        response.enable_chunked_encoding()
        await response.prepare(request)
        for place, piece in enumerate(self.content):
            if place:
                await self.resume.wait()
            await response.write(piece)
        if self.is_cut_off:
            assert request.transport is not None
            request.transport.close()
        return response


@pytest.mark.parametrize(
    ("chunks", "content"),
    [
        pytest.param(b"0\r\n\r\n", b"", id="nothing"),
        pytest.param(b"5\r\nhello\r\n0\r\n\r\n", b"hello", id="all of it in one packet"),
    ],
)
async def test_what_has_ended_before_it_is_sent_is_sent_with_its_length(
    chunks: bytes, content: bytes
):
    head = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with open_raw_origin(head + chunks) as origin, open_node(origin) as node:
        first, second = await node.ask("/a"), await node.ask("/a")
        for answer, expected in ((first, "fwd=uri-miss"), (second, "hit")):
            assert (answer.status, answer.content) == (200, content)
            assert expected in answer.cache_status
            assert answer.headers["Content-Length"] == str(len(content))


@pytest.mark.parametrize("size", [1000, SLICE, 2 * SLICE, 2 * SLICE + 77])
async def test_it_is_stored_when_it_has_ended(node: Node, size: int):
    grown = node.origin.behaviours["/a"] = Growing(BODY[:size])
    assert (await node.ask("/a")).content == BODY[:size]
    again = await node.ask("/a")
    assert again.content == BODY[:size]
    assert again.headers["Content-Length"] == str(size)
    part = await node.range("/a", "100-199")
    assert (part.status, part.content) == (206, BODY[100:200])
    assert grown.asked == 1


async def test_all_who_ask_while_it_grows_follow_it(node: Node):
    grown = node.origin.behaviours["/a"] = Growing(BODY[:1000], BODY[1000:])
    async with node.client.session.get(f"{node.client.url}/a") as leader:
        assert await leader.content.readexactly(1000) == BODY[:1000]
        async with node.client.session.get(
            f"{node.client.url}/a", headers={"Range": "bytes=0-99"}
        ) as follower:
            assert follower.status == 200  # Of what has no length yet there are no parts.
            assert await follower.content.readexactly(1000) == BODY[:1000]
            head = await node.ask("/a", method="HEAD")
            assert (head.status, "Content-Length" in head.headers) == (200, False)
            known = await node.ask("/a", headers={"If-None-Match": '"v1"'})
            assert known.status == 304
            grown.resume.set()
            assert await follower.content.read() == BODY[1000:]
        assert await leader.content.read() == BODY[1000:]
    assert grown.asked == 1


async def test_it_grows_on_when_its_listener_leaves(node: Node):
    grown = node.origin.behaviours["/a"] = Growing(BODY[:1000], BODY[1000:])
    response = await node.client.session.get(f"{node.client.url}/a")
    assert await response.content.readexactly(1000) == BODY[:1000]
    response.close()
    grown.resume.set()
    assert (await node.ask("/a")).content == BODY
    assert grown.asked == 1


@contextlib.asynccontextmanager
async def open_halting_origin(head: bytes, rest: bytes, resume: asyncio.Event):
    """An origin that sends a head, and all that follows in one packet when it is told to."""

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(head)
            await resume.wait()
            writer.write(rest)
            await writer.drain()

    async with await asyncio.start_server(respond, "127.0.0.1", 0) as server:
        yield ScriptedOrigin(url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")


async def asked_for(node: Node, target: str) -> None:
    """Wait until somebody reads what is stored for a target."""
    async with asyncio.timeout(5):
        while not any(  # noqa: ASYNC110 - nobody is told
            one.requests for one in node.service.store.offered(target)
        ):
            await asyncio.sleep(0)


@pytest.mark.parametrize("content", [b"", b"hello"])
async def test_what_ends_with_its_first_bytes_is_announced_as_long_as_it_is(content: bytes):
    head = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"5\r\nhello\r\n" if content else b""
    resume = asyncio.Event()
    async with (
        open_halting_origin(head, chunk + b"0\r\n\r\n", resume) as origin,
        open_node(origin) as node,
    ):
        asking = asyncio.create_task(node.ask("/a"))
        await asked_for(node, "/a")
        resume.set()
        assert (await asking).content == content


@pytest.mark.parametrize("etag", ['"v1"', None])
async def test_what_was_cut_off_is_given_to_nobody_else(node: Node, etag: str | None):
    broken = node.origin.behaviours["/a"] = Growing(
        BODY[: SLICE + 5], b"more", etag=etag, is_cut_off=True
    )
    async with node.client.session.get(f"{node.client.url}/a") as response:
        assert await response.content.readexactly(SLICE) == BODY[:SLICE]
        broken.resume.set()
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.content.read()
    node.origin.behaviours["/a"] = Growing(BODY)
    assert (await node.ask("/a")).content == BODY


async def test_an_older_version_that_ends_later_takes_nobodys_place(node: Node):
    old = node.origin.behaviours["/a"] = Growing(b"old", b"older")
    async with node.client.session.get(f"{node.client.url}/a") as response:
        assert await response.content.readexactly(3) == b"old"
        assert (await node.ask("/a", method="POST")).status == 200
        new = node.origin.behaviours["/a"] = Growing(b"new", etag='"v2"')
        assert (await node.ask("/a")).content == b"new"
        old.resume.set()
        assert await response.content.read() == b"older"
    await node.settled()
    assert (await node.ask("/a")).content == b"new"
    assert new.asked == 1


async def test_a_slow_listener_is_given_what_was_dropped_and_not_what_lies_behind_the_end():
    body = content_of(64 * SLICE + 77)
    async with open_scripted_origin() as origin:
        cache = {"memory_bytes": 72 * SLICE, "object_share_max": 1.0, "run_bytes_max": 60 * SLICE}
        async with open_node(origin, cache=cache) as node:
            grown = origin.behaviours["/a"] = Growing(body[:1000], body[1000:])
            async with node.client.session.get(f"{node.client.url}/a") as response:
                assert await response.content.readexactly(1000) == body[:1000]
                grown.resume.set()
                await node.settled()
                origin.behaviours.clear()
                origin.resources |= {"/a": Resource(body), "/b": Resource(body, etag='"b"')}
                await node.range("/b", f"0-{40 * SLICE}")  # It takes the place of the beginning.
                assert await response.content.read() == body[1000:]
            ranges = [value for value in origin.ranges() if value is not None]
            assert all(int(value.rpartition("-")[2]) < len(body) for value in ranges)
            assert len(ranges) > 1


async def test_a_record_of_what_grew_leads_to_its_slices_after_a_restart(tmp_path: Path):
    async with open_scripted_origin() as origin:
        folders = [{"path": str(tmp_path / "disk"), "bytes_max": 16 << 20}]
        disk = {"folders": folders, "min_free_bytes": 0, "admission": "all"}
        for is_second in (False, True):
            grown = origin.behaviours["/a"] = Growing(BODY)
            async with open_node(origin, cache={"disk": disk}) as node:
                await listed(node)
                assert (await node.ask("/a")).content == BODY
                assert grown.asked == int(not is_second)
                await written(node, 0 if is_second else 4)
