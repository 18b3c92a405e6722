"""One request and its answer, as they are counted and logged when both are over. No I/O."""

from dataclasses import dataclass

from edge.access_line import AccessLine
from edge.metrics import CacheResult
from http_semantics.cache_status import Forward


@dataclass(slots=True)
class Exchange:
    """What became of a request so far. Times are monotonic seconds.

    Attributes:
        method: of the request.
        started_s: when its head had arrived.
        shown: its path without token and query; None if the target was refused.
        client: address of the client.
        range_field: `Range` of a GET, as it was sent; of others it means nothing.
        session: the token's, once it was checked.
        forward: why it went forward; None if it did not.
        forward_status: what the upstream answered, where that is told.
        is_collapsed: it shared another request's way to the upstream.
        is_stored: what the upstream answered was stored.
        is_refused: it was answered before the cache was asked.
        detail: why it was not stored, or what failed.
        upstream_s: how long the upstream was waited for.
        status: of the answer, 0 if there was none.
        content_bytes: of the answer, as far as they were sent.
        first_byte_s: when the answer began.
    """

    method: str
    started_s: float
    client: str
    range_field: str | None = None
    shown: str | None = None
    session: str | None = None
    forward: Forward | None = None
    forward_status: int | None = None
    is_collapsed: bool = False
    is_stored: bool = False
    is_refused: bool = True
    detail: str | None = None
    upstream_s: float | None = None
    status: int = 0
    content_bytes: int = 0
    first_byte_s: float | None = None

    @property
    def payer(self) -> str:
        """Who answers for what is fetched: the session, or for want of one the address."""
        return self.session or self.client

    @property
    def result(self) -> CacheResult:
        """How it was met, in one word."""
        if self.is_refused:
            return CacheResult.REFUSED
        return CacheResult.HIT if self.forward is None else CacheResult(self.forward.value)

    def line(self, *, now_s: float, time_s: float) -> AccessLine:
        """For the access log; nothing in it opens anything.

        Args:
            now_s: when it was over, by the monotonic clock.
            time_s: the same by the wall clock.
        """
        first_byte_s = now_s if self.first_byte_s is None else self.first_byte_s
        return (
            time_s,
            self.method,
            self.shown,
            self.status,
            self.result,
            self.content_bytes,
            first_byte_s - self.started_s,
            now_s - self.started_s,
            self.client,
            self.session,
            self.detail,
            self.is_collapsed,
            self.upstream_s,
            self.range_field,
            0,
        )
