"""What an unsafe method has changed is no longer used, wherever it is or is on its way."""

import asyncio
from pathlib import Path

import pytest
from aiohttp import web

from edge.tests.conftest import Node, content_of
from edge.tests.scripted_origin import Resource, ScriptedOrigin
from edge.tests.test_disk_serving import open_on_disk

pytestmark = pytest.mark.socket

BODY = content_of(100_000)


async def test_what_was_asked_before_a_change_is_kept_after_it(node: Node):
    resource = node.origin.resources["/a"] = Resource(b"old", gate=asyncio.Event())
    asking = asyncio.create_task(node.ask("/a"))
    await node.origin.wait_for_requests(1)

    async def change(request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "POST":
            return web.Response()
        return await node.origin.serve(request, Resource(b"new", etag='"v2"'))

    node.origin.behaviours["/a"] = change
    assert (await node.ask("/a", method="POST")).status == 200
    # Who asks afterwards does not wait for what was asked before.
    assert (await node.ask("/a")).content == b"new"
    assert resource.gate is not None
    resource.gate.set()
    assert (await asking).content == b"old"
    again = await node.ask("/a")
    assert (again.content, again.cache_status[:12]) == (b"new", "attacca; hit")


async def test_a_change_that_cannot_be_noted_for_good_is_an_error(
    origin: ScriptedOrigin, tmp_path: Path
):
    async def changed(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text="done", headers={"Cache-Group-Invalidation": '"album"'})

    async with open_on_disk(origin, tmp_path) as node:
        origin.resources["/a"] = Resource(BODY, fields={"Cache-Groups": '"album"'})
        await node.ask("/a")
        origin.behaviours["/b"] = changed
        assert node.service.tiers.disk is not None
        node.service.tiers.disk.purge_log.drop(tmp_path)
        answer = await node.ask("/b", method="POST")
        assert (answer.status, answer.content) == (200, b"done")
        assert "uri-miss" in (await node.ask("/a")).cache_status
