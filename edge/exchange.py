"""One request and its answer, as they are counted and logged when both are over. No I/O."""

from dataclasses import dataclass

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

    def facts(self, *, now_s: float) -> dict[str, object]:
        """For the access log; nothing in it opens anything."""
        first_byte_s = now_s if self.first_byte_s is None else self.first_byte_s
        facts: dict[str, object] = {
            "method": self.method,
            "path": self.shown,
            "status": self.status,
            "result": self.result.value,
            "content_bytes": self.content_bytes,
            "first_byte_ms": round((first_byte_s - self.started_s) * 1e3, 3),
            "duration_ms": round((now_s - self.started_s) * 1e3, 3),
            "client": self.client,
        }
        optional = {
            "session": self.session,
            "detail": self.detail,
            "collapsed": self.is_collapsed or None,
            "upstream_ms": None if self.upstream_s is None else round(self.upstream_s * 1e3, 3),
        }
        facts.update((name, value) for name, value in optional.items() if value is not None)
        return facts
