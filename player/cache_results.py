"""Reads `Cache-Status` (RFC 9211) of responses and counts what it says. No I/O."""

import enum
import re
from collections import Counter
from typing import Final

from player.report import CacheTally

# Parts of a structured field (RFC 9651): quoted strings, in which separators mean nothing, or runs
# without separators, or one separator.
_PARTS: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[^",;]+|[,;]')
_FIELD_MAX: Final = 8192


class CacheResult(enum.StrEnum):
    """What the nearest cache did with a request."""

    HIT = "hit"
    MISS = "miss"
    UNKNOWN = "unknown"


def parse_cache_status(value: str | None) -> CacheResult:
    """What the cache nearest to us says: the last member of the list (RFC 9211 section 2)."""
    if value is None or len(value) > _FIELD_MAX:
        return CacheResult.UNKNOWN
    parameters = _parameters_of_last_member(value)
    names = {parameter.partition("=")[0].strip() for parameter in parameters}
    if "hit" in names:
        # `hit=?0` is a boolean that says no.
        is_hit = not any(re.fullmatch(r"\s*hit\s*=\s*\?0\s*", one) for one in parameters)
        return CacheResult.HIT if is_hit else CacheResult.MISS
    return CacheResult.MISS if "fwd" in names else CacheResult.UNKNOWN


def _parameters_of_last_member(value: str) -> list[str]:
    members: list[list[str]] = [[""]]
    for part in _PARTS.findall(value):
        match part:
            case ",":
                members.append([""])
            case ";":
                members[-1].append("")
            case _:
                members[-1][-1] += part
    return members[-1][1:]


class CacheCounter:
    """Counts media responses."""

    def __init__(self) -> None:
        self._counts: Counter[CacheResult] = Counter()

    def add(self, cache_status: str | None) -> None:
        """Count one response by its `Cache-Status`."""
        self._counts[parse_cache_status(cache_status)] += 1

    @property
    def tally(self) -> CacheTally:
        """What was counted so far."""
        return CacheTally(
            hit=self._counts[CacheResult.HIT],
            miss=self._counts[CacheResult.MISS],
            unknown=self._counts[CacheResult.UNKNOWN],
        )
