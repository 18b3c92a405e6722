"""The `Cache-Status` field: RFC 9211, written as a structured field (RFC 9651).

Each cache appends its member to those of the caches before it, the one nearest to the origin first.
A response that a cache makes itself gets none, unless it is made of a stored one (section 2).
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_TOKEN: Final = re.compile(r"[A-Za-z*][!#$%&'*+\-.^_`|~:/0-9A-Za-z]*")
_NOT_IN_STRINGS: Final = re.compile(r"[^\x20-\x7e]")
_ESCAPED: Final = re.compile(r'(["\\])')


class Forward(StrEnum):
    """Why a request went forward: RFC 9211 section 2.2."""

    BYPASS = "bypass"
    METHOD = "method"
    URI_MISS = "uri-miss"
    VARY_MISS = "vary-miss"
    MISS = "miss"
    REQUEST = "request"
    STALE = "stale"
    PARTIAL = "partial"


@dataclass(frozen=True, slots=True)
class CacheStatus:
    """How one cache handled one request.

    Attributes:
        cache: the cache's name, a token.
        forward: why the request went forward; None for a hit.
        forward_status: status of the upstream's answer, where it is not the one sent on; only of a
            request that went forward, as the next two.
        is_stored: the response was stored.
        is_collapsed: the request shared another's way to the upstream.
        ttl_s: remaining freshness, negative if stale.
        key: what the response is stored under.
        detail: more, for people.
    """

    cache: str
    forward: Forward | None = None
    forward_status: int | None = None
    is_stored: bool = False
    is_collapsed: bool = False
    ttl_s: int | None = None
    key: str | None = None
    detail: str | None = None

    def __post_init__(self) -> None:
        is_forwarded = self.is_stored or self.is_collapsed or self.forward_status is not None
        assert self.forward is not None or not is_forwarded

    def field_value(self) -> str:
        """The field with this one member."""
        assert _TOKEN.fullmatch(self.cache)
        parts = [self.cache, "hit" if self.forward is None else f"fwd={self.forward}"]
        if self.forward_status is not None:
            parts.append(f"fwd-status={self.forward_status}")
        if self.ttl_s is not None:
            parts.append(f"ttl={self.ttl_s}")
        if self.is_stored:
            parts.append("stored")
        if self.is_collapsed:
            parts.append("collapsed")
        if self.key is not None:
            parts.append(f"key={_string(self.key)}")
        if self.detail is not None:
            is_token = _TOKEN.fullmatch(self.detail) is not None
            parts.append(f"detail={self.detail if is_token else _string(self.detail)}")
        return "; ".join(parts)

    def appended_to(self, received: str | None) -> str:
        """The field with this member after those of the caches before, as they were received."""
        return f"{received}, {self.field_value()}" if received else self.field_value()


def _string(text: str) -> str:
    """A String of a structured field; what it cannot hold becomes a question mark."""
    return '"' + _ESCAPED.sub(r"\\\1", _NOT_IN_STRINGS.sub("?", text)) + '"'
