"""Heads of requests that are read, and those that are not, by rule."""

import pytest

from http_semantics.request_head import CHUNKED, TUNNEL, Flaw, FlawError, begin_head, read_head


def read(text: bytes) -> tuple[bytes, int]:
    return read_head(text, fields_max=8)


def flaw_of(text: bytes) -> Flaw | None:
    try:
        read(text)
    except FlawError as error:
        return error.flaw
    return None


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"GET / HTTP/1.1", id="origin form"),
        pytest.param(b"GET //a?b=/../#c HTTP/1.1", id="what a path may mean is asked elsewhere"),
        pytest.param(b'GET /"<>\\^`{|} HTTP/1.1', id="and which characters are right"),
        pytest.param(b"GET http://a.example:80/b HTTP/1.1", id="absolute form"),
        pytest.param(b"GET urn+x://a?b HTTP/1.1", id="absolute form, another scheme"),
        pytest.param(b"GET http://u:p@[::1]:8/ HTTP/1.1", id="absolute form, a user"),
        pytest.param(b"OPTIONS * HTTP/1.1", id="asterisk form"),
        pytest.param(b"!#$%&'*+-.^_`|~aZ9 / HTTP/1.1", id="a method is a token"),
        pytest.param(b"GET / HTTP/1.0", id="HTTP/1.0"),
        pytest.param(b"\r\nGET / HTTP/1.1", id="one empty line before it"),
    ],
)
def test_a_request_line_is_read(line: bytes):
    text = line + b"\r\nHost: a\r\n\r\n"
    assert read(text) == (text.removeprefix(b"\r\n"), 0)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"GET", id="a method alone"),
        pytest.param(b"GET /", id="HTTP/0.9"),
        pytest.param(b"GET  / HTTP/1.1", id="two spaces"),
        pytest.param(b"GET /  HTTP/1.1", id="two spaces behind the target"),
        pytest.param(b"GET\t/ HTTP/1.1", id="a tab"),
        pytest.param(b"GET / HTTP/1.1 ", id="a space at the end"),
        pytest.param(b" GET / HTTP/1.1", id="a space at the beginning"),
        pytest.param(b"G(T / HTTP/1.1", id="a method that is no token"),
        pytest.param(b"GET /a b HTTP/1.1", id="a space in the target"),
        pytest.param(b"GET /\x0b HTTP/1.1", id="a control character in the target"),
        pytest.param(b"GET /\x00 HTTP/1.1", id="NUL in the target"),
        pytest.param(b"GET /\x7f HTTP/1.1", id="DEL in the target"),
        pytest.param(b"GET a HTTP/1.1", id="a relative target"),
        pytest.param(b"GET ?a HTTP/1.1", id="a query alone"),
        pytest.param(b"GET * HTTP/1.1", id="asterisk form of another method"),
        pytest.param(b"OPTIONS *a HTTP/1.1", id="no asterisk form"),
        pytest.param(b"GET a:80 HTTP/1.1", id="authority form of another method"),
        pytest.param(b"GET http:///a HTTP/1.1", id="no authority"),
        pytest.param(b"GET http:/a HTTP/1.1", id="no authority at all"),
        pytest.param(b"GET http://:80/a HTTP/1.1", id="no host"),
        pytest.param(b"GET http://u@/a HTTP/1.1", id="no host, but a user"),
        pytest.param(b"GET http://]a HTTP/1.1", id="half a host"),
        pytest.param(b"GET http://a\\@b/ HTTP/1.1", id="a backslash in the authority"),
        pytest.param(b"GET /\xc3\xa4 HTTP/1.1", id="a target above ASCII"),
        pytest.param(b"CONNECT / HTTP/1.1", id="no authority form"),
        pytest.param(b"CONNECT a HTTP/1.1", id="authority form without a port"),
        pytest.param(b"GET / HTTP/0.9", id="version 0.9"),
        pytest.param(b"GET / HTTP/1.2", id="no such version"),
        pytest.param(b"GET / HTTP/1.10", id="no such version, two digits"),
        pytest.param(b"GET / HTTP/2.0", id="version 2"),
        pytest.param(b"PRI * HTTP/2.0", id="preface of HTTP/2"),
        pytest.param(b"GET / http/1.1", id="small letters"),
        pytest.param(b"PLAY / RTSP/1.0", id="another protocol"),
        pytest.param(b"\r\n\r\nGET / HTTP/1.1", id="two empty lines"),
        pytest.param(b"\nGET / HTTP/1.1", id="a bare line feed before it"),
        pytest.param(b"\rGET / HTTP/1.1", id="a bare carriage return before it"),
        pytest.param(b"GET / HTTP/1.1\n", id="a line feed and CRLF"),
    ],
)
def test_a_request_line_is_refused(line: bytes):
    assert flaw_of(line + b"\r\nHost: a\r\n\r\n") == Flaw.REQUEST_LINE


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"A:", id="empty"),
        pytest.param(b"A:\t b\t", id="white space around the value"),
        pytest.param(b'A: b\tc\x80\xff"', id="tabs and bytes above ASCII"),
        pytest.param(b"!#$%&'*+-.^_`|~: b", id="a name is a token"),
        pytest.param(b"A: b\r\na: c", id="twice"),
    ],
)
def test_a_field_line_is_read(line: bytes):
    text = b"GET / HTTP/1.1\r\n" + line + b"\r\nHost: a\r\n\r\n"
    assert read(text) == (text, 0)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"A : b", id="a space before the colon"),
        pytest.param(b" A: b", id="a folded line"),
        pytest.param(b"\tb", id="a folded line, by a tab"),
        pytest.param(b": b", id="no name"),
        pytest.param(b"A", id="no colon"),
        pytest.param(b"A(: b", id="a name that is no token"),
        pytest.param(b"\xc3\xa4: b", id="a name above ASCII"),
        pytest.param(b"A: \x00", id="NUL"),
        pytest.param(b"A: \x1b", id="a control character"),
        pytest.param(b"A: \x7f", id="DEL"),
        pytest.param(b"A: b\nB: c", id="a bare line feed"),
        pytest.param(b"A: b\rB: c", id="a bare carriage return"),
        pytest.param(b"A: b\r\r\nB: c", id="two carriage returns"),
    ],
)
@pytest.mark.parametrize("host", [b"Host: a\r\n", b""])
def test_a_field_line_is_refused(line: bytes, host: bytes):
    assert flaw_of(b"GET / HTTP/1.1\r\n" + host + line + b"\r\n\r\n") == Flaw.FIELD_LINE


@pytest.mark.parametrize(
    "host", [b"a", b"a.example:8080", b"[::1]:80", b"127.0.0.1", b"a:", b"", b"%41-_~!$", b" a\t"]
)
def test_a_host_is_read(host: bytes):
    assert flaw_of(b"GET / HTTP/1.1\r\nhOST:" + host + b"\r\n\r\n") is None


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(b"", id="none"),
        pytest.param(b"Host: a\r\nHost: a\r\n", id="two"),
        pytest.param(b"Host: a\r\nhost: b\r\n", id="two that differ"),
        pytest.param(b"Host: a, b\r\n", id="a list"),
        pytest.param(b"Host: a/b\r\n", id="a path"),
        pytest.param(b"Host: u@a\r\n", id="a user"),
        pytest.param(b"Host: [\r\n", id="half an address"),
        pytest.param(b"Host: a:b\r\n", id="no port"),
        pytest.param(b"Host: a:123456\r\n", id="a long port"),
        pytest.param(b"Host: %4\r\n", id="half an escape"),
        pytest.param(b"Host: \xc3\xa4\r\n", id="above ASCII"),
        pytest.param(b"Host: a b\r\n", id="a space"),
    ],
)
def test_a_host_is_refused(lines: bytes):
    assert flaw_of(b"GET / HTTP/1.1\r\n" + lines + b"\r\n") == Flaw.HOST
    is_refused = flaw_of(b"GET / HTTP/1.0\r\n" + lines + b"\r\n") == Flaw.HOST
    assert is_refused == bool(lines)  # HTTP/1.0 may do without.


@pytest.mark.parametrize(
    ("line", "length"),
    [
        pytest.param(b"Content-Length: 0", 0, id="none"),
        pytest.param(b"content-length:5", 5, id="no space"),
        pytest.param(b"Content-Length: \t007 \t", 7, id="white space and zeros"),
        pytest.param(b"Content-Length: 999999999999999999", 10**18 - 1, id="18 digits"),
        pytest.param(b"Transfer-Encoding: chunked", CHUNKED, id="chunked"),
        pytest.param(b"Transfer-Encoding:Chunked ", CHUNKED, id="capitals"),
        pytest.param(b"Transfer-Encoding: gzip, chunked", CHUNKED, id="another one before it"),
        pytest.param(b"Transfer-Encoding: a ,b,CHUNKED", CHUNKED, id="two others"),
        pytest.param(b"X-Content-Length: 5", 0, id="another field"),
        pytest.param(b"X: a Content-Length: 5", 0, id="within a value"),
    ],
)
def test_a_length_is_read(line: bytes, length: int):
    text = b"POST / HTTP/1.1\r\nHost: a\r\n" + line + b"\r\n\r\n"
    assert read(text) == (text, length)


@pytest.mark.parametrize(
    "value",
    [
        b"", b"+5", b"-5", b"5, 5", b"5,5", b"5 5", b"0x5", b"5_0", b"5.0", b"\xb2", b"a", b"5;",
        b"1000000000000000000", b"5\r\nContent-Length: 5", b"5\r\nContent-Length: 6", b"\x0b5",
        b"5\r\nContent_Length: 5",
    ],
)  # fmt: skip
def test_a_length_is_refused(value: bytes):
    text = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + value + b"\r\n\r\n"
    assert flaw_of(text) == (Flaw.FIELD_LINE if b"\x0b" in value else Flaw.CONTENT_LENGTH)


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(b"Transfer-Encoding:", id="none"),
        pytest.param(b"Transfer-Encoding: gzip", id="no end"),
        pytest.param(b"Transfer-Encoding: identity", id="identity"),
        pytest.param(b"Transfer-Encoding: chunked, gzip", id="not the last"),
        pytest.param(b"Transfer-Encoding: chunked, chunked", id="twice"),
        pytest.param(b"Transfer-Encoding: chunked , x, chunked", id="twice, not in a row"),
        pytest.param(b"Transfer-Encoding: chunked,", id="an empty one behind it"),
        pytest.param(b"Transfer-Encoding: ,chunked", id="an empty one before it"),
        pytest.param(b"Transfer-Encoding: xchunked", id="a longer word"),
        pytest.param(b"Transfer-Encoding: chunkedx", id="a longer word, behind"),
        pytest.param(b"Transfer-Encoding: x chunked", id="two words"),
        pytest.param(b'Transfer-Encoding: "chunked"', id="in quotes"),
        pytest.param(b"Transfer-Encoding: chunked;a=b", id="with a parameter"),
        pytest.param(b'Transfer-Encoding: x;a=",", chunked', id="a parameter before it"),
        pytest.param(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", id="two lines"),
        pytest.param(b"Transfer-Encoding: x\r\nTransfer-Encoding: chunked", id="in two lines"),
        pytest.param(b"Transfer-Encoding: chunked\r\nContent-Length: 5", id="and a length"),
        pytest.param(b"Content-Length: 5\r\ntransfer-encoding: chunked", id="behind a length"),
        pytest.param(b"Transfer_Encoding: chunked", id="an underscore"),
        pytest.param(b"Transfer-Encoding: chunked\r\nContent_Length: 5", id="an underscore more"),
    ],
)
def test_a_transfer_coding_is_refused(lines: bytes):
    text = b"POST / HTTP/1.1\r\nHost: a\r\n" + lines + b"\r\n\r\n"
    assert flaw_of(text) == Flaw.TRANSFER_ENCODING


def test_http_1_0_knows_no_chunks():
    text = b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert flaw_of(text) == Flaw.TRANSFER_ENCODING


def test_a_tunnel_ends_what_is_http():
    text = b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n"
    assert read(text + b"\r\n") == (text + b"\r\n", TUNNEL)
    assert flaw_of(text + b"Content-Length: 5\r\n\r\n") == Flaw.CONTENT_LENGTH
    assert flaw_of(text + b"Transfer-Encoding: chunked\r\n\r\n") == Flaw.CONTENT_LENGTH


def test_nothing_is_upgraded():
    text = b"GET / HTTP/1.1\r\nUPGRADE: h2c\r\nHost: a\r\nupgrade:x\r\nX-Upgrade: y\r\n\r\n"
    assert read(text) == (b"GET / HTTP/1.1\r\nHost: a\r\nX-Upgrade: y\r\n\r\n", 0)
    within = b"GET / HTTP/1.1\r\nHost: a\r\nX: upgrade: y\r\n\r\n"
    assert read(within) == (within, 0)
    connect = b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n"
    assert read(connect + b"Upgrade: x\r\n\r\n") == (connect + b"\r\n", TUNNEL)


def test_content_is_described_once():
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: b\r\n"
    assert flaw_of(head + b"Content-Range: c\r\nContent-Encoding: d\r\n\r\n") is None
    assert flaw_of(head + b"Content-Encoding: c\r\ncontent-encoding: d\r\n\r\n") is None
    assert flaw_of(head + b"content-TYPE:b\r\n\r\n") == Flaw.FIELD_LINE


@pytest.mark.parametrize("line", [b"A:\r\n", b"A: " + b"b" * 99 + b"\r\n"])
def test_fields_are_counted(line: bytes):
    head = b"GET / HTTP/1.1\r\nHost: a\r\n"
    assert flaw_of(head + line * 7 + b"\r\n") is None
    assert flaw_of(head + line * 8 + b"\r\n") == Flaw.HEAD_SIZE


LINE = b"\r\nOPTIONS http://a/ HTTP/1.0"


@pytest.mark.parametrize("length", range(len(LINE) + 2))
def test_half_a_line_is_waited_for(length: int):
    assert begin_head((LINE + b"\r")[:length]) is False


def test_a_whole_line_is_told():
    assert begin_head(LINE + b"\r\n") is True


@pytest.mark.parametrize(
    "text",
    [b"\x16\x03", b"GET /\r", b"G\r\n", b"GET / HTTP/1.1\n", b"GET / x", b"\r\n\r", b"GET  ", b" "],
)
def test_what_cannot_become_a_line_is_refused(text: bytes):
    with pytest.raises(FlawError):
        begin_head(text)
