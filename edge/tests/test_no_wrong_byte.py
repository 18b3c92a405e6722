"""Whatever the origin does: no byte of an answer is of another version, or in another place."""

import asyncio
import functools
import random
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from edge.tests.conftest import Node, content_of, open_node
from edge.tests.scripted_origin import Resource, ScriptedOrigin

pytestmark = pytest.mark.socket

KIB = 1024
PATHS = ("/a", "/b", "/c")
VERSIONS = 6
LIE = "bytes 5-9/10"


@functools.cache
def body_of(path: str, version: int) -> bytes:
    content = content_of(300 * KIB + 1000 * version)
    return bytes(path, "ascii") + bytes([version]) + content[::-1] if version % 2 else content


class SickOrigin:
    """Changes versions, truncates, fails, ignores ranges, and answers others than asked for."""

    def __init__(self, origin: ScriptedOrigin, seed: int) -> None:
        self.origin = origin
        self.random = random.Random(seed)
        self.versions = dict.fromkeys(PATHS, 0)
        for path in PATHS:
            origin.behaviours[path] = self.behave

    def resource(self, path: str) -> Resource:
        version = self.versions[path]
        return Resource(
            body_of(path, version),
            etag=f'"{version}"',
            cache_control=self.random.choice(("max-age=60", "max-age=0", "no-store")),
        )

    async def behave(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.raw_path
        resource = self.resource(path)
        match self.random.randrange(12):
            case 0:
                self.versions[path] = (self.versions[path] + 1) % VERSIONS
            case 1:
                resource.truncate_at = self.random.randrange(1, 100 * KIB)
            case 2:
                return web.Response(status=503)
            case 3:
                resource.ignores_ranges = True
            case 4:
                fields = {"ETag": resource.etag or "", "Content-Range": LIE}
                return web.Response(status=206, body=b"wrong", headers=fields)
            case _:
                pass
        return await self.origin.serve(request, resource)


# Every second time slices are long enough for the arena.
SLICES_BYTES = (16 * KIB, 48 * KIB)


@pytest.fixture
async def sick_node(origin: ScriptedOrigin, seed: int) -> AsyncIterator[Node]:
    cache = {
        "memory_bytes": 1 << 20,
        "slice_bytes": SLICES_BYTES[seed % 2],
        "run_bytes_max": 64 * KIB,
        "object_share_max": 1.0,
        "uncacheable_s": 0,
        "told_s": 0,
    }
    async with open_node(origin, cache=cache) as node:
        yield node


async def ask_at_random(node: Node, generator: random.Random) -> int:
    """Ask once and check each byte that comes; return how many came."""
    path = generator.choice(PATHS)
    start = generator.randrange(300 * KIB)
    stop = start + generator.choice((1, 10 * KIB, 100 * KIB))
    headers = {"Range": f"bytes={start}-{stop - 1}"} if generator.random() < 0.8 else {}
    received = b""
    async with node.client.session.get(f"{node.client.url}{path}", headers=headers) as response:
        try:
            async for chunk in response.content.iter_any():
                received += chunk
                if generator.random() < 0.02:
                    break  # A listener who has heard enough.
        except aiohttp.ClientPayloadError:
            pass  # Cut: what came before has to be right all the same.
        if response.status not in {200, 206}:
            assert response.status in {502, 503}
            return 0
        version = int(response.headers["ETag"].strip('"'))
        expected = body_of(path, version)
        if response.headers.get("Content-Range") == LIE:
            # Passed on as it came, and labelled so that the listener can tell. Never stored.
            assert "detail=" in response.headers["Cache-Status"]
            return 0
        if response.status == 206:
            assert response.headers["Content-Range"].startswith(f"bytes {start}-")
            expected = expected[start:stop]
    assert received == expected[: len(received)]
    return len(received)


@pytest.mark.parametrize("seed", range(4))
async def test_no_wrong_byte(sick_node: Node, seed: int):
    SickOrigin(sick_node.origin, seed)
    generator = random.Random(seed)
    received = 0

    async def listen() -> None:
        nonlocal received
        for _ in range(40):
            received += await ask_at_random(sick_node, generator)
            if generator.random() < 0.1:
                sick_node.clock.now_s += 30

    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        for _ in range(10):
            group.create_task(listen())
    assert received > 1 << 20
    assert sick_node.service.store.bytes <= 1 << 20
    async with asyncio.timeout(10):
        while sick_node.service.counts.fills_under_way:  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0)
