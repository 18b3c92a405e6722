"""Heads of answers from memory: what can be made once for a stored response is. No I/O, no clock.

They say, in the same order, what `edge.answers` says of a hit.
"""

from dataclasses import dataclass
from typing import Final

import orjson

from drm.tokens import TokenPath
from edge.fields import CACHE_NAME, Fields
from edge.plain_requests import Bounds
from edge.target import TOKEN_MASK

_DIGITS_MAX: Final = 18

_WHOLE: Final = b"Age: %%d\r\nCache-Status: %b; hit; ttl=%%d\r\n%%b" % CACHE_NAME.encode()
_PART: Final = b"Content-Length: %d\r\nContent-Range: bytes %d-%d/%d\r\n" + _WHOLE

Head = tuple[bytes, bytes]
"""A head in two parts, of which the first one is always the same.

As one piece it would take the allocator longer than all the rest of making it: formatted bytes of
more than 512 are made too long at first, and then cut.
"""


def timing_of(edge_s: float) -> bytes:
    """How heads end: with what their answers have taken until now."""
    return b"Server-Timing: cache;desc=hit, edge;dur=%.2f\r\n\r\n" % (edge_s * 1e3)


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
        path: of the target, without token and query.
        fields: that all of them begin with; ASCII.
        length: of the content, in bytes.
        times: of the stored response.
        is_whole_sent: all of it may be sent at once.

    Attributes:
        path: what a token has to open.
        run_bytes_max: from the beginning of the first slice on, more is not sent at once.
        shown: the same as a text of JSON.
        shown_behind_token: the same where the token came in the path.
    """

    __slots__ = (
        "_age_s",
        "_is_whole_sent",
        "_length",
        "_lifetime_s",
        "_part",
        "_response_s",
        "_whole",
        "path",
        "run_bytes_max",
        "shown",
        "shown_behind_token",
    )

    def __init__(
        self, path: str, fields: Fields, length: int, times: HitTimes, *, is_whole_sent: bool
    ) -> None:
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode("ascii")
        self.path = TokenPath(path)
        self.run_bytes_max = length
        self.shown = orjson.dumps(path).decode()
        self.shown_behind_token = f'"{TOKEN_MASK}{self.shown[1:]}'
        self._length = length
        self._is_whole_sent = is_whole_sent
        self._response_s = times.response_s
        self._age_s = times.age_s
        self._lifetime_s = times.lifetime_s
        self._whole = b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n" % (lines, length)
        self._part = b"HTTP/1.1 206 Partial Content\r\n" + lines

    def fresh_age_s(self, now_s: float) -> float | None:
        """Its age while it is fresh; None afterwards."""
        age_s = self._age_s
        if now_s > self._response_s:
            age_s += now_s - self._response_s
        return age_s if age_s < self._lifetime_s else None

    def place_of(self, bounds: Bounds | None, *, is_head: bool) -> tuple[int, int] | None:
        """The bytes `[start, stop)` that are asked for; None if it takes a closer look.

        Args:
            bounds: first and last position as they came; None for all.
            is_head: it is a HEAD, which gets none of them.
        """
        length = self._length
        if bounds is None:
            return (0, length) if self._is_whole_sent or is_head else None
        first, last = bounds
        if last and not (last.isdigit() and len(last) <= _DIGITS_MAX):
            return None
        if first:
            if not first.isdigit() or len(first) > _DIGITS_MAX:
                return None
            start = int(first)
            stop = int(last) + 1 if last else length
            stop = min(stop, length)
        else:  # The last ones.
            stop = length
            start = max(0, length - int(last or b"0"))
        return (start, stop) if start < stop else None

    def whole(self, age_s: float, timing: bytes) -> Head:
        """The head of an answer with all of the content.

        Args:
            age_s: see `fresh_age_s`.
            timing: see `timing_of`.
        """
        return self._whole, _WHOLE % (age_s, self._lifetime_s - age_s, timing)

    def part(self, place: tuple[int, int], age_s: float, timing: bytes) -> Head:
        """The head of an answer with bytes `[start, stop)`."""
        start, stop = place
        ttl_s = self._lifetime_s - age_s
        length = self._length
        rest = _PART % (stop - start, start, stop - 1, length, age_s, ttl_s, timing)
        return self._part, rest
