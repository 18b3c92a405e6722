r"""The head of a request, read in one way only: RFC 9112 sections 2, 3, 5 and 6. No I/O.

What two recipients might read differently is refused, also where one may be lenient: lines end in
CRLF, one space parts the request line, one field says how long the content is.
"""

import re
from enum import StrEnum
from typing import Final

# What comes instead of a length.
CHUNKED: Final = -1
TUNNEL: Final = -2

_TOKEN: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]"
_TARGET: Final = rb"[!-~]"

FIELD_LINES: Final = (
    rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]++:[^\x00-\x08\x0a-\x1f\x7f]*+\r\n)*+"  # section 5
)
# An empty line before it is what old clients send behind content: section 2.2.
_REQUEST_LINE: Final = (
    rb"(?:\r\n)?+(?P<line>(?P<method>%b++) (?P<target>%b++) HTTP/1\.(?P<minor>[01]))(?=\r\n)"
    % (_TOKEN, _TARGET)
)
_HEAD: Final = re.compile(_REQUEST_LINE + rb"(?P<fields>\r\n" + FIELD_LINES + rb")\r\n")
_WHOLE_LINE: Final = re.compile(_REQUEST_LINE)
_HALF_LINE: Final = re.compile(
    rb"(?:\r|(?:\r\n)?+(?:%b++(?: (?:%b++(?: [HTP/1.0]{0,8}+\r?+)?)?)?)?)" % (_TOKEN, _TARGET)
)
# What stands in no head, whatever follows.
_STRAY: Final = re.compile(rb"(?<!\r)\n|\r(?!\n|\Z)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

_AUTHORITY: Final = rb"(?:\[[0-9A-Fa-f:.]++\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*+)"
_ABSOLUTE: Final = re.compile(
    rb"[A-Za-z][A-Za-z0-9+.-]*+://(?:[A-Za-z0-9._~!$&'()*+,;=:%%-]*@)?(?=[^:/?#])%b(?::[0-9]{0,5}+)?+"
    rb"(?:[/?#][!-~]*+)?+" % _AUTHORITY
)
_TUNNEL: Final = re.compile(_AUTHORITY + rb":[0-9]{1,5}+")
_HOST: Final = re.compile(rb"\r\nhost:[ \t]*+" + _AUTHORITY + rb"(?::[0-9]{0,5}+)?+[ \t]*+\r\n")

# 18 digits are less than 2**63.
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*+([0-9]{1,18}+)[ \t]*+\r\n")
# Codings before the last one are for whoever answers; their parameters would have to be unquoted.
_CODING: Final = re.compile(
    rb"\r\ntransfer-encoding:[ \t]*+(?:(?!chunked[ ,])%b++ *+, *+)*chunked *+\r\n" % _TOKEN
)
_UPGRADE: Final = re.compile(rb"(?<=\r\n)upgrade:[^\r]*+\r\n", re.IGNORECASE)
_NOTABLE: Final = re.compile(rb"\r\n(?:content[_-]|transfer[_-]encoding:|upgrade:)")
# What describes content does so once: RFC 9110 section 8.
_ONCE: Final = re.compile(rb"\r\n(content-(?:location|range|type):)")


class Flaw(StrEnum):
    """What is wrong with a request that cannot be read."""

    REQUEST_LINE = "request_line"
    FIELD_LINE = "field_line"
    HEAD_SIZE = "head_size"
    HOST = "host"
    CONTENT_LENGTH = "content_length"
    TRANSFER_ENCODING = "transfer_encoding"
    CHUNK = "chunk"
    TRAILER = "trailer"


class FlawError(Exception):
    """A request that cannot be read.

    Attributes:
        flaw: what is wrong with it.
    """

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(flaw.value)
        self.flaw = flaw


def read_head(text: bytes, *, fields_max: int) -> tuple[bytes, int]:
    """Read a head that is whole, with its last empty line.

    Returns:
        The head for whoever reads it next, and the length of the content that follows: CHUNKED if
        it comes in chunks, TUNNEL if nothing that follows is HTTP.

        An empty line before it is left out, and so is `Upgrade`: a server may ignore it (RFC 9110
        section 7.8), and a parser that does not stops reading.

    Raises:
        FlawError: it cannot be read.
    """
    match = _HEAD.fullmatch(text)
    if match is None:
        begin_head(text)
        raise FlawError(Flaw.FIELD_LINE)
    _check_form(match)
    fields = match["fields"].lower()
    # A field line has four bytes or more, so that few bytes need no counting.
    if len(fields) > 4 * fields_max and fields.count(b"\r\n") > fields_max + 1:
        raise FlawError(Flaw.HEAD_SIZE)
    hosts = fields.count(b"\r\nhost:")
    if (hosts != 1 and (hosts or match["minor"] == b"1")) or (hosts and not _HOST.search(fields)):
        raise FlawError(Flaw.HOST)
    length = TUNNEL if match["method"] == b"CONNECT" else 0
    if _NOTABLE.search(fields) is not None:
        length = _length(match, fields)
        once = _ONCE.findall(fields)
        if len(set(once)) < len(once):
            raise FlawError(Flaw.FIELD_LINE)
        text = _UPGRADE.sub(b"", text)
    return text[2:] if match.start("line") else text, length


def begin_head(text: bytes) -> bool:
    """Look at a head that is not whole yet.

    Returns:
        Whether its request line is: it needs no second look.

    Raises:
        FlawError: whatever follows, that line cannot be read.
    """
    match = _WHOLE_LINE.match(text)
    if match is not None:
        _check_form(match)
        return True
    if _HALF_LINE.fullmatch(text) is None:
        raise FlawError(Flaw.REQUEST_LINE)
    return False


def has_stray(text: bytes, start: int) -> bool:
    """Whether lines end otherwise than in CRLF, or hold what no field may (section 2.2).

    Args:
        text: lines, the last of which may be half a line.
        start: where to begin.
    """
    return _STRAY.search(text, start) is not None


def _check_form(match: re.Match[bytes]) -> None:
    """Refuse a target in a form that its method does not have: section 3.2."""
    method, target = match["method"], match["target"]
    if method == b"CONNECT":
        is_right = _TUNNEL.fullmatch(target) is not None
    elif target.startswith(b"/"):
        is_right = True
    elif target == b"*":
        is_right = method == b"OPTIONS"
    else:
        is_right = _ABSOLUTE.fullmatch(target) is not None
    if not is_right:
        raise FlawError(Flaw.REQUEST_LINE)


def _length(match: re.Match[bytes], fields: bytes) -> int:
    """The length of the content, said by one field in one line: section 6."""
    codings, lengths = _count(fields, b"transfer%bencoding"), _count(fields, b"content%blength")
    if match["method"] == b"CONNECT":
        if codings or lengths:  # Content to some, the tunnel's first bytes to others.
            raise FlawError(Flaw.CONTENT_LENGTH)
        return TUNNEL
    if codings:
        is_alone = codings == 1 and not lengths and match["minor"] == b"1"
        if not is_alone or _CODING.search(fields) is None:
            raise FlawError(Flaw.TRANSFER_ENCODING)
        return CHUNKED
    if lengths:
        length = _LENGTH.search(fields)
        if length is None or lengths != 1:
            raise FlawError(Flaw.CONTENT_LENGTH)
        return int(length[1])
    return 0


def _count(fields: bytes, name: bytes) -> int:
    """Count the lines of a field, and those that servers of variables would take for it."""
    return sum(fields.count(b"\r\n%b:" % (name % hyphen)) for hyphen in (b"-", b"_"))
