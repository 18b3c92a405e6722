"""The road of what other members ask: nothing of listeners is on it, tokens least of all."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final

import orjson
from aiohttp import web

from edge.cache_request import CacheRequest
from edge.connection import cut_connection, pass_interim
from edge.errors import EdgeError, RangeNotSatisfiableError
from edge.exchange import Exchange
from edge.fields import member_fields
from edge.metrics import EdgeCounts
from edge.peers.answering import MemberPasser, answer_error
from edge.peers.member import PeerLostError
from edge.peers.members import Members
from edge.peers.placing import place
from edge.peers.wording import CALL_BYTES_MAX, MET_FIELD, Hop, Met, read_hop
from edge.ports import UpstreamRequest
from edge.serving import Serving
from edge.target import Target, parse_target

logger = logging.getLogger(__name__)

Call = Callable[[dict[str, Any], Hop], Awaitable[dict[str, object]]]
"""Does what a member asks for, which came this way; the answer is for him."""

_CACHED_METHODS: Final = frozenset({"GET", "HEAD"})
_NOT_READY: Final = "not_ready"


class PeerRoad:
    """Answers other members.

    Args:
        serving: of what is stored, for members.
        passer: of what another worker of this node says.
        members: who else there is.
        calls: what members may have done, by path.
        is_token_checked: nothing of a listener's came along.
        counts: of this worker.

    Attributes:
        is_ready: content is served; before that and afterwards only calls are answered.
    """

    def __init__(
        self,
        *,
        serving: Serving,
        passer: MemberPasser,
        members: Members,
        calls: Mapping[str, Call],
        is_token_checked: bool,
        counts: EdgeCounts,
    ) -> None:
        self.is_ready = False
        self._serving = serving
        self._passer = passer
        self._members = members
        self._calls = calls
        self._is_token_checked = is_token_checked
        self._counts = counts
        self._monotonic = asyncio.get_running_loop().time

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        hop = read_hop(request.headers)
        if hop is None:
            return web.Response(status=403)
        if request.method == "POST":
            return await self._call(request, hop)
        exchange = Exchange(request.method, self._monotonic(), hop.value)
        try:
            return await self._answer(request, exchange, hop)
        except EdgeError as error:
            return self._tell(request, exchange, error)
        except ConnectionError:
            return _cut(request)
        except Exception:  # The connection's boundary: nothing may end the listener.
            logger.exception("a member's request failed", extra={"method": request.method})
            return _cut(request)
        finally:
            result = exchange.detail or exchange.result.value
            self._counts.peer_served[hop.value, result] += 1
            self._counts.peer_served_bytes += exchange.content_bytes

    def refuse_unread(self, request: web.BaseRequest, is_unreadable: bool) -> web.Response:  # noqa: FBT001
        """The answer to what is not HTTP, or to what went wrong outside of `handle`."""
        del request
        return web.Response(status=400 if is_unreadable else 500)

    def _tell(
        self, request: web.BaseRequest, exchange: Exchange, error: EdgeError
    ) -> web.StreamResponse:
        """Say why there is no answer; a member must never take half of one for the whole of it."""
        if exchange.status:
            return _cut(request)
        exchange.detail = error.reason
        if isinstance(error, RangeNotSatisfiableError):
            headers = {**error.headers, MET_FIELD: Met(error.reason).field_value()}
            return web.Response(status=error.status, headers=headers)
        return answer_error(exchange, error.reason, status=error.status)

    async def _answer(
        self, request: web.BaseRequest, exchange: Exchange, hop: Hop
    ) -> web.StreamResponse:
        if not self.is_ready or request.method not in _CACHED_METHODS:
            return answer_error(exchange, _NOT_READY, status=503)
        # A member has taken the token away: whatever is left is the cache key.
        target = parse_target(request.raw_path, host=None, is_token_checked=False)
        if hop is Hop.NODE:
            relayed = await self._relay(request, exchange, target)
            if relayed is not None:
                return relayed
        return await self._serving.answer(
            CacheRequest.read(
                request,
                target,
                exchange,
                is_token_checked=self._is_token_checked,
                fill_fields=member_fields(request.headers, is_for_all=True),
            )
        )

    async def _relay(
        self, request: web.BaseRequest, exchange: Exchange, target: Target
    ) -> web.StreamResponse | None:
        """Have the owner among the workers of this node answer another node; None without him.

        Nothing of it is kept here: that node mirrors it.
        """
        fields = member_fields(request.headers, is_for_all=False)
        span, _ = place(fields)
        asked = UpstreamRequest(
            request.method, target.upstream, fields, on_interim=partial(pass_interim, request)
        )
        for member in self._members.way(target.upstream, span, hop=Hop.NODE):
            try:
                answer = await member.ask(asked)
            except PeerLostError:
                continue
            exchange.detail = "relayed"
            return await self._passer.stream_back(request, exchange, answer)
        return None

    async def _call(self, request: web.BaseRequest, hop: Hop) -> web.Response:
        call = self._calls.get(request.path)
        try:
            content = await request.clone(client_max_size=CALL_BYTES_MAX).read()
            document: object = orjson.loads(content)
        except orjson.JSONDecodeError:
            document = None
        if call is None or not isinstance(document, dict):
            return web.Response(status=400)
        try:
            answer = await call(document, hop)
        except (KeyError, TypeError, ValueError):
            return web.Response(status=400)
        return web.Response(body=orjson.dumps(answer), content_type="application/json")


def _cut(request: web.BaseRequest) -> web.Response:
    cut_connection(request)
    return web.Response(status=500)
