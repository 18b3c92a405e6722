"""Bytes of a connection, parted into messages in the one way."""

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from http_semantics.request_framing import BadRequest, RequestFraming, RequestPiece
from http_semantics.request_head import Flaw

GET = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"
CHUNKS = b"POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
HEAD_BYTES_MAX = 160


def make(fields_max: int = 4) -> RequestFraming:
    return RequestFraming(head_bytes_max=HEAD_BYTES_MAX, fields_max=fields_max)


def feed(*parts: bytes) -> list[RequestPiece]:
    framing = make()
    return [piece for part in parts for piece in framing.feed(part)]


def flaw_of(*parts: bytes) -> Flaw | None:
    pieces = feed(*parts)
    last = pieces[-1] if pieces else None
    assert not any(isinstance(piece, BadRequest) for piece in pieces[:-1])
    return last.flaw if isinstance(last, BadRequest) else None


def test_each_head_is_a_piece():
    assert feed(GET + GET[:20], GET[20:] + GET) == [GET, GET, GET]
    assert feed(POST + b"hello" + GET) == [POST, b"hello", GET]
    assert feed(b"\r\n" + GET + b"\r\n" + GET) == [GET, GET]


def test_heads_are_counted():
    framing = make()
    assert framing.heads == 0
    framing.feed(POST + GET[:5])
    assert framing.heads == 1
    framing.feed(GET[5:] + GET)  # Content, and the rest of a head that is none.
    assert framing.heads == 1


def test_a_head_alone_is_not_copied():
    assert make().feed(GET)[0] is GET


def test_content_comes_as_it_arrives():
    assert feed(POST, b"he", b"l", b"lo" + GET) == [POST, b"he", b"l", b"lo", GET]
    assert feed(CHUNKS, b"5", b"\r\nhe", b"llo\r", b"\n0\r\n\r", b"\n") == [
        CHUNKS, b"5\r\nhe", b"llo", b"\r\n", b"0\r\n\r\n",
    ]  # fmt: skip


def test_what_nobody_needs_of_chunks_is_left_out():
    sent = b'00A;b\t;\tc ; d = "e\\";\xff" ;f=g\r\n0123456789\r\n000;x\r\nY: z\r\nA:\r\n\r\n'
    assert feed(CHUNKS + sent + GET) == [CHUNKS, b"a\r\n0123456789\r\n0\r\n\r\n", GET]


@pytest.mark.parametrize(
    ("sent", "is_at_boundary"),
    [
        (b"", True),
        (b"\r", False),
        (b"\r\n", False),
        (GET[:-1], False),
        (GET, True),
        (GET + b"G", False),
        (POST, False),
        (POST + b"hell", False),
        (POST + b"hello", True),
        (POST.replace(b"5", b"0"), True),
        (CHUNKS, False),
        (CHUNKS + b"1\r\nx\r\n", False),
        (CHUNKS + b"1\r\nx\r\n0\r\n", False),
        (CHUNKS + b"1\r\nx\r\n0\r\n\r\n", True),
        (b"x\r\n\r\n", False),
    ],
)
def test_it_knows_where_it_stands(sent: bytes, is_at_boundary: bool):
    framing = make()
    framing.feed(sent)
    assert framing.is_at_boundary == is_at_boundary
    assert framing.is_over == sent.startswith(b"x")


def test_nothing_follows_what_cannot_be_read():
    framing = make()
    assert framing.feed(GET + b"x\r\n" + GET) == [GET, BadRequest(Flaw.REQUEST_LINE)]
    assert framing.feed(GET) == []
    assert framing.is_over


def test_nothing_follows_a_request_for_a_tunnel():
    connect = b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n"
    framing = make()
    assert framing.feed(connect + GET) == [connect]
    assert framing.feed(GET) == []
    assert framing.is_over


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"\r\n", id="no size"),
        pytest.param(b"x", id="no digit"),
        pytest.param(b"0x5\r\n", id="0x"),
        pytest.param(b"-1\r\n", id="a sign"),
        pytest.param(b"+1\r\n", id="a plus sign"),
        pytest.param(b" 5\r\n", id="a space before it"),
        pytest.param(b"5 \r\n", id="a space behind it"),
        pytest.param(b"5\n", id="a bare line feed"),
        pytest.param(b"5\rx", id="a bare carriage return"),
        pytest.param(b"5\x0b", id="a control character"),
        pytest.param(b"1_0\r\n", id="an underscore"),
        pytest.param(b"0" * 16, id="16 digits"),
        pytest.param(b"5;\r\n", id="an empty extension"),
        pytest.param(b"5;a=\r\n", id="an extension without its value"),
        pytest.param(b"5;;a\r\n", id="two semicolons"),
        pytest.param(b"5;a b\r\n", id="two words"),
        pytest.param(b'5;a="b\r\n', id="half a quoted string"),
        pytest.param(b"5;a\nb\r\n", id="a line feed in an extension"),
        pytest.param(b"5;a\rb\r\n", id="a carriage return in an extension"),
        pytest.param(b'5;a="\r\n', id="a line end in quotes"),
        pytest.param(b"5;a=\x00\r\n", id="NUL in an extension"),
        pytest.param(b"5;" + b"a" * 254, id="a long line"),
        pytest.param(b"5;" + b"a" * 253 + b"\r\n", id="a long line that is whole"),
        pytest.param((b"1;" + b"a" * 200 + b"\r\nx\r\n") * 21, id="many extensions"),
        pytest.param(b"1\r\nxy", id="content behind a chunk"),
        pytest.param(b"1\r\nx\n", id="a bare line feed behind a chunk"),
        pytest.param(b"1\r\nx\r0", id="a bare carriage return behind a chunk"),
    ],
)
def test_a_chunk_is_refused(sent: bytes):
    assert flaw_of(CHUNKS + sent) == Flaw.CHUNK
    assert flaw_of(CHUNKS, *(bytes([byte]) for byte in sent)) == Flaw.CHUNK


def test_long_chunk_lines_are_read():
    for sent in (b"5;" + b"a" * 252 + b"\r\n", b"0" * 14 + b"5\r\n"):
        assert feed(CHUNKS + sent) == [CHUNKS, b"5\r\n"]


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"Content-Length: 5\r\n\r\n", id="a length"),
        pytest.param(b"content_length: 5\r\n\r\n", id="a length with an underscore"),
        pytest.param(b"X: y\r\ntransfer-encoding: chunked\r\n\r\n", id="a transfer coding"),
        pytest.param(b"Host: a\r\n\r\n", id="a host"),
        pytest.param(b"Connection: close\r\n\r\n", id="a connection's option"),
        pytest.param(b"X : y\r\n\r\n", id="a space before the colon"),
        pytest.param(b"X\r\n\r\n", id="no colon"),
        pytest.param(b" y\r\n\r\n", id="a folded line"),
        pytest.param(b"X: y\n", id="a bare line feed"),
        pytest.param(b"X: \x00", id="NUL"),
        pytest.param(b"A:\r\n" * 5 + b"\r\n", id="too many"),
        pytest.param(b"A: " + b"b" * HEAD_BYTES_MAX, id="too long"),
        pytest.param(b"A: " + b"b" * HEAD_BYTES_MAX + b"\r\n\r\n", id="too long, and whole"),
    ],
)
def test_a_trailer_section_is_refused(sent: bytes):
    assert flaw_of(CHUNKS + b"0\r\n" + sent) == Flaw.TRAILER
    assert flaw_of(CHUNKS, b"0\r\n", *(bytes([byte]) for byte in sent)) == Flaw.TRAILER


def test_trailer_fields_are_counted():
    assert feed(CHUNKS + b"0\r\n" + b"A:\r\n" * 4 + b"\r\n") == [CHUNKS, b"0\r\n\r\n"]


@pytest.mark.parametrize("excess", [0, 1, 2, 99])
@pytest.mark.parametrize("step", [1, 7, HEAD_BYTES_MAX + 99])
def test_a_head_has_an_end(excess: int, step: int):
    begun = GET[:-4] + b"\r\nA: "
    sent = begun + b"b" * (HEAD_BYTES_MAX - len(begun) - 4 + excess) + b"\r\n\r\n"
    parts = [sent[start : start + step] for start in range(0, len(sent), step)]
    assert flaw_of(*parts) == (Flaw.HEAD_SIZE if excess else None)


def test_a_head_that_never_ends_is_not_kept():
    framing = make()
    assert framing.feed(b"GET /" + b"a" * HEAD_BYTES_MAX) == [BadRequest(Flaw.HEAD_SIZE)]


@pytest.mark.parametrize(
    ("sent", "flaw"),
    [
        pytest.param(b"\x16\x03\x01", Flaw.REQUEST_LINE, id="TLS"),
        pytest.param(b"GET /\r\n", Flaw.REQUEST_LINE, id="HTTP/0.9"),
        pytest.param(b"GET / HTTP/1.1\n", Flaw.REQUEST_LINE, id="a bare line feed"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\n", Flaw.FIELD_LINE, id="another bare line feed"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\rb", Flaw.FIELD_LINE, id="a bare carriage return"),
    ],
)
def test_what_cannot_be_read_is_not_waited_for(sent: bytes, flaw: Flaw):
    assert flaw_of(sent) == flaw


FRAGMENTS = [
    GET, POST, CHUNKS, b"hello", b"5\r\nhello\r\n", b"0\r\n\r\n", b"0\r\nX: y\r\n\r\n", b"\r\n",
    b"5;a=b\r\nhello\r\n", b"0\r\nHost: a\r\n\r\n", b"\n", b"\r", b" ", b"\x00", b"GET ", b"/",
    b"GET / HTTP/1.1\r\n", b"HTTP/1.0\r\n", b"Host: a\r\n", b"Content-Length: 5\r\n", b"\xff",
    b"Transfer-Encoding: chunked\r\n", b"Upgrade: h2c\r\n", b"A: b\r\n", b"CONNECT a:1 HTTP/1.1",
    b"OPTIONS * HTTP/1.1\r\n", b"A : b\r\n", b"x" * 99, b"A:\r\n" * 5, b"1;" + b"a" * 99 + b"\r\nx",
]  # fmt: skip
streams = st.lists(st.sampled_from(FRAGMENTS), max_size=8).map(b"".join)


@given(streams, st.integers(min_value=0), st.integers(0, 2))
def test_any_cut_gives_the_same_messages(sent: bytes, seed: int, flips: int):
    chance = random.Random(seed)
    mutable = bytearray(sent)
    for _ in range(min(flips, len(mutable))):
        mutable[chance.randrange(len(mutable))] = chance.choice(b"\r\n :;,0aG\x00\xff\t")
    sent = bytes(mutable)
    count = chance.choice([0, 1, 5, len(sent)])
    cuts = sorted({0, len(sent), *chance.sample(range(len(sent)), min(count, len(sent)))})
    whole, parted = make(), make()
    at_once = whole.feed(sent)
    piecewise = [
        piece for start, stop in itertools.pairwise(cuts) for piece in parted.feed(sent[start:stop])
    ]
    assert _messages(at_once) == _messages(piecewise)
    assert whole.is_at_boundary == parted.is_at_boundary
    assert whole.is_over == parted.is_over


def _messages(pieces: list[RequestPiece]) -> tuple[list[bytes], bytes, Flaw | None]:
    flaws = [piece.flaw for piece in pieces if isinstance(piece, BadRequest)]
    texts = [piece for piece in pieces if isinstance(piece, bytes)]
    heads = [text for text in texts if b" HTTP/1." in text]
    return heads, b"".join(texts), flaws[0] if flaws else None


@pytest.mark.parametrize(
    ("sent", "has_part"),
    [
        pytest.param(b"", False, id="nothing"),
        pytest.param(b"GET / HT", True, id="a part"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", False, id="a whole"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\n\r\nG", True, id="a part of the next one"),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nx", False, id="content"
        ),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1",
            False,
            id="a chunk",
        ),
    ],
)
def test_it_knows_of_a_part_of_a_head(sent: bytes, has_part: bool):
    framing = RequestFraming(head_bytes_max=1000)
    framing.feed(sent)
    assert framing.has_part_of_head == has_part
