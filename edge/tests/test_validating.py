"""Validation of what is stored: which answers let go of it, and which leave it alone."""

import asyncio
from collections.abc import Callable

import pytest
from aiohttp import web

from edge.tests.conftest import Node
from edge.tests.scripted_origin import Resource

pytestmark = pytest.mark.socket

STALE_IF_ERROR = "max-age=10, stale-if-error=600"


def answering(status: int, **fields: str) -> Callable[[web.BaseRequest], object]:
    named = {name.replace("_", "-"): value for name, value in fields.items()}

    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=status, headers=named)

    return answer


async def stale(node: Node, cache_control: str = "max-age=10", **changes: object) -> Resource:
    """A resource of which a stale response is stored."""
    resource = Resource(b"hello", cache_control=cache_control, **changes)  # type: ignore[arg-type]
    node.origin.resources["/a"] = resource
    assert (await node.ask("/a")).content == b"hello"
    node.clock.now_s += 11
    return resource


@pytest.mark.parametrize("status", [408, 421, 425, 429])
async def test_an_answer_that_says_nothing_of_the_resource_drops_it(node: Node, status: int):
    await stale(node)
    node.origin.behaviours["/a"] = answering(status)  # type: ignore[assignment]
    assert (await node.ask("/a")).status == status
    del node.origin.behaviours["/a"]
    assert "fwd-status=304" in (await node.ask("/a")).cache_status


async def test_a_client_who_wants_nothing_stored_drops_what_is(node: Node):
    await stale(node)
    answer = await node.ask("/a", headers={"Cache-Control": "no-store"})
    assert answer.content == b"hello"
    assert "fwd-status=304" in (await node.ask("/a")).cache_status


async def test_a_304_about_another_version_freshens_a_weak_one(node: Node):
    await stale(node, etag='W/"v1"')

    async def confused(request: web.BaseRequest) -> web.StreamResponse:
        known = request.headers.get("If-None-Match")
        return web.Response(status=304 if known else 200, headers={"ETag": 'W/"v2"'}, text="other")

    node.origin.behaviours["/a"] = confused
    assert (await node.ask("/a")).content == b"other"


@pytest.mark.parametrize(
    "headers", [{}, {"Cookie": "a=b"}, {"Authorization": "Basic YTpi"}], ids=["all", "b", "c"]
)
async def test_an_error_with_a_cookie_is_sent_in_place_of_what_is_stale(
    node: Node, headers: dict[str, str]
):
    await stale(node, f"public, {STALE_IF_ERROR}")
    node.origin.behaviours["/a"] = answering(503, Set_Cookie="a=b")  # type: ignore[assignment]
    for _ in range(3):
        answer = await node.ask("/a", headers=headers)
        assert (answer.status, answer.content) == (200, b"hello")
        assert "detail=stale-if-error" in answer.cache_status


async def test_what_only_the_cache_may_answer_is_asked_of_the_origin(node: Node):
    content = b"x" * 600_000
    node.origin.resources["/a"] = Resource(content)
    only = {"Cache-Control": "only-if-cached"}
    await node.range("/a", "0-9")
    await node.settled()
    asked = len(node.origin.seen)
    assert (await node.ask("/a", headers={"Range": "bytes=0-9", **only})).status == 206
    for headers in ({}, {"Range": "bytes=500000-500001"}, {"If-Match": '"other"'}):
        assert (await node.ask("/a", headers={**headers, **only})).status == 504
    assert len(node.origin.seen) == asked


async def test_a_part_that_may_not_be_stored_any_more_is_given_to_others(node: Node):
    content = b"x" * 600_000
    resource = node.origin.resources["/a"] = Resource(content, cache_control="max-age=600")
    await node.range("/a", "0-9")
    resource.cache_control = "private, max-age=600"
    part = await node.range("/a", "500000-500009")
    assert (part.status, part.content) == (206, content[:10])
    assert node.service.store.offered("/a") == ()


async def test_a_version_that_changed_under_several_ranges_cuts_their_listener(node: Node):
    old, new = b"a" * 600_000, b"b" * 600_000
    resource = node.origin.resources["/a"] = Resource(old, cache_control="max-age=600")
    await node.range("/a", "0-9")
    await node.settled()
    resource.content, resource.etag = new, '"v2"'
    answer = await node.range("/a", "0-9,550000-550009")
    assert answer.status == 206
    assert answer.content.count(b"b" * 10) == 2


SWR = "public, max-age=10, stale-while-revalidate=600"


async def test_each_listener_with_a_cookie_has_the_same_validated_in_the_background(node: Node):
    resource = await stale(node, SWR)
    resource.gate = asyncio.Event()
    for _ in range(5):
        answer = await node.ask("/a", headers={"Cookie": "a=b"})
        assert answer.content == b"hello"
    resource.gate.set()
    await node.origin.wait_for_requests(2)
    assert len(node.origin.seen) == 2


@pytest.mark.parametrize("has_time", [True, False])
async def test_a_coded_variant_is_asked_for_without_its_coding(node: Node, has_time: bool):
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        is_coded = request.headers.get("Accept-Encoding") == "gzip"
        fields = {"Vary": "Accept-Encoding"} | ({"Content-Encoding": "gzip"} if is_coded else {})
        content = (b"gzip" if is_coded else b"text") * 200_000
        etag = '"coded"' if is_coded else '"plain"'
        resource = Resource(content, etag, SWR, fields)
        return await node.origin.serve(request, resource)

    node.origin.behaviours["/a"] = answer
    wanted = {"Accept-Encoding": "gzip"}
    assert (await node.ask("/a", headers=wanted)).content == b"gzip" * 200_000
    if has_time:
        node.clock.now_s += 11
        await node.ask("/a", headers=wanted)
        await node.origin.wait_for_requests(2)
        assert node.origin.seen[1].headers["Accept-Encoding"] == "gzip"
        await node.settled()
        assert "hit; ttl=10" in (await node.ask("/a", headers=wanted)).cache_status
    else:
        (found,) = node.service.store.offered("/a")
        node.service.store.forget(found)
        node.service.store.make_current(found)
        assert (await node.ask("/a", headers=wanted)).content == b"gzip" * 200_000
        assert {one.headers["Accept-Encoding"] for one in node.origin.seen} == {"gzip"}
        assert all(node.origin.ranges()[1:])


@pytest.mark.parametrize("is_hanging", [True, False])
async def test_head_waits_for_an_origin_that_is_sick_although_stale_would_do(
    node: Node, *, is_hanging: bool
):
    resource = await stale(node, f"public, {STALE_IF_ERROR}")
    if is_hanging:
        resource.gate = asyncio.Event()
    else:
        node.origin.behaviours["/a"] = answering(503)  # type: ignore[assignment]
    answer = await node.ask("/a", method="HEAD")
    assert (answer.status, answer.headers["Content-Length"]) == (200, "5")
    assert "detail=stale-if-error" in answer.cache_status
