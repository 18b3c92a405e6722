"""Which fields pass through: RFC 9110 section 7.6.1, and what a cache keeps of a response."""

import hashlib
import re
from typing import Final

from multidict import CIMultiDict, CIMultiDictProxy, MultiMapping

from config.credentials import EDGE_CREDENTIAL_HEADER
from edge.peers.wording import PEER_FIELDS
from edge.tags import SURROGATE_KEY
from http_semantics.hop_by_hop import end_to_end_fields

# The name that this cache goes by in `Via` and `Cache-Status`.
CACHE_NAME: Final = "attacca"
VIA: Final = f"1.1 {CACHE_NAME}"

# Names the nodes that a request has been through (RFC 8586).
LOOP_FIELD: Final = "CDN-Loop"
TOKEN_FIELD: Final = "CTA-Common-Access-Token"  # noqa: S105

# Tells the origin which requests are one listener's, so that nobody has too much packaged at once.
SESSION_FIELD: Final = "Attacca-Session"

# By which an origin tells the bits a second of a rendition.
BITRATE_FIELD: Final = "Attacca-Bitrate"

# Whoever could send the edge's credential through the edge would be taken for it, and with a
# session of his own choice nothing that he has packaged would count as his.
_NEVER_FORWARDED: Final = frozenset(
    {"host", EDGE_CREDENTIAL_HEADER.lower(), SESSION_FIELD.lower(), "expect", *PEER_FIELDS}
)

# Fills are made for all listeners alike: these belong to one listener's request.
_OF_ONE_REQUEST: Final = frozenset(
    {
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
_NOT_STORED: Final = frozenset({"age", "content-length", "accept-ranges", *PEER_FIELDS})

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
# Said to caches on the way, the last of which is this one.
_SAID_TO_EDGE: Final = frozenset({SURROGATE_KEY.lower()})
PREFLIGHT_FIELDS: Final = (
    ("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, DELETE, OPTIONS"),
    (
        "Access-Control-Allow-Headers",
        ", ".join(_ALLOWED),
    ),
    ("Access-Control-Max-Age", "86400"),
)

_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

Fields = CIMultiDict[str]


def is_personal(fields: Fields) -> bool:
    """Whether a request as it goes upstream says who is asking."""
    return any(name in fields for name in _TOKENS_OF_LISTENERS)


def is_field_value(text: str) -> bool:
    """Whether a text can be sent as the value of a field (RFC 9110 section 5.5)."""
    return _CONTROL.search(text) is None


def joined(fields: MultiMapping[str], name: str) -> str | None:
    """All lines of a list-valued field as one value (RFC 9110 section 5.3); None if absent."""
    lines = fields.getall(name, ())
    return ", ".join(lines) if lines else None


def session_digest(session: str) -> str:
    """What stands for a token's session upstream: 16 hexadecimal digits, alike on every edge."""
    return hashlib.blake2b(session.encode(), digest_size=8, person=b"attacca-session").hexdigest()


def pass_fields(
    headers: CIMultiDictProxy[str], *, is_token_checked: bool, session: str | None = None
) -> Fields:
    """Fields of a request that is passed on for one listener.

    Args:
        headers: of his request.
        is_token_checked: his token and cookies stay here.
        session: of his token, for the origin; None says nothing of it.
    """
    removed = _NEVER_FORWARDED | (_TOKENS_OF_LISTENERS if is_token_checked else frozenset())
    return _with_session(_with_via(end_to_end_fields(headers, without=removed)), session)


def fill_fields(
    headers: CIMultiDictProxy[str], *, is_token_checked: bool, session: str | None = None
) -> Fields:
    """Fields of a request whose answer may be stored for all listeners.

    While tokens are checked, nothing of the listener's goes along but the nodes on the way and what
    stands for his session: what is stored for all may depend on none.
    """
    fields: Fields
    if is_token_checked:
        fields = CIMultiDict([(LOOP_FIELD, value) for value in headers.getall(LOOP_FIELD, ())])
        fields["Accept-Encoding"] = "identity"
    else:
        fields = end_to_end_fields(headers, without=_NEVER_FORWARDED | _OF_ONE_REQUEST)
    return _with_session(_with_via(fields), session)


def member_fields(headers: CIMultiDictProxy[str], *, is_for_all: bool) -> Fields:
    """Fields of a request that came from a worker or node of this cache, as they go on.

    Args:
        headers: of the request; the member that it comes from has chosen them.
        is_for_all: its answer may be stored: what belongs to one request stays here.
    """
    left = frozenset({"host", "expect"})
    return end_to_end_fields(headers, without=left | _OF_ONE_REQUEST if is_for_all else left)


def stored_fields(headers: CIMultiDictProxy[str], *, is_token_checked: bool) -> Fields:
    """Fields of a response as they are stored."""
    return end_to_end_fields(
        headers, without=_NOT_STORED | (_SAID_BY_EDGE if is_token_checked else frozenset())
    )


def passed_back_fields(headers: CIMultiDictProxy[str], *, is_token_checked: bool) -> Fields:
    """Fields of a response that is passed on to one listener."""
    removed = _SAID_BY_EDGE | _SAID_TO_EDGE if is_token_checked else frozenset()
    return end_to_end_fields(headers, without=removed)


def sent_fields(stored: Fields, *, is_token_checked: bool) -> Fields:
    """Stored fields as listeners get them."""
    fields = stored.copy()
    if is_token_checked:
        for name in _SAID_TO_EDGE:
            fields.popall(name, None)
    return fields


def _with_via(fields: Fields) -> Fields:
    fields.add("Via", VIA)
    return fields


def _with_session(fields: Fields, session: str | None) -> Fields:
    if session is not None:
        fields[SESSION_FIELD] = session_digest(session)
    return fields
