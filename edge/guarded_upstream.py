"""An upstream that is spared while it does not answer, and asked again where that is harmless."""

import asyncio
from typing import Final

from typing_extensions import override

from edge.breaker import Breaker, RetryBudget
from edge.errors import (
    CircuitOpenError,
    UpstreamLostError,
    UpstreamTimeoutError,
    UpstreamUnreachableError,
)
from edge.metrics import EdgeCounts
from edge.ports import Upstream, UpstreamAnswer, UpstreamRequest

# The upstream itself may be down. One that accepts a connection and drops it is there.
_ABSENT: Final = (UpstreamUnreachableError, UpstreamTimeoutError)


class GuardedUpstream(Upstream):
    """See `edge.ports.Upstream`.

    Args:
        upstream: to be spared.
        breaker: of it.
        retries: what may be sent a second time.
        counts: of this worker.
    """

    def __init__(
        self, upstream: Upstream, *, breaker: Breaker, retries: RetryBudget, counts: EdgeCounts
    ) -> None:
        self._upstream = upstream
        self._breaker = breaker
        self._retries = retries
        self._counts = counts
        self._now = asyncio.get_running_loop().time

    @override
    async def send(self, request: UpstreamRequest) -> UpstreamAnswer:
        self._retries.note_request()
        try:
            return await self._send_once(request)
        except UpstreamLostError:
            # A connection that was idle may have been closed just when the request left.
            if not _is_repeatable(request) or not self._retries.take():
                raise
        self._counts.retries += 1
        return await self._send_once(request)

    async def _send_once(self, request: UpstreamRequest) -> UpstreamAnswer:
        if not self._breaker.admits(now_s=self._now()):
            raise CircuitOpenError("the origin has not answered several times in a row")
        try:
            answer = await self._upstream.send(request)
        except _ABSENT:
            self._breaker.note_failure(now_s=self._now())
            raise
        self._breaker.note_answer()
        return answer


def _is_repeatable(request: UpstreamRequest) -> bool:
    return request.method in {"GET", "HEAD"} and request.content is None
