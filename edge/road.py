"""The ordinary road: what happens to a request, from its head to the last byte of its answer.

Every decision is made elsewhere and without I/O (`edge.target`, `edge.access`, `edge.lookup`,
`edge.upstream_answers`); this shell moves the bytes.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from aiohttp import web

from config.credentials import CallRefusedError, guard_local_call
from config.listener import problem_of, problem_response
from drm.tokens import TokenAmbiguousError, TokenError, TokenForeignError
from edge.access import Admission, Gate
from edge.access_log import AccessLog
from edge.answers import complete_fields, preflight_fields, server_fields, tell_status
from edge.connection import client_of, cut_connection
from edge.errors import (
    EdgeError,
    LoopError,
    MethodRefusedError,
    TooManyRefusalsError,
    TransferCodingError,
)
from edge.exchange import Exchange
from edge.fields import LOOP_FIELD, joined
from edge.invalidation import Invalidation
from edge.metrics import EdgeCounts
from edge.passing import Passer
from edge.ports import Upstream
from edge.routes import Route, route_of
from edge.serving import Serving
from edge.target import Target, parse_target
from edge.token_keys import TokenKeys
from http_semantics.cache_status import Forward
from http_semantics.problem import Problem

logger = logging.getLogger(__name__)

_REFUSED_METHODS: Final = frozenset({"CONNECT", "TRACE"})
_NO_STORE: Final = {"Cache-Control": "no-store"}
_UNREADABLE: Final = Problem(
    "bad-request", "The request cannot be served as it stands.", 400, headers=_NO_STORE
)
_INTERNAL: Final = Problem("internal", "Something is wrong on our side.", 500, headers=_NO_STORE)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What checks tokens; absent where they are not checked.

    Attributes:
        gate: checks them.
        keys: that they are checked with.
        drm: issues them.
        allowed_hosts: names of this node, beside those of loopback, for calls that issue tokens.
    """

    gate: Gate
    keys: TokenKeys
    drm: Upstream
    allowed_hosts: frozenset[str] = frozenset()


class Road:
    """Answers requests.

    Args:
        serving: GET and HEAD.
        invalidation: of what is changed.
        passer: everything else.
        origin: where it goes.
        checkpoint: checks tokens.
        node_id: told to upstreams; a request that names it has been here before.
        clock: seconds since the epoch.
        counts: of this worker.
        log: of requests.
    """

    def __init__(  # noqa: PLR0913 - each is a part of its own
        self,
        *,
        serving: Serving,
        invalidation: Invalidation,
        passer: Passer,
        origin: Upstream,
        checkpoint: Checkpoint | None,
        node_id: str,
        clock: Callable[[], float],
        counts: EdgeCounts,
        log: AccessLog,
    ) -> None:
        self._serving = serving
        self._invalidation = invalidation
        self._passer = passer
        self._origin = origin
        self._checkpoint = checkpoint
        self._node_id = node_id
        self._clock = clock
        self._counts = counts
        self._log = log
        self._monotonic = asyncio.get_running_loop().time

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; count and log it when it is over."""
        exchange = Exchange(
            request.method,
            self._monotonic(),
            client_of(request),
            range_field=request.headers.get("Range") if request.method == "GET" else None,
        )
        try:
            return await self._answer(request, exchange)
        except (EdgeError, TokenError, CallRefusedError) as error:
            self._count_error(error, exchange)
            return self._refuse(request, exchange, problem_of(error))
        except ConnectionError:
            exchange.detail = "aborted"
            return _cut(request)
        except asyncio.CancelledError:
            exchange.detail = "aborted"
            raise
        except Exception:  # The connection's boundary: nothing may end the listener.
            logger.exception("a request failed", extra={"method": request.method})
            exchange.detail = "internal"
            return self._refuse(request, exchange, _INTERNAL)
        finally:
            self._note(exchange)

    def refuse_unread(self, request: web.BaseRequest, is_unreadable: bool) -> web.Response:  # noqa: FBT001
        """The answer to what is not HTTP, or to what went wrong outside of `handle`."""
        exchange = Exchange("", self._monotonic(), client_of(request))
        problem = _UNREADABLE if is_unreadable else _INTERNAL
        exchange.detail = problem.slug.replace("-", "_")
        response = self._problem(exchange, problem)
        self._note(exchange)
        return response

    async def _answer(self, request: web.BaseRequest, exchange: Exchange) -> web.StreamResponse:
        self._check_form(request)
        checkpoint = self._checkpoint
        if checkpoint is not None and request.method == "OPTIONS":
            exchange.status = 204
            return web.Response(status=204, headers=preflight_fields())
        if request.method == "OPTIONS" and request.raw_path == "*":
            exchange.status = 204
            return web.Response(status=204, headers=server_fields())
        target = parse_target(
            request.raw_path,
            host=request.headers.get("Host"),
            is_token_checked=checkpoint is not None,
        )
        exchange.shown = target.shown
        if checkpoint is not None:
            route = route_of(target.path)
            if route is Route.DRM_OWN_CREDENTIAL:
                if target.token is not None:
                    raise TokenAmbiguousError
                guard_local_call(request.headers, allowed_hosts=checkpoint.allowed_hosts)
                own = request.headers.get("Authorization")
                return await self._pass(request, exchange, checkpoint.drm, target, own)
            admission = await self._admit(checkpoint, request, target)
            exchange.session = admission.claims.session
            if route is Route.DRM_WITH_TOKEN:
                bearer = f"Bearer {admission.token}"
                return await self._pass(request, exchange, checkpoint.drm, target, bearer)
        if request.method not in {"GET", "HEAD"} or request.can_read_body:
            return await self._pass(request, exchange, self._origin, target, None)
        return await self._serving.serve(request, exchange, target)

    def _check_form(self, request: web.BaseRequest) -> None:
        """Refuse what no cache answers, wherever it is to go.

        Raises:
            DownstreamError: the method, the transfer coding or the way of the request.
        """
        if request.method in _REFUSED_METHODS:
            raise MethodRefusedError(f"{request.method} is not for a cache")
        coding = joined(request.headers, "Transfer-Encoding")
        if coding is not None and coding.strip().lower() != "chunked":
            raise TransferCodingError("only chunked")  # RFC 9112 section 6.1
        if self._node_id in (joined(request.headers, LOOP_FIELD) or ""):
            raise LoopError("the upstream of this node, or one behind it, leads back here")

    async def _admit(
        self, checkpoint: Checkpoint, request: web.BaseRequest, target: Target
    ) -> Admission:
        admit = partial(
            checkpoint.gate.admit,
            target,
            request.headers,
            client=client_of(request),
            now_s=self._clock(),
        )
        checkpoint.keys.require()
        try:
            return admit(monotonic_s=self._monotonic())
        except TokenForeignError:
            if not await checkpoint.keys.refresh_early():
                raise
            return admit(monotonic_s=self._monotonic())

    async def _pass(
        self,
        request: web.BaseRequest,
        exchange: Exchange,
        upstream: Upstream,
        target: Target,
        authorization: str | None,
    ) -> web.StreamResponse:
        """Past the cache; what an unsafe method has changed is no longer served from it."""
        exchange.is_refused = False
        is_cached_method = request.method in {"GET", "HEAD"}
        exchange.forward = Forward.BYPASS if is_cached_method else Forward.METHOD
        answer = await self._passer.forward(
            request,
            exchange,
            upstream,
            target.upstream,
            authorization=authorization,
            is_session_told=upstream is self._origin,
        )
        try:
            if upstream is self._origin:
                await self._invalidation.heed(request, target, answer)
        except BaseException:
            answer.close()
            raise
        return await self._passer.stream_back(request, exchange, answer)

    def _count_error(
        self, error: EdgeError | TokenError | CallRefusedError, exchange: Exchange
    ) -> None:
        exchange.detail = error.reason
        if isinstance(error, TokenError | TooManyRefusalsError):
            self._counts.token_refusals[error.reason] += 1

    def _refuse(
        self, request: web.BaseRequest, exchange: Exchange, problem: Problem
    ) -> web.StreamResponse:
        """Answer with a problem document, or cut the connection if an answer has begun.

        A listener must never take half of an answer for the whole of it.
        """
        if exchange.status:
            return _cut(request)
        response = self._problem(exchange, problem)
        if request.method == "HEAD":
            exchange.content_bytes = 0
        if not request.content.is_eof() or request.method == "CONNECT":
            response.force_close()  # The next request would begin somewhere behind it.
        return response

    def _problem(self, exchange: Exchange, problem: Problem) -> web.Response:
        now_s = self._monotonic()
        response = problem_response(problem)
        complete_fields(response.headers, has_cors=self._checkpoint is not None)
        if not exchange.is_refused and exchange.forward is None:
            # From what is stored; of what is made up here RFC 9211 section 2 says nothing.
            tell_status(response.headers, exchange, now_s=now_s)
        exchange.status = problem.status
        exchange.first_byte_s = now_s
        exchange.content_bytes = len(problem.body())
        return response

    def _note(self, exchange: Exchange) -> None:
        now_s = self._monotonic()
        first_byte_s = now_s if exchange.first_byte_s is None else exchange.first_byte_s
        self._counts.note_response(
            exchange.result,
            status=exchange.status,
            content_bytes=exchange.content_bytes,
            first_byte_s=first_byte_s - exchange.started_s,
        )
        if self._log.is_on:
            self._log.note(exchange.line(now_s=now_s, time_s=self._clock()))


def _cut(request: web.BaseRequest) -> web.Response:
    """Close the connection; the result is for aiohttp, which finds that it cannot send it."""
    cut_connection(request)
    return web.Response(status=500)
