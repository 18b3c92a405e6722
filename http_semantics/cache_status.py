"""The `Cache-Status` field: RFC 9211, written as a structured field (RFC 9651)."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_TOKEN: Final = re.compile(r"[A-Za-z*][!#$%&'*+\-.^_`|~:/0-9A-Za-z]*")


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
        forward_status: status of the upstream's answer, where it is not the one sent on.
        is_stored: the response was stored.
        is_collapsed: the request shared another's way to the upstream.
        ttl_s: remaining freshness, negative if stale.
        detail: more, as a token.
    """

    cache: str
    forward: Forward | None = None
    forward_status: int | None = None
    is_stored: bool = False
    is_collapsed: bool = False
    ttl_s: int | None = None
    detail: str | None = None

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
        if self.detail is not None:
            assert _TOKEN.fullmatch(self.detail)
            parts.append(f"detail={self.detail}")
        return "; ".join(parts)
