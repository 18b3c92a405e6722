"""How a role listens: an aiohttp server on a socket, errors as problem documents, an admin port.

Every role has a public listener and an admin listener with `/metrics`, `/healthz` and `/readyz`.
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Final, Protocol, cast

import orjson
from aiohttp import hdrs, web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from config.credentials import CallRefusedError, Credential, require_bearer
from config.loop_watch import watched_loop
from config.sockets import BACKLOG, Queue, bind_tcp, port_of
from http_semantics.problem import CONTENT_TYPE, Problem

logger = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Middleware = Callable[[web.Request, Handler], Awaitable[web.StreamResponse]]
# Reasons why a role is not ready, by slug; empty when it is.
Readiness = Callable[[], Mapping[str, str]]

# Slugs are for good, and Python's own phrases change: RFC 9110 section 15.5 has these names.
_HTTP_PROBLEMS: Final = {
    400: ("bad-request", "Bad request"),
    404: ("not-found", "Not found"),
    405: ("method-not-allowed", "Method not allowed"),
    408: ("request-timeout", "Request timeout"),
    411: ("length-required", "Length required"),
    413: ("content-too-large", "Content too large"),
    415: ("unsupported-media-type", "Unsupported media type"),
    417: ("expectation-failed", "Expectation failed"),
}

_NO_STORE: Final = {"Cache-Control": "no-store"}


class _ToldError(Protocol):
    """What an error of a component says of itself."""

    status: int
    reason: str
    title: str


def problem_response(problem: Problem) -> web.Response:
    """`problem` as a response."""
    headers = {**problem.headers, hdrs.CONTENT_TYPE: CONTENT_TYPE}
    return web.Response(status=problem.status, body=problem.body(), headers=headers)


def problem_of(error: Exception) -> Problem:
    """The problem that an error of one of our components stands for.

    The error names its `status`, its stable `reason` and its `title`; `advice`, `headers` and
    `members` where it has them.
    """
    told = cast("_ToldError", error)
    detail = str(error)
    advice: str = getattr(error, "advice", "")
    if advice:
        detail = f"{detail}. {advice}" if detail else advice
    return Problem(
        slug=told.reason.replace("_", "-"),
        title=told.title,
        status=told.status,
        detail=detail,
        members=getattr(error, "members", {}),
        headers=getattr(error, "headers", _NO_STORE),
    )


def answering_problems(
    *error_bases: type[Exception],
) -> Callable[..., Awaitable[web.StreamResponse]]:
    """Middleware that turns errors into problem documents.

    Args:
        error_bases: errors that a component raises on purpose (see `problem_of`). Anything else
            is a fault of ours: it is logged with its traceback and told as 500 without detail.
    """
    told_errors: tuple[type[Exception], ...] = (CallRefusedError, *error_bases)

    @web.middleware
    async def answer_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except told_errors as error:
            return problem_response(problem_of(error))
        except web.HTTPException as error:
            if error.status < 400:
                raise
            return problem_response(_problem_of_http(error))
        except (asyncio.CancelledError, ConnectionResetError):
            raise
        except Exception:  # The connection's boundary: nothing may end the listener.
            logger.exception("a request failed", extra={"method": request.method})
            return problem_response(
                Problem("internal", "Something is wrong on our side.", 500, headers=_NO_STORE)
            )

    return answer_problems


def _problem_of_http(error: web.HTTPException) -> Problem:
    allow = error.headers.get(hdrs.ALLOW)
    headers = _NO_STORE if allow is None else {**_NO_STORE, "Allow": allow}
    slug, title = _HTTP_PROBLEMS.get(error.status, (f"status-{error.status}", error.reason))
    return Problem(slug, f"{title}.", error.status, headers=headers)


@contextlib.asynccontextmanager
async def open_listener(
    app: web.Application, *, host: str, port: int, shutdown_s: float = 5.0
) -> AsyncIterator[str]:
    """Serve `app` until the block is left; requests under way then have `shutdown_s` to end.

    Yields:
        The URL to reach it by. Port 0 picks a free one.

    Raises:
        ListenerError: the address is taken or not of this machine.
    """
    (queue,) = bind_tcp(host, port)
    async with open_listener_on(app, queue, shutdown_s=shutdown_s):
        yield url_of_queue(host, queue)


@contextlib.asynccontextmanager
async def open_listener_on(
    app: web.Application, queue: Queue, *, shutdown_s: float = 5.0
) -> AsyncIterator[None]:
    """The same on sockets that are bound; they are closed at the end."""
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=shutdown_s)
    await runner.setup()
    try:
        await start_sites(runner, queue)
        yield
    finally:
        await runner.cleanup()


async def start_site(runner: web.BaseRunner, *, host: str, port: int) -> str:
    """Listen on an address with a runner that is set up.

    Returns:
        The URL to reach it by.

    Raises:
        ListenerError: the address is taken or not of this machine.
    """
    (queue,) = bind_tcp(host, port)
    await start_sites(runner, queue)
    return url_of_queue(host, queue)


async def start_sites(runner: web.BaseRunner, queue: Queue) -> tuple[web.SockSite, ...]:
    """Serve with a runner that is set up, on sockets that are bound; it closes them."""
    sites = tuple(web.SockSite(runner, one, backlog=BACKLOG) for one in queue)
    for site in sites:
        await site.start()
    return sites


def url_of(host: str, port: int, *, scheme: str = "http") -> str:
    """`http://host:port`, with the brackets that an IPv6 address needs."""
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def url_of_queue(host: str, queue: Queue, *, scheme: str = "http") -> str:
    """The URL of what is bound; with a Unix socket, of what is asked for over it."""
    first = queue[0]
    if first.family is socket.AF_UNIX:
        return f"{scheme}://localhost"
    return url_of(host, port_of(first), scheme=scheme)


def admin_app(  # noqa: PLR0913 - each is a thing of its own
    *,
    registry: CollectorRegistry,
    readiness: Readiness,
    operator: Credential | None,
    weaknesses: Readiness = dict,
    is_metrics_open: bool = True,
    is_loop_watched: bool = True,
    allowed_hosts: frozenset[str] = frozenset(),
) -> web.Application:
    """The admin listener of a role: `/metrics`, `/healthz`, `/readyz`.

    `registry` is told of the event loop as well while it listens, if that `is_loop_watched`.

    What `readiness` names keeps the role from its work: 503. What `weaknesses` names does not, and
    a balancer that turned away for it would only make things worse: 200, and a word about it.

    Whatever else is added to it, and `/metrics` unless it is open, needs the operator's
    credential; without one configured it is closed.
    """
    open_paths = {"/healthz", "/readyz"} | ({"/metrics"} if is_metrics_open else set())

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path not in open_paths:
            if operator is None:
                raise CallRefusedError("no operator's credential is configured")
            require_bearer(request.headers, operator, allowed_hosts=allowed_hosts)
        return await handler(request)

    async def healthz(_: web.Request) -> web.Response:
        return _json({"status": "ok"})

    async def readyz(_: web.Request) -> web.Response:
        faults, weak = dict(readiness()), dict(weaknesses())
        status = "not ready" if faults else "degraded" if weak else "ready"
        document = {"status": status, "reasons": {**weak, **faults}}
        return _json(document, status=503 if faults else 200)

    async def metrics(request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get(hdrs.ACCEPT, ""))
        body = await asyncio.to_thread(encode, registry)
        return web.Response(body=body, headers={hdrs.CONTENT_TYPE: content_type, **_NO_STORE})

    async def watch_loop(_: web.Application) -> AsyncIterator[None]:
        with watched_loop(registry):
            yield

    app = web.Application(middlewares=[answering_problems(), guard])
    if is_loop_watched:
        app.cleanup_ctx.append(watch_loop)
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics)
    return app


def _json(document: object, *, status: int = 200) -> web.Response:
    return web.Response(
        status=status,
        body=orjson.dumps(document),
        content_type="application/json",
        headers=_NO_STORE,
    )
