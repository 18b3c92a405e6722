"""Plain requests, read with as little work as possible: those that the fast lane answers. No I/O.

The grammar is a strict subset of RFC 9112. None is no judgement: whatever is not read here goes to
the ordinary road, byte for byte as it came.

A listener's requests differ in their target and range, hardly ever in anything else. So the fields
but `Range` are read once, and known again by their bytes.
"""

import re
from typing import Final

# Longer heads are rare, and not worth anybody's time or memory.
HEAD_BYTES_MAX: Final = 4096

_LINE_END: Final = b" HTTP/1.1\r\n"
_RANGE_BEGINS: Final = (b"\r\nR", b"\r\nr")
_RANGE: Final = b"ange: bytes="

# Field sections that are known again, in bytes; beyond that all are forgotten together.
_KNOWN_BYTES_MAX: Final = 4 << 20
# Of each, beside its bytes: the objects that hold them (measured, rounded up).
_KNOWN_OVERHEAD_BYTES: Final = 200

# The line end of the request line, field lines, and the empty line.
_SECTION: Final = re.compile(rb"\r\n(?:[!#-'*+\-.^-z|~0-9A-Z]++:[\t -~\x80-\xff]*+\r\n){1,64}+\r\n")
_FIELD: Final = re.compile(rb"\n([^:\r]++):[ \t]*+([^\r]*+)\r")
_HOST: Final = re.compile(rb"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")

# What changes the meaning of a request, or where it ends: all of that is for the ordinary road.
_NOT_PLAIN: Final = frozenset(
    {
        b"cdn-loop",
        b"content-length",
        b"content-type",
        b"content_length",
        b"expect",
        b"if-match",
        b"if-modified-since",
        b"if-none-match",
        b"if-range",
        b"if-unmodified-since",
        b"proxy-connection",
        b"range",
        b"sec-websocket-key1",  # Refused by aiohttp.
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"transfer_encoding",
        b"upgrade",
    }
)
# Where no token is checked, the listener has a say, and may be somebody.
_NOT_PLAIN_UNCHECKED: Final = _NOT_PLAIN | {
    b"authorization",
    b"cache-control",
    b"cookie",
    b"pragma",
}

_TOKEN_FIELD: Final = b"cta-common-access-token"
_BEARER: Final = b"Bearer "
_KEEP_ALIVE: Final = frozenset({b"keep-alive", b"Keep-Alive"})


Bounds = tuple[bytes, bytes]
"""First and last position of a range, as they came; either may be empty."""


class PlainRequests:
    """Reads requests.

    Args:
        is_token_checked: what listeners say of caching does not count, and they show tokens.

    Attributes:
        known_bytes: what sections take that are known again.
    """

    __slots__ = ("_is_token_checked", "_not_plain", "_tokens", "known_bytes")

    def __init__(self, *, is_token_checked: bool) -> None:
        self._is_token_checked = is_token_checked
        self._not_plain = _NOT_PLAIN if is_token_checked else _NOT_PLAIN_UNCHECKED
        self._tokens: dict[bytes, str] = {}
        self.known_bytes = 0

    def read(self, data: bytes) -> tuple[bool, str, str, Bounds | None] | None:
        """Read what has arrived in one piece.

        Returns:
            Whether it is a HEAD; its target, of which nothing is said but that it begins with a
            slash; the token in its fields, empty without one; its range, None without one. Or None
            if it is not one whole GET or HEAD without conditions and content, which leaves its
            connection as it is.
        """
        is_head = False
        target_at = 4
        if not data.startswith(b"GET /"):
            is_head = data.startswith(b"HEAD /")
            target_at = 5
            if not is_head:
                return None
        line_end = data.find(_LINE_END, target_at)
        if line_end < 0 or len(data) > HEAD_BYTES_MAX:
            return None
        section_at = line_end + len(_LINE_END) - 2
        range_at = data.find(_RANGE, section_at)
        if range_at < 0:
            bounds = None
            section = data[section_at:]
        else:
            name_at = range_at - len(_RANGE_BEGINS[0])
            range_end = data.find(b"\r\n", range_at)
            told = data[range_at + len(_RANGE) : range_end] if range_end > 0 else b""
            first, dash, last = told.partition(b"-")
            # Without it the section is to read as it does with it: it has an end, and
            # stands behind no empty line.
            if (
                not dash
                or data[name_at:range_at] not in _RANGE_BEGINS
                or data[name_at - 1 : name_at] == b"\n"
            ):
                return None
            section = data[section_at:name_at] + data[range_end:]
            bounds = first, last
            if is_head:  # Ignored (RFC 9110 section 14.2), but it has to be a field's value.
                if not (first + last).isdigit():
                    return None
                bounds = None
        token = self._tokens.get(section)
        if token is None:
            token = self._token_in(section)
            if token is None:
                return None
        return is_head, data[target_at:line_end].decode("latin-1"), token, bounds

    def _token_in(self, section: bytes) -> str | None:
        """The token in a plain section, empty without one; None if it is not plain.

        Args:
            section: from the end of the request line on, without `Range`.
        """
        if _SECTION.fullmatch(section) is None:
            return None
        pairs = _FIELD.findall(section)
        fields = {name.lower(): value for name, value in pairs}
        if len(fields) != len(pairs) or not self._not_plain.isdisjoint(fields):
            return None
        if _HOST.fullmatch(fields.get(b"host", b"")) is None:
            return None
        if fields.get(b"connection", b"keep-alive") not in _KEEP_ALIVE:
            return None
        token = _token_of(fields) if self._is_token_checked else ""
        if token is not None:
            self._know_again(section, token)
        return token

    def _know_again(self, section: bytes, token: str) -> None:
        if self.known_bytes > _KNOWN_BYTES_MAX:
            self._tokens.clear()
            self.known_bytes = 0
        self._tokens[section] = token
        self.known_bytes += len(section) + len(token) + _KNOWN_OVERHEAD_BYTES


def _token_of(fields: dict[bytes, bytes]) -> str | None:
    """The token in a request's fields, empty without one; None if it takes a closer look."""
    authorization, own_field = fields.get(b"authorization"), fields.get(_TOKEN_FIELD)
    if authorization is None and own_field is None:
        return ""
    if authorization is None:
        token = own_field
    elif own_field is None and authorization.startswith(_BEARER):
        token = authorization[len(_BEARER) :]
    else:
        token = None
    return token.decode("latin-1") if token else None
