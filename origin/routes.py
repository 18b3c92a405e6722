"""The origin's HTTP interface for edges: `/v1/tracks`, `/v1/audio`, `/v1/albums`, `/v1/library`."""

import contextlib
import logging
from collections.abc import AsyncGenerator, Callable
from typing import Final

from aiohttp import web

from config.listener import Handler, answering_problems
from drm.errors import DrmError
from origin.access import OriginCredentials, check_access
from origin.answer import Answer, answer
from origin.errors import NotFoundError, OriginError, StoreError
from origin.metrics import OriginMetrics
from origin.resources import Resource, Resources
from packager.errors import PackagerError

logger = logging.getLogger(__name__)

PAGE_DEFAULT: Final = 50
PAGE_MAX: Final = 200

# Bytes of content that were sent in answer to a request.
_SENT: Final = web.RequestKey("content_bytes", int)

_SERVER: Final = {"Server": "attacca"}


def origin_app(
    resources: Resources,
    *,
    credentials: OriginCredentials,
    allowed_hosts: frozenset[str],
    figures: OriginMetrics,
    clock: Callable[[], float],
) -> web.Application:
    """The application that answers edges.

    Args:
        resources: what there is.
        credentials: who may ask.
        allowed_hosts: host names of this listener, beside loopback.
        figures: counts answers.
        clock: seconds since the epoch.
    """

    @web.middleware
    async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        figures.record_response(
            request.match_info.route.name or "other",
            status=response.status,
            content_bytes=_content_bytes_of(request, response),
        )
        return response

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            check_access(request.headers, credentials, allowed_hosts=allowed_hosts)
            return await handler(request)
        except OriginError as error:
            figures.record_failure(error)
            raise

    async def send(request: web.Request, resource: Resource) -> web.StreamResponse:
        decided = answer(
            resource.representation,
            method=request.method,
            get=lambda name: _field(request, name),
            now_s=clock(),
        )
        return await _send(request, resource, decided, figures)

    async def track(request: web.Request) -> web.StreamResponse:
        return await send(request, await resources.track(request.match_info["track_id"]))

    async def audio(request: web.Request) -> web.StreamResponse:
        names = request.match_info
        found = await resources.audio(names["track_id"], names["version"], names["file"])
        return await send(request, found)

    async def album(request: web.Request) -> web.StreamResponse:
        return await send(request, await resources.album(request.match_info["album_id"]))

    async def library(request: web.Request) -> web.StreamResponse:
        after, limit = request.query.get("after", ""), _limit_of(request)
        found = await resources.library(after=after, limit=limit, on_failure=figures.record_failure)
        return await send(request, found)

    problems = answering_problems(OriginError, PackagerError, DrmError)
    app = web.Application(middlewares=[count, problems, guard])
    app.router.add_get("/v1/tracks/{track_id}", track, name="track")
    app.router.add_get("/v1/audio/{track_id}/{version}/{file}", audio, name="audio")
    app.router.add_get("/v1/albums/{album_id}", album, name="album")
    app.router.add_get("/v1/library", library, name="library")
    return app


async def _send(
    request: web.Request, resource: Resource, decided: Answer, figures: OriginMetrics
) -> web.StreamResponse:
    part = decided.part
    if part is None:
        return web.Response(status=decided.status, headers={**decided.fields, **_SERVER})
    async with contextlib.aclosing(resource.stream(start=part.start, stop=part.stop)) as chunks:
        # A store that fails at once can still be told in a proper answer.
        first = await anext(chunks)
        response = web.StreamResponse(status=decided.status, headers={**decided.fields, **_SERVER})
        await response.prepare(request)
        try:
            await _write(request, response, first, chunks)
        except StoreError as error:
            figures.record_failure(error)
            logger.warning("an answer was cut short", extra={"reason": error.reason})
            # The length is promised: only a cut connection tells that it is not kept.
            if request.transport is not None:
                request.transport.abort()
    return response


async def _write(
    request: web.Request,
    response: web.StreamResponse,
    first: bytes,
    chunks: AsyncGenerator[bytes, None],
) -> None:
    await response.write(first)
    request[_SENT] = len(first)
    async for chunk in chunks:
        await response.write(chunk)
        request[_SENT] += len(chunk)
    await response.write_eof()


def _field(request: web.Request, name: str) -> str | None:
    lines = request.headers.getall(name, [])
    return ", ".join(lines) if lines else None


def _limit_of(request: web.Request) -> int:
    text = request.query.get("limit", str(PAGE_DEFAULT))
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text) > 0):
        raise NotFoundError("limit is not a number from 1 on")
    return min(int(text), PAGE_MAX)


def _content_bytes_of(request: web.Request, response: web.StreamResponse) -> int:
    if isinstance(response, web.Response) and request.method != "HEAD":
        return response.content_length or 0
    sent: int = request.get(_SENT, 0)
    return sent
