"""What is not stored goes through: in parallel, streamed, with the listener's own fields."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from edge.tests.conftest import Node, content_of, open_client, open_node
from edge.tests.scripted_origin import Resource, ScriptedOrigin, open_raw_origin

pytestmark = pytest.mark.socket

BODY = content_of(600_000)


@pytest.mark.parametrize(
    ("cache_control", "fields", "reason"),
    [
        pytest.param("no-store", {}, "no-store", id="no-store"),
        pytest.param("private, max-age=60", {}, "private", id="private"),
        pytest.param(None, {}, "no-freshness", id="says nothing"),
        pytest.param("max-age=60", {"Set-Cookie": "a=b"}, "set-cookie", id="cookie"),
        pytest.param("max-age=60", {"Vary": "*"}, "vary", id="varies by anything"),
    ],
)
async def test_not_storable(
    node: Node, cache_control: str | None, fields: dict[str, str], reason: str
):
    resource = Resource(BODY, etag=None, cache_control=cache_control, fields=fields)
    node.origin.resources["/a"] = resource
    first = await node.ask("/a")
    assert first.content == BODY
    assert first.cache_status == f"attacca; fwd=uri-miss; fwd-status=200; detail={reason}"
    assert len(node.origin.seen) == 1
    second = await node.range("/a", "10-19", **{"Accept-Language": "de"})
    assert second.content == BODY[10:20]
    assert second.cache_status == f"attacca; fwd=bypass; fwd-status=206; detail={reason}"
    assert node.origin.seen[1].headers["Range"] == "bytes=10-19"
    assert node.origin.seen[1].headers["Accept-Language"] == "de"
    assert node.service.store.records == 0
    assert set(fields.items()) <= set(first.headers.items())


async def test_uncacheable_answers_are_not_serialised(node: Node):
    resource = Resource(b"own", cache_control="no-store")
    node.origin.resources["/a"] = resource
    await node.ask("/a")
    resource.gate = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(node.ask("/a")) for _ in range(20)]
        await node.origin.wait_for_requests(21)
        resource.gate.set()
    assert {task.result().content for task in tasks} == {b"own"}


async def test_followers_of_an_answer_that_turns_out_uncacheable_ask_for_themselves(node: Node):
    resource = Resource(b"own", cache_control="no-store", gate=asyncio.Event())
    node.origin.resources["/a"] = resource
    assert resource.gate is not None
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(node.ask("/a")) for _ in range(5)]
        await node.origin.wait_for_requests(1)
        resource.gate.set()
    assert {task.result().content for task in tasks} == {b"own"}
    assert len(node.origin.seen) == 5


async def test_it_is_not_remembered_for_ever(origin: ScriptedOrigin):
    async with open_node(origin, cache={"uncacheable_s": 0}) as node:
        resource = origin.resources["/a"] = Resource(BODY, cache_control="no-store")
        await node.ask("/a")
        resource.cache_control = "max-age=60"
        assert "stored" in (await node.ask("/a")).cache_status
        assert (await node.ask("/a")).cache_status.startswith("attacca; hit")


async def test_answers_to_authorized_requests_are_not_stored(node: Node):
    node.origin.resources["/a"] = Resource(BODY, cache_control="max-age=60")
    mine = await node.ask("/a", headers={"Authorization": "Basic abc"})
    assert mine.cache_status.endswith("detail=authorization")
    assert node.origin.seen[0].headers["Authorization"] == "Basic abc"
    node.origin.resources["/b"] = Resource(BODY, cache_control="s-maxage=60")
    await node.ask("/b", headers={"Authorization": "Basic abc"})
    assert (await node.ask("/b")).cache_status.startswith("attacca; hit")


async def test_50_listeners_on_an_error_cost_one_request(origin: ScriptedOrigin):
    async with open_node(origin, cache={"told_s": 1.5}) as node:
        await ask_for_an_error(node)


async def ask_for_an_error(node: Node):
    gate = asyncio.Event()

    async def fail(_: web.BaseRequest) -> web.StreamResponse:
        await gate.wait()
        fields = {"Retry-After": "3", "Cache-Control": "no-store"}
        return web.Response(status=503, text="later", headers=fields)

    node.origin.behaviours["/a"] = fail
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(node.ask("/a")) for _ in range(50)]
        await node.origin.wait_for_requests(1)
        gate.set()
    for task in tasks:
        answer = task.result()
        assert (answer.status, answer.content) == (503, b"later")
        assert answer.headers["Retry-After"] == "3"
    for asked in (2, 2, 2):  # A single error is not kept; one that comes again is, for a moment.
        again = await node.ask("/a")
        assert (again.status, again.content) == (503, b"later")
        assert len(node.origin.seen) == asked
    del node.origin.behaviours["/a"]
    node.origin.resources["/a"] = Resource(BODY)
    async with asyncio.timeout(20):
        while (await node.ask("/a")).status != 200:
            assert len(node.origin.seen) == 2
            await asyncio.sleep(0.02)


async def test_a_long_error_goes_to_each_listener_on_its_own(node: Node):
    async def fail(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=500, body=BODY)

    node.origin.behaviours["/a"] = fail
    answer = await node.ask("/a")
    assert (answer.status, answer.content) == (500, BODY)


async def test_redirects_are_passed_on_not_followed(node: Node):
    async def move(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": "/b"})

    node.origin.behaviours["/a"] = move
    answer = await node.ask("/a")
    assert (answer.status, answer.headers["Location"]) == (302, "/b")
    assert len(node.origin.seen) == 1


async def test_content_codings_are_left_alone(node: Node):
    async def encoded(request: web.BaseRequest) -> web.StreamResponse:
        fields = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding", "ETag": '"g"'}
        return web.Response(body=b"not really gzip", headers=fields)

    node.origin.behaviours["/a"] = encoded
    answer = await node.ask("/a", headers={"Accept-Encoding": "gzip"})
    assert answer.content == b"not really gzip"
    assert answer.headers["Content-Encoding"] == "gzip"


async def test_content_goes_up_and_comes_back_as_it_is(node: Node):
    async def echo(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(await request.read())
        return response

    node.origin.behaviours["/a"] = echo
    answer = await node.ask("/a?x", method="POST", data=BODY, headers={"Expect": "100-continue"})
    assert answer.content == BODY
    assert node.origin.seen[0].headers["Content-Length"] == str(len(BODY))
    assert "Expect" not in node.origin.seen[0].headers
    encoded = {"Content-Encoding": "gzip"}
    raw = await node.ask("/a", method="POST", data=b"not gzip", headers=encoded)
    assert raw.content == b"not gzip"


@pytest.mark.parametrize("is_chunked", [False, True])
async def test_content_above_the_limit_is_refused(origin: ScriptedOrigin, *, is_chunked: bool):
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b"x" * 1000

    async with open_node(origin, limits={"content_bytes_max": 5000}) as node:
        data = pieces() if is_chunked else b"x" * 10_000
        async with node.client.session.post(f"{node.client.url}/a", data=data) as response:
            assert response.status == 413
            assert (await response.json())["type"] == "urn:attacca:problem:content-too-large"


async def test_a_large_object_is_passed_through_as_a_whole(origin: ScriptedOrigin):
    async with open_node(origin, cache={"memory_bytes": 1 << 20}) as node:
        origin.resources["/a"] = Resource(BODY)
        for is_known in (False, True):
            answer = await node.ask("/a")
            assert answer.content == BODY
            assert answer.cache_status.endswith("detail=too-large")
            assert "stored" not in answer.cache_status
            assert (await node.range("/a", "5-9")).content == BODY[5:10]
            assert node.service.store.slices == 1
            assert is_known or len(origin.seen) == 2
        assert len(origin.seen) == 3
        conditional = await node.ask("/a", headers={"If-None-Match": '"v1"'})
        assert conditional.status == 304
        head = await node.ask("/a", method="HEAD")
        assert head.headers["Content-Length"] == str(len(BODY))
        assert len(origin.seen) == 3


async def test_a_passed_answer_that_ends_early_cuts_the_listener(node: Node):
    node.origin.resources["/a"] = Resource(BODY, cache_control="no-store", truncate_at=100_000)
    async with node.client.session.get(f"{node.client.url}/a") as response:
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()
    assert node.service.counts.upstream_errors["upstream_truncated"] == 1


async def test_a_leaving_listener_ends_a_passed_request(node: Node):
    resource = Resource(BODY, cache_control="no-store", pause_at=1000)
    node.origin.resources["/a"] = resource
    async with open_client(node.client.url) as other:
        response = await other.session.get(f"{node.client.url}/a")
        await response.content.readexactly(1000)
        response.close()
    assert (await node.ask("/b")).status == 404


async def test_an_unreachable_origin_is_502(node: Node, origin: ScriptedOrigin):
    async with open_node(ScriptedOrigin(url="http://127.0.0.1:1")) as alone:
        for method in ("GET", "POST"):
            answer = await alone.ask("/a", method=method)
            assert answer.status == 502
            assert b"upstream-unreachable" in answer.content
        assert alone.service.counts.upstream_errors["upstream_unreachable"] == 2


async def test_a_range_that_nobody_asked_for_is_502(node: Node):
    async def partial(_: web.BaseRequest) -> web.StreamResponse:
        fields = {"ETag": '"v1"', "Content-Range": "bytes 0-3/10", "Cache-Control": "max-age=60"}
        return web.Response(status=206, body=b"0123", headers=fields)

    node.origin.behaviours["/a"] = partial
    assert (await node.ask("/a")).status == 502
    assert node.service.store.records == 0


async def test_a_304_for_another_version_is_no_answer_and_the_record_is_dropped(node: Node):
    async def confused(request: web.BaseRequest) -> web.StreamResponse:
        if "If-None-Match" in request.headers:
            return web.Response(status=304, headers={"ETag": '"v9"'})
        return web.Response(body=b"new", headers={"ETag": '"v9"', "Cache-Control": "max-age=60"})

    node.origin.resources["/a"] = Resource(BODY, cache_control="max-age=60")
    await node.ask("/a")
    node.clock.now_s += 61
    node.origin.behaviours["/a"] = confused
    answer = await node.ask("/a")
    assert (answer.status, answer.content) == (200, b"new")
    assert node.service.store.records == 1


async def let_time_pass(node: Node) -> None:
    """Wait longer than an upstream's head is waited for."""
    node.origin.resources["/hangs"] = Resource(b"", gate=asyncio.Event())
    for _ in range(2):
        assert (await node.ask("/hangs")).status == 504


async def test_a_slow_upload_is_taken_for_a_slow_origin(origin: ScriptedOrigin):
    limits = {"upstream_head_s": 0.1, "shutdown_s": 0.2}
    async with open_node(origin, limits=limits) as node:

        async def pieces() -> AsyncIterator[bytes]:
            yield b"first"
            await let_time_pass(node)
            yield b"last"

        origin.resources["/a"] = Resource(b"thanks")
        async with node.client.session.post(f"{node.client.url}/a", data=pieces()) as response:
            assert (response.status, await response.read()) == (200, b"thanks")
        assert origin.seen[-1].content == b"firstlast"
        answer = await node.ask("/hangs", method="POST", data=b"all of it")
        assert answer.status == 504
        assert b"upstream-timeout" in answer.content


CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n4\r\nfour\r\n"


@pytest.mark.parametrize(
    ("first", "then", "status", "slug"),
    [
        pytest.param(
            b"Content-Length: 9\r\n\r\nfour", b"", b"408", b"content-stalled", id="stalled"
        ),
        pytest.param(CHUNKED, b"", b"408", b"content-stalled", id="stalled between chunks"),
        pytest.param(CHUNKED, b"xyz\r\n", b"400", b"content-broken", id="torn"),
    ],
)
async def test_a_bad_upload_is_waited_for_or_blamed_on_the_origin(
    origin: ScriptedOrigin, first: bytes, then: bytes, status: bytes, slug: bytes
):
    limits = {"content_stall_s": 20.0 if then else 0.1, "shutdown_s": 0.2}
    async with open_node(origin, limits=limits) as node:
        host, _, port = node.service.url.removeprefix("http://").rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /a HTTP/1.1\r\nHost: a\r\n" + first)
        assert (await node.ask("/b")).status == 404  # By now the edge has read the first.
        writer.write(then)
        async with asyncio.timeout(10):
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.split()[1] == status
            assert b"Connection: close" in head
            assert slug in await reader.readuntil(b"}")
        writer.close()
        assert not node.service.counts.upstream_errors
        assert [one.target for one in origin.seen] == ["/b"]


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_change_of_protocol_is_passed_on_as_an_answer(method: str):
    switching = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"
    async with open_raw_origin(switching) as origin, open_node(origin) as node:
        answer = await node.ask("/a", method=method, headers={"Upgrade": "x"})
        assert answer.status == 502
        assert b"upstream-protocol" in answer.content


@pytest.mark.parametrize("condition", [{}, {"If-None-Match": '"v1"'}], ids=["without", "with"])
async def test_a_304_that_answers_no_condition_of_ours_is_not_passed_on(condition: dict[str, str]):
    unasked = b'HTTP/1.1 304 Not Modified\r\nETag: "v1"\r\nCache-Control: max-age=60\r\n\r\n'
    async with open_raw_origin(unasked) as origin, open_node(origin) as node:
        answer = await node.ask("/a", headers=condition)
        assert answer.status == 502
        assert b"upstream-protocol" in answer.content
        assert node.service.counts.upstream_errors["upstream_protocol"] == 1
        assert node.service.store.records == 0


@pytest.mark.parametrize("cache_control", ["max-age=60", "no-store"])
async def test_chunks_that_are_none_end_an_answer_at_once(cache_control: str):
    head = f'HTTP/1.1 200 OK\r\nETag: "v1"\r\nCache-Control: {cache_control}\r\n'
    begun = f"{head}Transfer-Encoding: chunked\r\n\r\n5\r\nright\r\n".encode()
    may_go_on = asyncio.Event()

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(begun)
            await may_go_on.wait()
            writer.write(b"zebra\r\nthis is no chunk\r\n")
            await reader.read()

    async with await asyncio.start_server(respond, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        origin = ScriptedOrigin(url=f"http://127.0.0.1:{port}")
        async with open_node(origin, limits={"upstream_stall_s": 60.0}) as node:
            async with (
                asyncio.timeout(20),
                node.client.session.get(f"{node.service.url}/a") as response,
            ):
                assert await response.content.readexactly(5) == b"right"
                may_go_on.set()
                with pytest.raises(aiohttp.ClientError):
                    await response.content.read()
            assert node.service.counts.upstream_errors == {"upstream_protocol": 1}
            assert node.service.store.slices == 0
