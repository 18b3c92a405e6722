"""The origin's HTTP interface for edges.

`/v1/tracks`, `/v1/audio`, `/v1/albums`, `/v1/library` and `/v1/covers`.
"""

import contextlib
import logging
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from typing import Final

from aiohttp import web

from config.listener import Handler, answering_problems
from drm.errors import DrmError
from origin.access import OriginCredentials, check_access
from origin.answer import Answer, answer
from origin.errors import ObjectDamagedError, OriginError, QueryError, StoreError
from origin.intake.routes import is_intake_path
from origin.metrics import OriginMetrics
from origin.resources import Resource, Resources
from packager.errors import PackagerError

logger = logging.getLogger(__name__)

Finder = Callable[[web.Request], Awaitable[Resource]]

PAGE_DEFAULT: Final = 50
PAGE_MAX: Final = 200

# Bytes of content that were sent in answer to a request.
_SENT: Final = web.RequestKey("content_bytes", int)

SESSION_FIELD: Final = "Attacca-Session"
_SESSION: Final = re.compile(r"[0-9a-f]{16}", re.ASCII)

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
        if not response.prepared:
            response.headers.setdefault("Server", _SERVER["Server"])
        figures.record_response(
            request.match_info.route.name or "other",
            status=response.status,
            content_bytes=_content_bytes_of(request, response),
        )
        return response

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            if not is_intake_path(request.path):
                check_access(request.headers, credentials, allowed_hosts=allowed_hosts)
            return await handler(request)
        except (OriginError, PackagerError, DrmError) as error:
            figures.record_failure(error)
            raise

    def serving(find: Finder) -> Handler:
        async def serve(request: web.Request) -> web.StreamResponse:
            resource = await find(request)
            decided = answer(
                resource.representation,
                method=request.method,
                get=lambda name: _field(request, name),
                now_s=clock(),
            )
            if request.method == "HEAD":
                await resource.prove()
            return await _send(request, resource, decided, figures)

        return serve

    problems = answering_problems(OriginError, PackagerError, DrmError)
    app = web.Application(middlewares=[count, problems, guard])
    for name, path, find in _finders(resources, figures):
        app.router.add_get(path, serving(find), name=name)
    return app


def _finders(resources: Resources, figures: OriginMetrics) -> Iterator[tuple[str, str, Finder]]:
    """What is served: a name for the metrics, a path, and how to find it."""

    def name_of(request: web.Request, name: str) -> str:
        return request.match_info[name]

    yield "track", "/v1/tracks/{track_id}", lambda it: resources.track(name_of(it, "track_id"))
    yield (
        "audio",
        "/v1/audio/{track_id}/{version}/{file}",
        lambda it: resources.audio(
            name_of(it, "track_id"),
            name_of(it, "version"),
            name_of(it, "file"),
            session=_session_of(it),
        ),
    )
    yield "album", "/v1/albums/{album_id}", lambda it: resources.album(name_of(it, "album_id"))
    yield (
        "album_file",
        "/v1/albums/{album_id}/{file}",
        lambda it: resources.album_file(
            name_of(it, "album_id"), name_of(it, "file"), session=_session_of(it)
        ),
    )
    yield "cover", "/v1/covers/{file}", lambda it: resources.cover(name_of(it, "file"))
    yield (
        "library",
        "/v1/library",
        lambda it: resources.library(
            after=it.query.get("after", ""), limit=_limit_of(it), on_failure=figures.record_failure
        ),
    )


async def _send(
    request: web.Request, resource: Resource, decided: Answer, figures: OriginMetrics
) -> web.StreamResponse:
    part = decided.part
    if part is None:
        return web.Response(status=decided.status, headers={**decided.fields, **_SERVER})
    async with contextlib.aclosing(resource.stream(start=part.start, stop=part.stop)) as chunks:
        response = web.StreamResponse(status=decided.status, headers={**decided.fields, **_SERVER})
        try:
            # A store that fails at once can still be told in a proper answer.
            first = await anext(chunks)
            await response.prepare(request)
            await _write(request, response, first, chunks)
        except StoreError as error:
            if isinstance(error, ObjectDamagedError):
                resource.repair()
            if not response.prepared:
                raise
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


def _session_of(request: web.Request) -> str:
    """The listener's session as the edge tells it; anything else counts as none."""
    session = request.headers.get(SESSION_FIELD, "")
    return session if _SESSION.fullmatch(session) else ""


def _limit_of(request: web.Request) -> int:
    text = request.query.get("limit", str(PAGE_DEFAULT))
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text) > 0):
        raise QueryError("limit", "it is no number from 1 on")
    return min(int(text), PAGE_MAX)


def _content_bytes_of(request: web.Request, response: web.StreamResponse) -> int:
    if isinstance(response, web.Response) and request.method != "HEAD":
        return response.content_length or 0
    sent: int = request.get(_SENT, 0)
    return sent
