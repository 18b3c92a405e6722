"""What is purged while it is being read: nobody gets bytes of before and of after in one answer.

The origin changes its content under the same entity tag, which is what purges are for.
"""

import asyncio
from pathlib import Path

import aiohttp
import pytest

from edge.purges import Purge
from edge.tests.conftest import Node, content_of, open_node
from edge.tests.scripted_origin import Resource, ScriptedOrigin

pytestmark = pytest.mark.socket

SLICE = 64 * 1024
BODY = content_of(5 * SLICE + 77)


async def purge(node: Node) -> None:
    await node.service.tiers.purge(Purge(urls=("/a",)))


async def read_all(response: aiohttp.ClientResponse) -> bytes:
    """As much of the content as comes."""
    received = b""
    try:
        async for piece in response.content.iter_any():
            received += piece
    except aiohttp.ClientError:
        return received
    return received


async def test_a_fill_that_was_cut_off_is_not_resumed_after_a_purge(origin: ScriptedOrigin):
    resource = origin.resources["/a"] = Resource(BODY, pause_at=2 * SLICE)
    async with open_node(origin, cache={"slice_bytes": SLICE}) as node:
        async with node.client.session.get(f"{node.service.url}/a") as response:
            received = await response.content.readexactly(2 * SLICE)
            await purge(node)
            resource.content, resource.truncate_at = BODY[::-1], 2 * SLICE + 100
            resource.resume.set()
            received += await read_all(response)
        assert BODY.startswith(received)
        resource.truncate_at = None
        assert (await node.ask("/a")).content == BODY[::-1]


async def test_what_is_missing_is_not_fetched_after_a_purge(origin: ScriptedOrigin):
    resource = origin.resources["/a"] = Resource(BODY, pause_at=SLICE)
    async with open_node(origin, cache={"slice_bytes": SLICE, "run_bytes_max": SLICE}) as node:
        fields = {"Range": f"bytes=0-{len(BODY) - 1}"}
        async with node.client.session.get(f"{node.service.url}/a", headers=fields) as response:
            received = await response.content.readexactly(SLICE // 2)
            await purge(node)
            resource.content = BODY[::-1]
            resource.resume.set()
            received += await read_all(response)
        assert BODY.startswith(received)


async def test_the_disk_has_nothing_for_readers_of_what_was_purged(
    origin: ScriptedOrigin, tmp_path: Path
):
    resource = origin.resources["/a"] = Resource(BODY)
    disk: dict[str, object] = {
        "folders": [{"path": str(tmp_path / "disk"), "bytes_max": 16 << 20}],
        "min_free_bytes": 0,
        "admission": "all",
    }
    async with open_node(origin, cache={"slice_bytes": SLICE, "disk": disk}) as node:
        tier, store = node.service.tiers.disk, node.service.store
        assert tier is not None
        async with asyncio.timeout(10):
            while not tier.is_listed:  # noqa: ASYNC110 - nobody is told
                await asyncio.sleep(0.01)
        await node.ask("/a")
        (old,) = store.offered("/a")
        await purge(node)
        resource.content = BODY[::-1]
        assert (await node.ask("/a")).content == BODY[::-1]
        async with asyncio.timeout(10):
            while tier.queued_bytes:  # noqa: ASYNC110 - nobody is told
                await asyncio.sleep(0.01)
        (new,) = store.offered("/a")
        assert old.slice_id(3) == new.slice_id(3)
        assert store.take_down_at_once(old, 3) is None
        assert await store.take_down(old, 3) is None
        found = await store.take_down(new, 3)
        assert found is not None
        assert bytes(found.content) == BODY[::-1][3 * SLICE : 4 * SLICE]
