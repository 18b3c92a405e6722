"""What aiohttp would answer of its own accord, and the names of it that the edge relies on."""

import asyncio
import contextlib
import inspect
import json
import logging
from pathlib import Path

import pytest
from aiohttp import web

from config.listener import start_site
from edge.connection import EdgeServer
from edge.tests.conftest import Node, open_client, open_node
from edge.tests.scripted_origin import Resource, ScriptedOrigin, open_raw_origin
from edge.tests.token_making import AUDIO, bearer, open_guarded_node, open_scripted_drm, token_of

SECRET = "se.cr.et"


async def exchange(url: str, sent: bytes) -> tuple[bytes, dict[str, str], bytes]:
    """Status line, fields by name in lower case, and content of the answer to raw bytes."""
    reader, writer = await asyncio.open_connection(*_address(url))
    try:
        writer.write(sent)
        async with asyncio.timeout(10):
            head, _, content = (await reader.read()).partition(b"\r\n\r\n")
    finally:
        writer.close()
    first, *lines = head.split(b"\r\n")
    fields = {}
    for line in lines:
        name, _, value = line.decode().partition(": ")
        fields[name.lower()] = value
    return first, fields, content


UNREADABLE = [
    pytest.param(f"GET /~{SECRET}/\x01 HTTP/1.1\r\nHost: a\r\n\r\n".encode(), id="target"),
    pytest.param(f"GET /~{SECRET}/ HTTP/1.1\r\n{SECRET} : x\r\n\r\n".encode(), id="field name"),
    pytest.param(f"{SECRET}\r\n\r\n".encode(), id="no HTTP"),
    pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", id="TLS"),
    pytest.param(b"GET /" + SECRET.encode() * 9000 + b" HTTP/1.1\r\n\r\n", id="long target"),
    pytest.param(b"GET / HTTP/1.1\r\nA: " + SECRET.encode() * 9000 + b"\r\n\r\n", id="long field"),
    pytest.param(
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        id="two lengths",
    ),
    pytest.param(b"POST /a HTTP/1.1\r\nHost: [\r\nConnection: close\r\n\r\n", id="no host"),
]


@pytest.mark.socket
@pytest.mark.parametrize("sent", UNREADABLE)
async def test_what_cannot_be_read_is_echoed(
    origin: ScriptedOrigin, tmp_path: Path, sent: bytes, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    log = tmp_path / "access.log"
    async with open_node(origin, access_log=str(log)) as node:
        first, fields, content = await exchange(node.service.url, sent)
        async with open_client(node.service.admin_url) as admin:
            text = (await admin.ask("/metrics")).content.decode()
    assert first.split()[1] == b"400"
    assert fields["content-type"] == "application/problem+json"
    assert fields["cache-control"] == "no-store"
    assert fields["server"] == "attacca"
    problem = json.loads(content)
    assert set(problem) == {"type", "title", "status"}
    assert problem["type"] == "urn:attacca:problem:bad-request"
    assert SECRET not in str(fields) + content.decode() + caplog.text
    assert SECRET not in " ".join(str(vars(record)) for record in caplog.records)
    assert SECRET not in log.read_text()
    assert [json.loads(line)["status"] for line in log.read_text().splitlines()] == [400]
    assert not [record for record in caplog.records if record.levelno > logging.INFO]
    assert 'edge_responses_total{result="refused",status_class="4xx"} 1.0' in text


@pytest.mark.socket
async def test_an_answer_names_the_library(origin: ScriptedOrigin):
    async with (
        open_scripted_drm() as drm,
        open_guarded_node(origin, drm) as node,
        open_client(node.service.admin_url) as admin,
    ):
        for target in (f"{AUDIO}/flac.mp4", f"{AUDIO}/flac.mp4", "/v1/licenses/x", "//"):
            answer = await node.ask(target, headers=bearer(token_of()))
            assert answer.headers.getall("Server") == ["attacca"]
        for target in ("/metrics", "/healthz", "/nowhere"):
            assert (await admin.ask(target)).headers["Server"] == "attacca"


@pytest.mark.socket
async def test_a_general_cache_renames_the_origin(node: Node):
    node.origin.resources["/a"] = Resource(b"content", fields={"Server": "theirs"})
    for _ in range(2):
        assert (await node.ask("/a")).headers["Server"] == "theirs"


@pytest.mark.socket
@pytest.mark.parametrize("cache_control", [b"max-age=60", b"no-store"])
@pytest.mark.parametrize("length", [5, 100_000])
async def test_an_answer_without_a_type_gets_one(cache_control: bytes, length: int):
    head = b'HTTP/1.1 200 OK\r\nCache-Control: %b\r\nETag: "v1"\r\nContent-Length: %d\r\n\r\n'
    sent = head % (cache_control, length) + b"x" * length
    async with open_raw_origin(sent) as origin, open_node(origin) as node:
        for _ in range(2):
            answer = await node.ask("/a")
            assert len(answer.content) == length
            assert "Content-Type" not in answer.headers


@pytest.mark.socket
@pytest.mark.parametrize("has_begun", [False, True])
async def test_a_mistake_is_told_with_the_text_of_the_request(
    caplog: pytest.LogCaptureFixture, *, has_begun: bool
):
    async def fail(request: web.BaseRequest) -> web.StreamResponse:
        if has_begun:
            response = web.StreamResponse()
            await response.prepare(request)
            await response.write(b"begun")
        raise RuntimeError(SECRET)

    def refuse(_: web.BaseRequest, is_unreadable: bool) -> web.Response:
        assert not is_unreadable
        return web.Response(status=500)

    runner = web.ServerRunner(EdgeServer(fail, refuse=refuse), handle_signals=False)
    await runner.setup()
    try:
        url = await start_site(runner, host="127.0.0.1", port=0)
        sent = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        first, _, content = await exchange(url, sent)
        assert first.split()[1] == (b"200" if has_begun else b"500")
        assert content.endswith(b"begun\r\n" if has_begun else b"")  # No last chunk.
    finally:
        await runner.cleanup()
    assert ("a request failed" in caplog.text) != has_begun
    logging.getLogger("edge.http").error("from aiohttp", exc_info=RuntimeError(SECRET))
    assert "from aiohttp" in caplog.text
    assert SECRET not in caplog.text


def test_aiohttp_calls_what_is_overridden():
    asked = inspect.signature(web.RequestHandler.handle_error)
    assert list(asked.parameters) == ["self", "request", "status", "exc", "message"]
    made = inspect.getsource(web.Server.__call__)
    assert "RequestHandler(self, loop=self._loop, **self._kwargs)" in made
    assert "await self._prepare_headers()" in inspect.getsource(web.StreamResponse._start)
    assert "self.handle_error(" in inspect.getsource(web.RequestHandler._make_error_handler)


@pytest.mark.socket
@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"POST /a HTTP/1.0\r\n", id="none, as HTTP/1.0 may"),
        pytest.param(b"POST /a HTTP/1.1\r\nHost: a:99999\r\nConnection: close\r\n", id="no port"),
    ],
)
async def test_a_host_that_is_none_makes_a_changed_resource_an_error(node: Node, head: bytes):
    node.origin.resources["/a"] = Resource(b"hello")
    await node.ask("/a")
    first, _, content = await exchange(node.service.url, head + b"Content-Length: 0\r\n\r\n")
    assert (first.split()[1], content) == (b"200", b"hello")
    assert "uri-miss" in (await node.ask("/a")).cache_status


@pytest.mark.socket
@pytest.mark.parametrize("is_stored", [True, False])
async def test_a_client_of_http_1_0_takes_half_of_an_answer_for_all(is_stored: bool):
    lifetime = b"max-age=60" if is_stored else b"no-store"
    head = b"HTTP/1.1 200 OK\r\nCache-Control: " + lifetime + b"\r\n"
    chunks = b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
    async with open_raw_origin(head + chunks) as origin, open_node(origin) as node:
        host, _, port = node.service.url.removeprefix("http://").rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        with contextlib.closing(writer):
            writer.write(b"GET /a HTTP/1.0\r\n\r\n")
            async with asyncio.timeout(10):
                with pytest.raises(ConnectionResetError):
                    await reader.read()
                    await reader.read()


@pytest.mark.socket
async def test_what_a_tunnel_would_carry_is_taken_for_a_request(node: Node):
    node.origin.resources["/a"] = Resource(b"hello")
    sent = b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n"
    first, fields, content = await exchange(node.service.url, sent)
    assert first.split()[1] == b"405"
    assert fields["connection"] == "close"
    assert b"HTTP/1.1" not in content
    assert node.origin.seen == []


@pytest.mark.socket
async def test_content_that_is_broken_is_waited_for(node: Node, caplog: pytest.LogCaptureFixture):
    head = b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    first, fields, content = await exchange(node.service.url, head + b"5\r\nhello\r\nx\r\n")
    assert first.split()[1] == b"400"
    assert fields["connection"] == "close"
    assert json.loads(content)["type"] == "urn:attacca:problem:content-broken"  # One answer.
    assert not [record for record in caplog.records if record.levelno > logging.WARNING]


@pytest.mark.socket
async def test_what_breaks_behind_an_answer_is_an_error(
    node: Node, caplog: pytest.LogCaptureFixture
):
    head = b"TRACE /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    reader, writer = await asyncio.open_connection(*_address(node.service.url))
    with contextlib.closing(writer):
        writer.write(head)
        async with asyncio.timeout(10):
            assert b" 405 " in await reader.readline()
            writer.write(b"x\r\n")
            assert b"HTTP/1" not in await reader.read()
    assert not [record for record in caplog.records if record.levelno > logging.WARNING]


@pytest.mark.socket
async def test_one_read_brings_more_requests_than_are_kept():
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def wait(_: web.BaseRequest) -> web.StreamResponse:
        arrived.set()
        await go_on.wait()
        return web.Response()

    server = EdgeServer(wait, refuse=lambda _request, _is_unreadable: web.Response(status=400))
    runner = web.ServerRunner(server, handle_signals=False)
    await runner.setup()
    try:
        url = await start_site(runner, host="127.0.0.1", port=0)
        reader, writer = await asyncio.open_connection(*_address(url))
        with contextlib.closing(writer):
            request = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"
            writer.write(request * 1000 + b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            async with asyncio.timeout(10):
                await arrived.wait()
                await asyncio.sleep(0)
                (connection,) = server.connections
                assert len(connection._messages) <= 32
                go_on.set()
                assert (await reader.read()).count(b"HTTP/1.1 200 OK\r\n") == 1001
    finally:
        await runner.cleanup()


def _address(url: str) -> tuple[str, int]:
    host, _, port = url.removeprefix("http://").rpartition(":")
    return host, int(port)
