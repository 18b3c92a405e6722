"""What passes the framing is read by aiohttp's parser with the same boundaries, or refused.

And what the fast lane reads passes it.
"""

import asyncio
import random
import re
from collections.abc import Iterator

import pytest
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http import HttpProcessingError, HttpRequestParser, RawRequestMessage
from aiohttp.streams import StreamReader
from hypothesis import example, given
from hypothesis import strategies as st

from edge.plain_requests import PlainRequests
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


PLAIN = [
    b"GET /a HTTP/1.1\r\nHost: a:80\r\nRange: bytes=0-5\r\nAccept: */*\r\n\r\n",
    b"HEAD /a HTTP/1.1\r\nrange: bytes=0-5\r\nHost: [::1]\r\nAuthorization: Bearer a\r\n\r\n",
    b"GET /~t/a?b HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nUser-Agent: b/1 (c)\r\n\r\n",
]
_MARKS = [
    b"\r",
    b"\n",
    b"\r\n",
    b"\r\n\r\n",
    b" ",
    b":",
    b"\t",
    b"\0",
    b"\x7f",
    b"\xff",
    b"0",
    b"_",
    b"-",
]


@given(
    st.sampled_from(PLAIN),
    st.lists(
        st.tuples(st.integers(0, 150), st.integers(0, 3), st.sampled_from(_MARKS + LINES)),
        min_size=1,
        max_size=3,
    ),
)
@example(PLAIN[1], [(34, 0, b"\n")])
def test_what_the_lane_reads_is_one_request_without_content(
    plain: bytes, changes: list[tuple[int, int, bytes]]
):
    sent = plain
    for place, length, mark in changes:
        sent = sent[:place] + mark + sent[place + length :]
    for is_token_checked in (True, False):
        read = PlainRequests(is_token_checked=is_token_checked).read(sent)
        if read is None:
            continue
        _, target, _, bounds = read
        is_stored = re.fullmatch("[!-~]+", target)  # Nothing else is, so that it is not found.
        if is_stored and (bounds is None or b"".join(bounds).isdigit()):
            framing = RequestFraming(head_bytes_max=4096)
            assert framing.feed(sent) == [sent]
            assert framing.is_at_boundary


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
