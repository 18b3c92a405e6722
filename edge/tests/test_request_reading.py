"""What passes the framing is read by aiohttp's parser with the same boundaries, or refused."""

import asyncio
import random
import re
from collections.abc import Iterator

import pytest
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http import HttpProcessingError, HttpRequestParser, RawRequestMessage
from aiohttp.streams import StreamReader
from hypothesis import given
from hypothesis import strategies as st

from http_semantics.request_framing import BadRequest, RequestFraming, RequestPiece

HEAD = b"POST /a HTTP/1.1\r\nHost: a\r\n"
LINES = [
    b"Content-Length: 5\r\n", b"Content-Length:5 \r\n", b"Content-Length: 005\t\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding:\tCHUNKED \r\n",
    b"Transfer-Encoding: gzip, chunked\r\n", b"Transfer-Encoding: chunked, gzip\r\n",
    b"Transfer-Encoding: chunked\t\r\n", b"Transfer-Encoding: ,chunked\r\n",
    b"Transfer-Encoding: a ,b,  chunked\r\n", b"Content_Length: 5\r\n",
    b"Connection: upgrade\r\nUpgrade: h2c\r\n", b"Connection: Upgrade\r\nUPGRADE:websocket\r\n",
    b"Connection: transfer-encoding\r\n", b"Expect: 100-continue\r\n", b"A: \xff\tb\r\n",
    b"Connection: keep-alive\r\n", b"A:\r\n", b"Content-Encoding: gzip\r\n", b"Host: b\r\n",
]  # fmt: skip
FRAGMENTS = [
    *LINES, HEAD, b"GET / HTTP/1.1\r\n\r\n", b"\r\n", b"\r\n", b"hello",
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"5\r\nhello\r\n", b"0\r\n\r\n", b"0\r\nX: y\r\n\r\n", b'5;a="b c"\r\nhello\r\n',
    b"0\r\nConnection: close\r\n\r\n", b"0\r\nContent-Length: 5\r\n\r\n", b"\n", b"\r", b" ",
    b"GET http://a/ HTTP/1.1\r\n", b"OPTIONS * HTTP/1.1\r\n", b"0000005\r\n", b"5 \r\n",
    b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", b"QUERY / HTTP/1.1\r\n", b"SOURCE / HTTP/1.1\r\n",
]  # fmt: skip
bodies = st.sampled_from(
    [b"", b"hello", b"5\r\nhello\r\n0\r\n\r\n", b"5;a\r\nhello\r\n0\r\nX: y\r\n\r\n"]
)
messages = st.builds(
    lambda lines, body: HEAD + b"".join(lines) + b"\r\n" + body,
    st.lists(st.sampled_from(LINES), max_size=3),
    bodies,
)
streams = st.lists(st.one_of(messages, st.sampled_from(FRAGMENTS)), max_size=6).map(b"".join)


class _Connection(BaseProtocol):
    """A connection that nobody reads from."""


@pytest.fixture(scope="module")
def loop():
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@given(streams, st.integers(min_value=0), st.integers(0, 2))
def test_aiohttp_reads_the_same_messages(
    loop: asyncio.AbstractEventLoop, sent: bytes, seed: int, flips: int
):
    chance = random.Random(seed)
    mutable = bytearray(sent)
    for _ in range(min(flips, len(mutable))):
        mutable[chance.randrange(len(mutable))] = chance.choice(b"\r\n :;,0aG\x00\xff\t")
    check(loop, bytes(mutable))


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("body", [b"", b"hello", b"5;a\r\nhello\r\n0\r\nConnection: close\r\n\r\n"])
def test_aiohttp_reads_each_line_alike(loop: asyncio.AbstractEventLoop, line: bytes, body: bytes):
    check(loop, HEAD + line + b"\r\n" + body + HEAD + b"\r\n")


def check(loop: asyncio.AbstractEventLoop, sent: bytes) -> None:
    """Hand on piece by piece: what begins or ends a message to one does so to the other."""
    framing = RequestFraming(head_bytes_max=4096)
    parser = HttpRequestParser(_Connection(loop), loop, 2**16, auto_decompress=False)
    payload: StreamReader | None = None
    for piece, is_head in pieces_of(framing, sent):
        if isinstance(piece, BadRequest):
            return
        assert is_head == (payload is None or payload.is_eof())
        try:
            messages, _, tail = parser.feed_data(piece)
        except HttpProcessingError:
            return  # The connection ends.
        assert tail == b""
        assert len(messages) == is_head
        if is_head:
            message, payload = messages[0]
            assert isinstance(message, RawRequestMessage)
            if message.should_close or message.method == "CONNECT":
                return
    if framing.is_at_boundary:
        assert payload is None or payload.is_eof()


def pieces_of(framing: RequestFraming, sent: bytes) -> Iterator[tuple[RequestPiece, bool]]:
    """The pieces, and whether each is a head: fed line by line, it is the last one."""
    for part in re.findall(rb"[^\n]*\n|[^\n]+", sent):
        heads = framing.heads
        pieces = framing.feed(part)
        for place, piece in enumerate(pieces, start=1):
            yield piece, framing.heads > heads and place == len(pieces)
