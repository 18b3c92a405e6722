r"""Where a request ends and the next one begins: RFC 9112 section 6, fed as bytes arrive. No I/O.

What comes out are the same messages to whoever reads them next, however lenient he is: one piece
is one head, or content of one message, and content in chunks comes without chunk extensions and
trailer fields, after both have been checked (sections 7.1.1 and 7.1.2 let a recipient drop them).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from http_semantics.request_head import (
    CHUNKED,
    FIELD_LINES,
    TUNNEL,
    Flaw,
    FlawError,
    begin_head,
    has_stray,
    read_head,
)

# As many as Apache's server takes; aiohttp's parser would take 128.
FIELDS_MAX: Final = 100

# Nobody sends chunk extensions but to keep a server busy: section 7.1.1.
EXTENSION_BYTES_MAX: Final = 4096
_CHUNK_LINE_BYTES_MAX: Final = 256

_TOKEN: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
_QUOTED: Final = rb'"(?:[\t\x20\x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*+"'
_EXTENSION: Final = rb"[ \t]*+;[ \t]*+%b(?:[ \t]*+=[ \t]*+(?:%b|%b))?+" % (_TOKEN, _TOKEN, _QUOTED)
_CHUNK_LINE: Final = re.compile(rb"([0-9A-Fa-f]{1,15}+)((?:%b)*+)\r\n" % _EXTENSION)
_HALF_CHUNK_LINE: Final = re.compile(rb"[0-9A-Fa-f]{1,15}+(?:[ \t]++|[ \t]*+;[^\r\n]*+)?+\r?+")

_TRAILERS: Final = re.compile(rb"\r\n" + FIELD_LINES + rb"\r\n")
# They would say how a message is read, or by whom, when it has been: RFC 9110 section 6.5.1.
_NOT_IN_TRAILERS: Final = re.compile(
    rb"\r\n(?:content[_-]length|transfer[_-]encoding|host|connection|upgrade|te|trailer):",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class BadRequest:
    """From here on nothing on the connection can be read: answer 400 and close it.

    Attributes:
        flaw: what is wrong.
    """

    flaw: Flaw


RequestPiece = bytes | BadRequest


class RequestFraming:
    """Parts the bytes of a connection into messages.

    Args:
        head_bytes_max: of a head, its last empty line included, and of a trailer section.
        fields_max: in each of them.

    Attributes:
        heads: so many have been handed on.
    """

    __slots__ = (
        "_content",
        "_extension_bytes",
        "_fields_max",
        "_has_line",
        "_head_bytes_max",
        "_held",
        "_left",
        "_pieces",
        "_scanned",
        "_step",
        "heads",
    )

    def __init__(self, *, head_bytes_max: int, fields_max: int = FIELDS_MAX) -> None:
        self._head_bytes_max = head_bytes_max
        self._fields_max = fields_max
        self.heads = 0
        # Reads on from a position, and returns the next one: the same if more is needed.
        self._step: Callable[[RequestFraming, bytes, int], int] = RequestFraming._read_head
        self._held = b""
        self._scanned = 0
        self._has_line = False
        self._left = 0
        self._extension_bytes = 0
        self._pieces: list[RequestPiece] = []
        self._content: list[bytes] = []

    @property
    def is_at_boundary(self) -> bool:
        """Whether the next byte begins a message."""
        return not self._held and self._step is RequestFraming._read_head

    @property
    def has_part_of_head(self) -> bool:
        """Whether a message has begun whose head is not whole."""
        return bool(self._held) and self._step is RequestFraming._read_head

    @property
    def is_over(self) -> bool:
        """Whether nothing that follows is read: behind a flaw, or behind a CONNECT."""
        return self._step is RequestFraming._drop

    def feed(self, data: bytes) -> list[RequestPiece]:
        """Take what has arrived.

        Returns:
            What is complete of it, in order. A head is held back until it is whole, and is a piece
            of its own; content comes as it arrives. The last piece may be a `BadRequest`: whatever
            follows is dropped.
        """
        if self._held:
            data = self._held + data
            self._held = b""
        pieces = self._pieces = []
        position, stop = 0, len(data)
        try:
            while position < stop:
                begun = position
                position = self._step(self, data, begun)
                if position == begun:
                    self._held = data[begun:]
                    break
            self._end_content()
        except FlawError as error:
            self._end_content()
            pieces.append(BadRequest(error.flaw))
            self._step = RequestFraming._drop
        return pieces

    def _read_head(self, data: bytes, start: int) -> int:
        stop = data.find(b"\r\n\r\n", start + max(0, self._scanned - 3)) + 4
        if stop == 3 or stop - start > self._head_bytes_max:
            self._look_at_part(data[start : start + self._head_bytes_max])
            return start
        head, length = read_head(data[start:stop], fields_max=self._fields_max)
        self._scanned = 0
        self._has_line = False
        self._end_content()
        self._pieces.append(head)
        self.heads += 1
        if length > 0:
            self._left = length
            self._step = RequestFraming._read_content
        elif length == CHUNKED:
            self._extension_bytes = 0
            self._step = RequestFraming._read_chunk_line
        elif length == TUNNEL:
            self._step = RequestFraming._drop
        return stop

    def _look_at_part(self, text: bytes) -> None:
        """Refuse at once what no further byte can make a head."""
        if not self._has_line:
            self._has_line = begin_head(text)
        if self._has_line and has_stray(text, max(0, self._scanned - 1)):
            raise FlawError(Flaw.FIELD_LINE)
        if len(text) >= self._head_bytes_max:
            raise FlawError(Flaw.HEAD_SIZE)
        self._scanned = len(text)

    def _read_content(self, data: bytes, start: int) -> int:
        stop = self._take(data, start)
        if not self._left:
            self._step = RequestFraming._read_head
        return stop

    def _take(self, data: bytes, start: int) -> int:
        stop = min(len(data), start + self._left)
        self._left -= stop - start
        self._content.append(data[start:stop])
        return stop

    def _read_chunk_line(self, data: bytes, start: int) -> int:
        stop = data.find(b"\r\n", start, start + _CHUNK_LINE_BYTES_MAX) + 2
        if stop == 1:
            line = data[start : start + _CHUNK_LINE_BYTES_MAX]
            if len(line) == _CHUNK_LINE_BYTES_MAX or _HALF_CHUNK_LINE.fullmatch(line) is None:
                raise FlawError(Flaw.CHUNK)
            return start
        match = _CHUNK_LINE.fullmatch(data, start, stop)
        if match is None:
            raise FlawError(Flaw.CHUNK)
        self._extension_bytes += match.end(2) - match.start(2)
        if self._extension_bytes > EXTENSION_BYTES_MAX:
            raise FlawError(Flaw.CHUNK)
        self._left = int(match[1], 16)
        if not self._left:
            self._step = RequestFraming._read_trailers
            return stop - 2
        self._content.append(b"%x\r\n" % self._left)
        self._step = RequestFraming._read_chunk
        return stop

    def _read_chunk(self, data: bytes, start: int) -> int:
        stop = self._take(data, start)
        if not self._left:
            self._step = RequestFraming._read_chunk_end
        return stop

    def _read_chunk_end(self, data: bytes, start: int) -> int:
        end = data[start : start + 2]
        if not b"\r\n".startswith(end):
            raise FlawError(Flaw.CHUNK)
        if len(end) < 2:
            return start
        self._content.append(end)
        self._step = RequestFraming._read_chunk_line
        return start + 2

    def _read_trailers(self, data: bytes, start: int) -> int:
        """Read the trailer section, from the end of the line before it."""
        stop = data.find(b"\r\n\r\n", start + max(0, self._scanned - 3)) + 4
        if stop == 3 or stop - start > self._head_bytes_max:
            text = data[start : start + self._head_bytes_max]
            if len(text) >= self._head_bytes_max or has_stray(text, max(0, self._scanned - 1)):
                raise FlawError(Flaw.TRAILER)
            self._scanned = len(text)
            return start
        text = data[start:stop]
        if (
            _TRAILERS.fullmatch(text) is None
            or _NOT_IN_TRAILERS.search(text) is not None
            or text.count(b"\r\n") > self._fields_max + 2
        ):
            raise FlawError(Flaw.TRAILER)
        self._scanned = 0
        self._content.append(b"0\r\n\r\n")
        self._step = RequestFraming._read_head
        return stop

    def _drop(self, data: bytes, start: int) -> int:  # noqa: ARG002 - one step like the others
        return len(data)

    def _end_content(self) -> None:
        if self._content:
            self._pieces.append(b"".join(self._content))
            self._content.clear()
