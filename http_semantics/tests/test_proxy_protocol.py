import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from http_semantics.proxy_protocol import (
    HEAD_BYTES_MAX,
    LINE_BYTES_MAX,
    ProxyHead,
    ProxyHeadError,
    parse_proxy_head,
)

SIGNATURE = b"\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0a"
V4 = bytes([192, 0, 2, 7, 198, 51, 100, 9]) + struct.pack("!HH", 56324, 443)
V6 = bytes.fromhex("20010db8" + 22 * "0" + "07" + "20010db8" + 22 * "0" + "09")
V6 += struct.pack("!HH", 4124, 443)


def binary(command: int, family: int, content: bytes, *, size: int | None = None) -> bytes:
    length = len(content) if size is None else size
    return SIGNATURE + struct.pack("!BBH", command, family, length) + content


HEADS = {
    "TCP4": (b"PROXY TCP4 192.0.2.7 198.51.100.9 56324 443\r\n", ("192.0.2.7", 56324)),
    "the longest": (
        b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
        ("255.255.255.255", 65535),
    ),
    "TCP6": (b"PROXY TCP6 2001:db8::7 2001:DB8::9 4124 443\r\n", ("2001:db8::7", 4124)),
    "unknown": (b"PROXY UNKNOWN\r\n", None),
    "unknown, with addresses": (
        b"PROXY UNKNOWN " + b"ffff:" * 7 + b"ffff " + b"ffff:" * 7 + b"ffff 65535 65535\r\n",
        None,
    ),
    "binary, IPv4": (binary(0x21, 0x11, V4), ("192.0.2.7", 56324)),
    "binary, IPv6": (binary(0x21, 0x21, V6), ("2001:db8::7", 4124)),
    "binary, additions": (
        binary(0x21, 0x11, V4 + b"\x04\x00\x02ab" + b"\x30\x00\x01x"),
        ("192.0.2.7", 56324),
    ),
    "binary, Unix": (binary(0x21, 0x31, b"/run/a".ljust(216, b"\0")), None),
    "binary, unspecified": (binary(0x21, 0x00, b"whatever"), None),
    "binary, the proxy itself": (binary(0x20, 0x00, b""), None),
    "binary, itself, with addresses": (binary(0x20, 0x11, b""), None),
}


@pytest.mark.parametrize(("head", "client"), HEADS.values(), ids=HEADS)
def test_a_head_is_read_however_it_is_cut(head: bytes, client: tuple[str, int] | None):
    for stop in range(len(head)):
        assert parse_proxy_head(head[:stop]) is None
    for rest in (b"", b"GET / HTTP/1.1\r\n\r\n", head, bytes(HEAD_BYTES_MAX)):
        assert parse_proxy_head(bytearray(head + rest)) == ProxyHead(len(head), client)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="a request"),
        pytest.param(b"\x16\x03\x01", id="TLS"),
        pytest.param(b"proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n", id="lower case"),
        pytest.param(b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n\r\n", id="LF alone"),
        pytest.param(b"PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n", id="two spaces"),
        pytest.param(b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n", id="a space at the end"),
        pytest.param(b"PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n", id="port with a zero before"),
        pytest.param(b"PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n", id="port too high"),
        pytest.param(b"PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n", id="a port too few"),
        pytest.param(b"PROXY TCP4 01.2.3.4 1.2.3.4 1 2\r\n", id="octal"),
        pytest.param(b"PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n", id="three numbers"),
        pytest.param(b"PROXY TCP4 ::1 ::1 1 2\r\n", id="other family"),
        pytest.param(b"PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n", id="other family, too"),
        pytest.param(b"PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n", id="zone"),
        pytest.param(b"PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n", id="datagrams"),
        pytest.param(b"PROXY UNKNOWNS\r\n", id="unknown word"),
        pytest.param(b"PROXY UNKNOWN " + bytes(LINE_BYTES_MAX), id="a line without an end"),
        pytest.param(b"PROXY UNKNOWN " + b"x" * LINE_BYTES_MAX + b"\r\n", id="a long line"),
        pytest.param(binary(0x11, 0x11, V4), id="binary of version 1"),
        pytest.param(binary(0x22, 0x11, V4), id="unknown command"),
        pytest.param(binary(0x21, 0x12, V4), id="binary, datagrams"),
        pytest.param(binary(0x21, 0x41, V4), id="unknown family"),
        pytest.param(binary(0x21, 0x11, V4[:-1]), id="short addresses"),
        pytest.param(binary(0x21, 0x21, V4), id="IPv4 where IPv6 is said"),
        pytest.param(binary(0x21, 0x11, V4, size=65535), id="endless additions"),
        pytest.param(SIGNATURE[:-1] + b"\r", id="nearly the signature"),
    ],
)
def test_what_is_no_head_is_refused(data: bytes):
    with pytest.raises(ProxyHeadError):
        parse_proxy_head(data)


@given(st.sampled_from([head for head, _ in HEADS.values()]), st.data(), st.binary(max_size=3))
def test_any_bytes_are_read_or_refused(head: bytes, data: st.DataObject, change: bytes):
    at = data.draw(st.integers(0, len(head)))
    changed = head[:at] + change + head[at + len(change) :]
    try:
        found = parse_proxy_head(changed)
    except ProxyHeadError:
        return
    assert found is None or found.length <= len(changed)


@given(st.binary(max_size=300))
def test_a_line_ends_or_is_refused(noise: bytes):
    with contextlib.suppress(ProxyHeadError):
        assert parse_proxy_head(b"PROXY " + noise + bytes(LINE_BYTES_MAX)) is not None
