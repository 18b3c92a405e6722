"""Heads of the edge's answers. No I/O."""

from typing import Final

from edge.errors import ALLOWED_METHODS
from edge.exchange import Exchange
from edge.fields import CACHE_NAME, CORS_FIELDS, PREFLIGHT_FIELDS, VIA, Fields, sent_fields
from edge.representation import Representation
from http_semantics.byte_range import ByteSlice
from http_semantics.cache_status import CacheStatus

# Fields that a 304 has to repeat (RFC 9110 section 15.4.5), and those that say how it came about.
_NOT_MODIFIED_FIELDS: Final = (
    "Cache-Control",
    "Content-Location",
    "Date",
    "ETag",
    "Expires",
    "Last-Modified",
    "Vary",
    "Via",
    "Server",
    *(name for name, _ in CORS_FIELDS),
)

# RFC 9110 section 8.6.
_WITHOUT_LENGTH: Final = frozenset({204, 304})

_HIT: Final = f"{CACHE_NAME}; hit"


def complete_fields(fields: Fields, *, has_cors: bool) -> Fields:
    """Add to an answer's fields what all answers of the edge have."""
    fields.add("Via", VIA)
    fields.setdefault("Server", CACHE_NAME)
    if has_cors:
        fields.extend(CORS_FIELDS)
    return fields


def representation_fields(representation: Representation, *, has_cors: bool) -> Fields:
    """Fields that all answers from one representation begin with; made once, not to be changed."""
    fields = representation.sent_fields
    if fields is None:
        fields = sent_fields(representation.fields, is_token_checked=has_cors)
        complete_fields(fields, has_cors=has_cors)
        if representation.status == 200:
            fields["Accept-Ranges"] = "bytes"
        representation.sent_fields = fields
    return fields


def not_modified_fields(representation: Representation, *, has_cors: bool) -> Fields:
    """Fields of a 304 answer."""
    whole = representation_fields(representation, has_cors=has_cors)
    fields = Fields()
    for name in _NOT_MODIFIED_FIELDS:
        for value in whole.getall(name, ()):
            fields.add(name, value)
    return fields


def lay_out(
    fields: Fields, representation: Representation, part: ByteSlice | None, *, is_part: bool
) -> None:
    """Add the length, if it is known, and for a part its place."""
    complete_length = representation.complete_length
    if complete_length is None or representation.status in _WITHOUT_LENGTH:
        return
    # A part may have been chosen before its end was known.
    length = 0 if part is None else min(part.stop, complete_length) - part.start
    fields["Content-Length"] = str(length)
    if is_part and part is not None:
        fields["Content-Range"] = part.content_range(complete_length)


def tell_age(
    fields: Fields, representation: Representation, exchange: Exchange, *, now_s: float
) -> int:
    """Add `Age`, unless the answer is first hand; return the remaining freshness in seconds."""
    age_s = representation.age_s(now_s=now_s)
    if exchange.forward is None or age_s >= 1:
        fields["Age"] = str(int(age_s))
    return int(representation.policy.lifetime_s - age_s)


def tell_status(
    fields: Fields, exchange: Exchange, *, ttl_s: int | None = None, now_s: float
) -> None:
    """Add `Cache-Status` and `Server-Timing`.

    Args:
        fields: of the answer.
        exchange: how the request was met.
        ttl_s: remaining freshness of what is sent; None for what is not stored.
        now_s: monotonic seconds; the answer begins now.
    """
    fields.add("Cache-Status", _cache_status(exchange, ttl_s))
    edge_ms = (now_s - exchange.started_s) * 1e3
    timing = f"cache;desc={exchange.result.value}, edge;dur={edge_ms:.2f}"
    if exchange.upstream_s is not None:
        timing += f", origin;dur={exchange.upstream_s * 1e3:.2f}"
    fields.add("Server-Timing", timing)


def preflight_fields() -> Fields:
    """Fields of the answer to `OPTIONS`: alike for everybody, needs no token."""
    fields = complete_fields(Fields(PREFLIGHT_FIELDS), has_cors=True)
    fields["Content-Length"] = "0"
    return fields


def server_fields() -> Fields:
    """Fields of the answer to `OPTIONS *`: about this server, not one behind it (section 9.3.7)."""
    return complete_fields(Fields({"Allow": ALLOWED_METHODS}), has_cors=False)


def _cache_status(exchange: Exchange, ttl_s: int | None) -> str:
    if exchange.forward is None:  # The common case, spared the making of an object.
        return _HIT if ttl_s is None else f"{_HIT}; ttl={ttl_s}"
    return CacheStatus(
        CACHE_NAME,
        exchange.forward,
        exchange.forward_status,
        is_stored=exchange.is_stored,
        is_collapsed=exchange.is_collapsed,
        ttl_s=ttl_s,
        detail=exchange.detail,
    ).field_value()
