import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from http_semantics.byte_range import ByteSlice
from player.edge_client import EdgeClient, OnPackaging, Packaging, Patience
from player.errors import (
    EdgeTimeoutError,
    EdgeUnreachableError,
    MalformedAnswerError,
    NotFoundError,
    PlayerError,
    StillPackagingError,
    TokenRefusedError,
    TruncatedBodyError,
    UnexpectedStatusError,
    WrongRangeError,
)

pytestmark = pytest.mark.socket

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
PART = ByteSlice(2, 6)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


class Waits:
    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def patience(
    waits: Waits, *, held_s: float = 0.0, on_packaging: OnPackaging | None = None
) -> Patience:
    """Waits without waiting; each attempt seems to take `held_s`."""
    instants = itertools.count(0.0, held_s)
    return Patience(waits, instants.__next__, 300.0, on_packaging)


async def ask(
    session: aiohttp.ClientSession,
    handler: Handler,
    waits: Waits,
    *,
    held_s: float = 0.0,
    on_packaging: OnPackaging | None = None,
) -> bytes:
    app = web.Application()
    app.router.add_get("/x", handler)
    async with TestServer(app) as server:
        client = EdgeClient(
            session, "secret", patience=patience(waits, held_s=held_s, on_packaging=on_packaging)
        )
        part = await client.read_range(str(server.make_url("/x")), PART, complete_length=10)
        return part.data


def answering(
    status: int = 206,
    *,
    body: bytes = b"2345",
    content_range: str = "bytes 2-5/10",
    fields: dict[str, str] | None = None,
) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer secret"
        headers = {"Content-Range": content_range, **(fields or {})}
        return web.Response(status=status, body=body, headers=headers)

    return handler


PROBLEM = {"Content-Type": "application/problem+json"}


@pytest.mark.parametrize(
    ("handler", "error", "told"),
    [
        pytest.param(
            answering(
                401, body=b'{"title":"Expired","detail":"An hour\\u001b ago"}', fields=PROBLEM
            ),
            TokenRefusedError,
            "Expired: An hour ago",
            id="401 with a problem",
        ),
        pytest.param(answering(403, body=b"{", fields=PROBLEM), TokenRefusedError, "", id="403"),
        pytest.param(answering(404), NotFoundError, "Not Found", id="404"),
        pytest.param(answering(410), NotFoundError, "410", id="410"),
        pytest.param(
            answering(500, body=b"[]", fields=PROBLEM), UnexpectedStatusError, "", id="500"
        ),
        pytest.param(answering(503), UnexpectedStatusError, "503", id="503 without Retry-After"),
        pytest.param(
            answering(302, fields={"Location": "http://evil.example/"}),
            UnexpectedStatusError,
            "302",
            id="a redirect",
        ),
        pytest.param(answering(200), WrongRangeError, "whole file", id="range ignored"),
        pytest.param(answering(content_range="bytes 3-6/10"), WrongRangeError, "3-6", id="shifted"),
        pytest.param(answering(content_range="bytes 2-5/11"), WrongRangeError, "/11", id="length"),
        pytest.param(answering(content_range="none"), WrongRangeError, "none", id="no range"),
        pytest.param(answering(body=b"234"), TruncatedBodyError, "3 of 4", id="short"),
        pytest.param(answering(body=b"23456"), MalformedAnswerError, "larger", id="long"),
    ],
)
async def test_a_bad_answer_has_its_error(
    session: aiohttp.ClientSession, handler: Handler, error: type[PlayerError], told: str
):
    with pytest.raises(error) as raised:
        await ask(session, handler, Waits())
    assert told in str(raised.value)
    assert "secret" not in str(raised.value)
    assert "\x1b" not in str(raised.value)
    assert raised.value.advice


async def test_a_range_is_asked_for_and_returned(session: aiohttp.ClientSession):
    assert await ask(session, answering(), Waits()) == b"2345"


async def test_what_broke_once_is_tried_again(session: aiohttp.ClientSession):
    good, tries = answering(), []

    async def handler(request: web.Request) -> web.StreamResponse:
        tries.append(request.headers["Range"])
        if len(tries) == 1:
            assert request.transport is not None
            request.transport.close()
        return await good(request)

    assert await ask(session, handler, Waits()) == b"2345"
    assert tries == ["bytes=2-5"] * 2


async def test_a_rendition_that_is_being_packaged_is_waited_for(session: aiohttp.ClientSession):
    waits, good = Waits(), answering()
    busy = answering(503, fields={"Retry-After": "7"})

    async def handler(request: web.Request) -> web.StreamResponse:
        return await (busy if len(waits.seconds) < 3 else good)(request)

    assert await ask(session, handler, waits) == b"2345"
    assert waits.seconds == [7.0] * 3


@pytest.mark.parametrize(
    ("told", "progress"),
    [
        pytest.param(0.25, 0.25, id="a share"),
        pytest.param(1, 1.0, id="all of it"),
        pytest.param(7, None, id="no share"),
        pytest.param("much", None, id="no number"),
        pytest.param(True, None, id="a bool"),
        pytest.param(None, None, id="nothing"),
    ],
)
async def test_progress_is_told_while_waiting(
    session: aiohttp.ClientSession, told: object, progress: float | None
):
    seen: list[Packaging] = []
    waits, good = Waits(), answering()
    problem = json.dumps({"type": "urn:attacca:problem:packaging", "progress": told}).encode()
    kind = {"Retry-After": "2", "Content-Type": "application/problem+json"}
    busy = answering(503, body=problem, fields=kind)

    async def handler(request: web.Request) -> web.StreamResponse:
        return await (busy if len(waits.seconds) < 2 else good)(request)

    assert await ask(session, handler, waits, held_s=10.0, on_packaging=seen.append) == b"2345"
    assert seen == [Packaging(progress, 10.0), Packaging(progress, 22.0)]


async def test_waiting_has_an_end(session: aiohttp.ClientSession):
    waits = Waits()
    with pytest.raises(StillPackagingError) as raised:
        await ask(session, answering(503, fields={"Retry-After": "90"}), waits)
    assert sum(waits.seconds) == raised.value.waited_s <= 300
    assert max(waits.seconds) <= 15


async def test_the_time_that_requests_are_held_counts_as_waiting(session: aiohttp.ClientSession):
    waits = Waits()
    busy = answering(503, fields={"Retry-After": "1"})
    with pytest.raises(StillPackagingError) as raised:
        await ask(session, busy, waits, held_s=99.0)
    assert len(waits.seconds) == 3
    assert raised.value.waited_s == 399.0


async def test_an_edge_that_is_not_there_is_unreachable(session: aiohttp.ClientSession):
    async with TestServer(web.Application()) as server:
        gone = str(server.make_url("/x"))
    with pytest.raises(EdgeUnreachableError):
        await EdgeClient(session, "", patience=patience(Waits())).read_document(gone, bytes_max=10)


async def test_an_edge_that_hangs_times_out():
    never = asyncio.Event()

    async def handler(request: web.Request) -> web.Response:
        await never.wait()
        return web.Response()

    timeout = aiohttp.ClientTimeout(total=0.05)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        with pytest.raises(EdgeTimeoutError):
            await ask(session, handler, Waits())


async def test_what_does_not_speak_http_is_malformed(session: aiohttp.ClientSession):
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"220 mail.example ESMTP\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        client = EdgeClient(session, "", patience=patience(Waits()))
        with pytest.raises(MalformedAnswerError):
            await client.read_document(f"http://127.0.0.1:{port}/", bytes_max=10)
