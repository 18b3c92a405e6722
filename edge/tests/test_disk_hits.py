"""Hits from disk on the fast lane: from files that were verified, whatever the listener's pace."""

import asyncio
from pathlib import Path

import pytest

from edge.disk.page_cache import PageCache
from edge.disk.tests.running import until
from edge.purges import Purge
from edge.tests.conftest import Node, content_of
from edge.tests.scripted_origin import Resource, ScriptedOrigin
from edge.tests.test_disk_serving import SLICE, metric, open_on_disk, written

SLICES = 40
BODY = content_of(SLICES * SLICE - 1000)

pytestmark = [
    pytest.mark.socket,
    pytest.mark.skipif(not PageCache().can_tell(), reason="the kernel cannot tell"),
]


async def ask_slices(node: Node) -> None:
    """Ask for all slices, and each time for one that the memory has dropped."""
    for start in range(0, len(BODY), SLICE):
        answer = await node.range("/a", f"{start}-{start + SLICE - 1}")
        assert answer.content == BODY[start : start + SLICE]
        assert answer.cache_status.startswith("attacca; hit")


async def test_what_was_read_once_is_sent_from_its_file(origin: ScriptedOrigin, tmp_path: Path):
    origin.resources["/a"] = Resource(BODY)
    async with open_on_disk(origin, tmp_path / "disk", admission="all") as node:
        await node.ask("/a")
        await written(node, SLICES + 1)
        await ask_slices(node)
        disk, hits = node.service.tiers.disk, node.service.counts.hits
        assert disk is not None
        read, answered = disk.counts.file_hits, hits.answers
        stored, asked = node.service.store.slices, len(origin.seen)
        await ask_slices(node)
        assert disk.counts.file_hits - read > SLICES // 2
        assert hits.answers - answered == SLICES
        assert node.service.store.slices == stored
        part = await node.range("/a", f"{SLICE - 5}-{2 * SLICE + 4}")
        assert part.content == BODY[SLICE - 5 : 2 * SLICE + 5]
        assert len(origin.seen) == asked
        assert await metric(node, "edge_disk_open_files") > SLICES // 2
        assert await node.service.tiers.purge(Purge(urls=("/a",)))
        assert "fwd=uri-miss" in (await node.range("/a", "5-9")).cache_status
        assert len(origin.seen) > asked


async def test_what_is_copied_for_slow_listeners_counts(origin: ScriptedOrigin, tmp_path: Path):
    origin.resources["/a"] = Resource(BODY)
    async with open_on_disk(origin, tmp_path / "disk", admission="all") as node:
        await node.ask("/a")
        await written(node, SLICES + 1)
        await ask_slices(node)
        store = node.service.store
        (found,) = store.offered("/a")
        file = store.files.find(found, 1, 0, SLICE)
        assert file is not None
        pinned = store.pins.bytes
        view = file.view(5, SLICE)
        assert bytes(view) == BODY[SLICE + 5 : 2 * SLICE]
        assert store.pins.bytes == pinned + SLICE - 5
        del view
        assert store.pins.bytes == pinned


async def test_slow_listeners_get_all_of_it(origin: ScriptedOrigin, tmp_path: Path):
    large = 2 << 20  # Five of them are more than a connection takes at once.
    body = content_of(7 * large)
    origin.resources["/a"] = Resource(body)
    opened = open_on_disk(
        origin, tmp_path / "disk", admission="all", slice_bytes=large, memory_bytes=3 * large
    )
    async with opened as node:
        await node.ask("/a")
        await written(node, 7 + 1)
        for _ in range(2):
            assert (await node.ask("/a")).content == body
        disk = node.service.tiers.disk
        assert disk is not None
        sent, last = disk.counts.file_hits, 5 * large - 1
        host, _, port = node.service.url.removeprefix("http://").rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=1 << 16)
        writer.write(b"GET /a HTTP/1.1\r\nHost: a\r\nRange: bytes=100-%d\r\n\r\n" % last)
        await until(lambda: disk.counts.file_hits == sent + 5)
        async with asyncio.timeout(20):
            await reader.readuntil(b"\r\n\r\n")
            assert await reader.readexactly(last - 99) == body[100 : last + 1]
        writer.close()
