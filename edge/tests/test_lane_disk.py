"""Hits of the fast lane that are sent from files of the disk tier."""

import asyncio
from pathlib import Path

import pytest

from edge.disk.page_cache import PageCache
from edge.tests.conftest import Node
from edge.tests.scripted_origin import Resource, ScriptedOrigin
from edge.tests.test_disk_serving import BODY, SLICE, open_on_disk, written

pytestmark = [
    pytest.mark.socket,
    pytest.mark.skipif(not PageCache().can_tell(), reason="the kernel cannot tell"),
]


async def bring_to_disk_alone(node: Node) -> None:
    """Have `/a` on disk, verified, and nothing of it in memory."""
    node.origin.resources["/a"] = Resource(BODY)
    assert (await node.ask("/a")).content == BODY
    await written(node, 6)
    (found,) = node.service.store.offered("/a")
    for _ in range(2):
        node.service.store.forget(found)
        node.service.store.make_current(found)
        assert (await node.ask("/a")).content == BODY
    node.service.store.forget(found)
    node.service.store.make_current(found)


async def test_files_are_sent_from(origin: ScriptedOrigin, tmp_path: Path):
    async with open_on_disk(origin, tmp_path / "disk", admission="all") as node:
        await bring_to_disk_alone(node)
        hits, asked = node.service.counts.hits, len(node.origin.seen)
        before = hits.answers
        for start, stop in (
            (0, 10),
            (SLICE - 5, SLICE + 5),
            (10, 3 * SLICE),
            (2 * SLICE, 4 * SLICE),
        ):
            answer = await node.range("/a", f"{start}-{stop - 1}")
            assert answer.content == BODY[start:stop]
            assert answer.cache_status.startswith("attacca; hit")
        assert hits.answers - before == 4
        assert node.service.store.slices == 0
        assert len(node.origin.seen) == asked


async def test_slow_listeners_get_all_of_a_file(origin: ScriptedOrigin, tmp_path: Path):
    async with open_on_disk(origin, tmp_path / "disk", admission="all") as node:
        await bring_to_disk_alone(node)
        host, _, port = node.service.url.removeprefix("http://").rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=1 << 12)
        for _ in range(3):
            writer.write(b"GET /a HTTP/1.1\r\nHost: a\r\nRange: bytes=5-%d\r\n\r\n" % (4 * SLICE))
            await asyncio.sleep(0.05)
            async with asyncio.timeout(10):
                await reader.readuntil(b"\r\n\r\n")
                assert await reader.readexactly(4 * SLICE - 4) == BODY[5 : 4 * SLICE + 1]
        writer.close()
        assert node.service.counts.hits.answers >= 2
