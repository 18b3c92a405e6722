"""Heads of answers from memory: what can be made once for a stored response is. No I/O, no clock.

They say, in the same order, what `edge.answers` says of a hit.
"""

from dataclasses import dataclass
from typing import Final

from edge.fields import CACHE_NAME, Fields

_END: Final = (
    b"Age: %%d\r\nCache-Status: %b; hit; ttl=%%d\r\n"
    b"Server-Timing: cache;desc=hit, edge;dur=%%.2f\r\n\r\n" % CACHE_NAME.encode()
)
_WHOLE: Final = b"%bContent-Length: %d\r\n" + _END
_PART: Final = b"%bContent-Length: %d\r\nContent-Range: bytes %d-%d/%d\r\n" + _END


@dataclass(frozen=True, slots=True)
class HitTimes:
    """When what is stored came, and how long it is good. Times are seconds since the epoch.

    Attributes:
        response_s: when it came.
        age_s: its age then, in seconds.
        lifetime_s: the age at which it is stale.
    """

    response_s: float
    age_s: float
    lifetime_s: float


class HitHead:
    """What answers from one stored response, as it stands now, have in common.

    Args:
        fields: that all of them begin with; ASCII.
        length: of the content, in bytes.
        times: of the stored response.
        is_whole_sent: all of it may be sent at once.

    Attributes:
        length: of the content, in bytes.
        is_whole_sent: all of it may be sent at once.
    """

    __slots__ = ("_part", "_times", "_whole", "is_whole_sent", "length")

    def __init__(
        self, fields: Fields, length: int, times: HitTimes, *, is_whole_sent: bool
    ) -> None:
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode("ascii")
        self.length = length
        self.is_whole_sent = is_whole_sent
        self._times = times
        self._whole = b"HTTP/1.1 200 OK\r\n" + lines
        self._part = b"HTTP/1.1 206 Partial Content\r\n" + lines

    def fresh_age_s(self, now_s: float) -> float | None:
        """Its age while it is fresh; None afterwards."""
        times = self._times
        age_s = times.age_s
        if now_s > times.response_s:
            age_s += now_s - times.response_s
        return age_s if age_s < times.lifetime_s else None

    def place_of(
        self, bounds: tuple[bytes, bytes] | None, *, is_head: bool
    ) -> tuple[int, int] | None:
        """The bytes `[start, stop)` that are asked for; None if it takes a closer look.

        Args:
            bounds: first and last position as digits, of which one may be empty; None for all.
            is_head: it is a HEAD, which gets none of them.
        """
        if bounds is None:
            return (0, self.length) if self.is_whole_sent or is_head else None
        first, last = bounds
        if not first:  # The last ones.
            start, stop = max(0, self.length - int(last or b"0")), self.length
        else:
            start = int(first)
            stop = min(int(last) + 1, self.length) if last else self.length
        return (start, stop) if start < stop else None

    def text(self, place: tuple[int, int] | None, *, age_s: float, edge_ms: float) -> bytes:
        """The head of an answer.

        Args:
            place: the bytes `[start, stop)` that it carries; None for a 200, with all of them.
            age_s: see `fresh_age_s`.
            edge_ms: milliseconds that the answer has taken until now.
        """
        end = age_s, self._times.lifetime_s - age_s, edge_ms
        if place is None:
            return _WHOLE % (self._whole, self.length, *end)
        start, stop = place
        return _PART % (self._part, stop - start, start, stop - 1, self.length, *end)
