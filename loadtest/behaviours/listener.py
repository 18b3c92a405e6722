"""A listener on a raw socket: one request for a connection, the answer noted as it arrives."""

import asyncio
import contextlib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, TypedDict, Unpack
from urllib.parse import urlsplit

from typing_extensions import override

NO_FIELDS: Final[Mapping[str, str]] = MappingProxyType({})
_STATUS: Final = re.compile(rb"HTTP/1\.[01] (\d{3})")
_NO_CONTENT: Final = frozenset({204, 304})


@dataclass(slots=True)
class Answer:
    """What came back, as far as it came. Times are seconds since the request was sent.

    Attributes:
        status: 0 if there was none.
        fields: by names in lower case.
        body: as much of the content as arrived, without chunk framing.
        head_s: until the head was there.
        first_byte_s: until the first of the content was there.
        done_s: until the end, or until it was given up.
        is_whole: whether it ended as announced.
    """

    status: int = 0
    fields: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    head_s: float | None = None
    first_byte_s: float | None = None
    done_s: float = 0.0
    is_whole: bool = False

    @property
    def first_byte_ms(self) -> float:
        """Until the first of the content; without content until the end."""
        return (self.done_s if self.first_byte_s is None else self.first_byte_s) * 1e3


class _Call(asyncio.Protocol):
    """Sends one request and takes its answer apart."""

    def __init__(self, request: bytes, *, is_head: bool, stop_after: int | None) -> None:
        self._request = request
        self._is_head = is_head
        self._stop_after = stop_after
        self._received = bytearray()
        self._pieces: list[bytes] = []
        self._content_bytes = 0
        self._is_chunked = False
        self._is_finished = False
        self._left: int | None = None
        self._sent_s = 0.0
        self.transport: asyncio.Transport | None = None
        self.answer = Answer()
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._sent_s = time.monotonic()
        transport.write(self._request)

    @override
    def data_received(self, data: bytes) -> None:
        if self._is_finished:
            return
        if self.answer.head_s is None:
            self._received += data
            self._take_head()
        elif self._is_chunked:
            self._received += data
            self._take_chunks()
        else:
            self._take_content(data)

    @override
    def eof_received(self) -> None:
        if self.answer.head_s is not None and not self._is_chunked and self._left is None:
            self._finish(is_whole=True)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._finish(is_whole=False)

    def _elapsed_s(self) -> float:
        return time.monotonic() - self._sent_s

    def _take_head(self) -> None:
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        head, rest = bytes(self._received[:end]), bytes(self._received[end + 4 :])
        self._received.clear()
        status = _STATUS.match(head)
        if status is None:
            self._finish(is_whole=False)
            return
        if 100 <= int(status[1]) < 200:
            self._received += rest
            self._take_head()
            return
        answer = self.answer
        answer.status = int(status[1])
        answer.head_s = self._elapsed_s()
        for line in head.decode("latin-1").split("\r\n")[1:]:
            name, _, value = line.partition(":")
            known = answer.fields.get(name.lower())
            value = value.strip()
            answer.fields[name.lower()] = value if known is None else f"{known}, {value}"
        self._expect_content(rest)

    def _expect_content(self, rest: bytes) -> None:
        fields = self.answer.fields
        self._is_chunked = "chunked" in fields.get("transfer-encoding", "").lower()
        length = fields.get("content-length", "")
        self._left = int(length) if length.isdigit() else None
        if self._is_head or self.answer.status in _NO_CONTENT or self._left == 0:
            self._finish(is_whole=True)
        elif self._is_chunked:
            self._received += rest
            self._take_chunks()
        elif rest:
            self._take_content(rest)

    def _take_content(self, data: bytes) -> None:
        if not data:
            return
        if self._left is not None:
            data = data[: self._left]
            self._left -= len(data)
        self._add(data)
        if self._left == 0:
            self._finish(is_whole=True)

    def _take_chunks(self) -> None:
        while True:
            end = self._received.find(b"\r\n")
            if end < 0:
                return
            try:
                size = int(bytes(self._received[:end]).partition(b";")[0], 16)
            except ValueError:
                self._finish(is_whole=False)
                return
            if len(self._received) < end + 2 + size + 2:
                return
            self._add(bytes(self._received[end + 2 : end + 2 + size]))
            del self._received[: end + 2 + size + 2]
            if size == 0:
                self._finish(is_whole=True)
                return

    def _add(self, data: bytes) -> None:
        if self.answer.first_byte_s is None and data:
            self.answer.first_byte_s = self._elapsed_s()
        self._pieces.append(data)
        self._content_bytes += len(data)
        if self._stop_after is not None and self._content_bytes >= self._stop_after:
            self._finish(is_whole=False)

    def _finish(self, *, is_whole: bool) -> None:
        if self._is_finished:
            return
        self._is_finished = True
        self.answer.is_whole = is_whole
        self.answer.done_s = self._elapsed_s()
        if not self.done.done():  # A deadline cancels it.
            self.done.set_result(None)

    def collect(self) -> Answer:
        """The answer as far as it came."""
        self._finish(is_whole=False)
        self.answer.body = b"".join(self._pieces)
        return self.answer


class Manner(TypedDict, total=False):
    """How a listener goes about it.

    Attributes:
        method: of the request; GET if none is given.
        deadline_s: when to give up; 10 s.
        stop_after: leave after so many bytes of content.
        pause_s: read nothing for that long once the request is sent, as a slow listener does.
        content: of the request.
    """

    method: str
    deadline_s: float
    stop_after: int
    pause_s: float
    content: bytes


async def ask(
    url: str, path: str, fields: Mapping[str, str] = NO_FIELDS, **how: Unpack[Manner]
) -> Answer:
    """Ask once, and wait for the end of the answer or the deadline.

    Args:
        url: of the server.
        path: the target, sent as it is.
        fields: of the request, beside Host.
        how: see `Manner`.
    """
    server = urlsplit(url)
    assert server.hostname is not None
    method, pause_s = how.get("method", "GET"), how.get("pause_s", 0.0)
    content = how.get("content", b"")
    if content:
        fields = {**fields, "Content-Length": str(len(content))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: {server.netloc}\r\n{lines}\r\n".encode("latin-1")
        + content
    )
    call: _Call | None = None
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(how.get("deadline_s", 10.0)):
            _, call = await asyncio.get_running_loop().create_connection(
                lambda: _Call(head, is_head=method == "HEAD", stop_after=how.get("stop_after")),
                server.hostname,
                server.port or 80,
            )
            assert call.transport is not None
            if pause_s:
                call.transport.pause_reading()
                await asyncio.sleep(pause_s)
                call.transport.resume_reading()
            await call.done
    if call is None:
        return Answer()
    answer = call.collect()
    if call.transport is not None:
        call.transport.abort()
    return answer
