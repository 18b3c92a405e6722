"""Which fields pass through: RFC 9110 section 7.6.1, and what a cache keeps of a response."""

from collections.abc import Iterable
from typing import Final

from multidict import CIMultiDict, CIMultiDictProxy, MultiMapping

from config.credentials import EDGE_CREDENTIAL_HEADER

# The name that this cache goes by in `Via` and `Cache-Status`.
CACHE_NAME: Final = "attacca"
VIA: Final = f"1.1 {CACHE_NAME}"

# Names the nodes that a request has been through (RFC 8586).
LOOP_FIELD: Final = "CDN-Loop"
TOKEN_FIELD: Final = "CTA-Common-Access-Token"  # noqa: S105

_HOP_BY_HOP: Final = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)

# Whoever could send the edge's credential through the edge would be taken for it.
_NEVER_FORWARDED: Final = frozenset({"host", EDGE_CREDENTIAL_HEADER.lower(), "expect"})

# Fills are made for all listeners alike: these belong to one listener's request.
_OF_ONE_REQUEST: Final = frozenset(
    {
        "accept-encoding",
        "content-length",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "range",
    }
)

_TOKENS_OF_LISTENERS: Final = frozenset({"authorization", "cookie", TOKEN_FIELD.lower()})

# Said anew for each answer, or true of one answer only.
_NOT_STORED: Final = frozenset({"age", "content-length", "content-range", "accept-ranges"})

_EXPOSED: Final = (
    "Accept-Ranges",
    "Age",
    "Cache-Status",
    "Content-Length",
    "Content-Range",
    "Date",
    "ETag",
    "Link",
    "Repr-Digest",
    "Retry-After",
    "Server-Timing",
)
_ALLOWED: Final = (
    "Authorization",
    "Content-Type",
    TOKEN_FIELD,
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "If-Range",
    "If-Unmodified-Since",
    "Range",
)
CORS_FIELDS: Final = (
    ("Access-Control-Allow-Origin", "*"),
    (
        "Access-Control-Expose-Headers",
        ", ".join(_EXPOSED),
    ),
    ("Timing-Allow-Origin", "*"),
    ("Referrer-Policy", "no-referrer"),
)
# What the edge says in place of the origin while tokens are checked.
_SAID_BY_EDGE: Final = frozenset(
    {
        "access-control-allow-credentials",
        "access-control-allow-origin",
        "access-control-expose-headers",
        "referrer-policy",
        "server",
        "timing-allow-origin",
    }
)
PREFLIGHT_FIELDS: Final = (
    ("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, DELETE, OPTIONS"),
    (
        "Access-Control-Allow-Headers",
        ", ".join(_ALLOWED),
    ),
    ("Access-Control-Max-Age", "86400"),
)

Fields = CIMultiDict[str]


def is_personal(fields: Fields) -> bool:
    """Whether a request as it goes upstream says who is asking."""
    return any(name in fields for name in _TOKENS_OF_LISTENERS)


def joined(fields: MultiMapping[str], name: str) -> str | None:
    """All lines of a list-valued field as one value (RFC 9110 section 5.3); None if absent."""
    lines = fields.getall(name, ())
    return ", ".join(lines) if lines else None


def pass_fields(headers: CIMultiDictProxy[str], *, is_token_checked: bool) -> Fields:
    """Fields of a request that is passed on for one listener."""
    removed = _NEVER_FORWARDED | (_TOKENS_OF_LISTENERS if is_token_checked else frozenset())
    return _with_via(_end_to_end(headers, removed))


def fill_fields(headers: CIMultiDictProxy[str], *, is_token_checked: bool) -> Fields:
    """Fields of a request whose answer may be stored for all listeners.

    While tokens are checked, nothing of the listener's goes along but the nodes on the way: what is
    stored for all may depend on none. `Accept-Encoding: identity` makes ranges ones of the
    representation itself.
    """
    fields: Fields
    if is_token_checked:
        fields = CIMultiDict([(LOOP_FIELD, value) for value in headers.getall(LOOP_FIELD, ())])
    else:
        fields = _end_to_end(headers, _NEVER_FORWARDED | _OF_ONE_REQUEST)
    fields["Accept-Encoding"] = "identity"
    return _with_via(fields)


def stored_fields(headers: CIMultiDictProxy[str], *, is_token_checked: bool) -> Fields:
    """Fields of a response as they are stored."""
    return _end_to_end(headers, _NOT_STORED | (_SAID_BY_EDGE if is_token_checked else frozenset()))


def passed_back_fields(headers: CIMultiDictProxy[str], *, is_token_checked: bool) -> Fields:
    """Fields of a response that is passed on to one listener."""
    return _end_to_end(headers, _SAID_BY_EDGE if is_token_checked else frozenset())


def _end_to_end(headers: CIMultiDictProxy[str], removed: frozenset[str]) -> Fields:
    removed = removed | _HOP_BY_HOP | _listed(headers.getall("Connection", ()))
    return CIMultiDict(
        [(name, value) for name, value in headers.items() if name.lower() not in removed]
    )


def _listed(lines: Iterable[str]) -> frozenset[str]:
    return frozenset(name.strip().lower() for line in lines for name in line.split(","))


def _with_via(fields: Fields) -> Fields:
    fields.add("Via", VIA)
    return fields
