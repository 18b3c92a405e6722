"""The head of a connection in the PROXY protocol: who is at the other end of a proxy. No I/O.

Versions 1 (text) and 2 (binary) of "The PROXY protocol" by Willy Tarreau, 2020/03/05. Whoever
expects one must not do without: a connection without it is refused, never taken for a client's own.
"""

import ipaddress
import re
import struct
from dataclasses import dataclass
from typing import Final

# Section 2.1: the longest line with its CRLF.
LINE_BYTES_MAX: Final = 107
# Section 2.2 allows 64 KiB of additions; none that a proxy sends comes near to this.
HEAD_BYTES_MAX: Final = 4096

_SIGNATURE: Final = b"\r\n\r\n\x00\r\nQUIT\n"
_FIXED: Final = struct.Struct("!12sBBH")
_LINE_BEGIN: Final = b"PROXY "
_PORT: Final = rb"(0|[1-9][0-9]{0,4})"
_TCP_LINE: Final = re.compile(
    rb"PROXY TCP([46]) ([0-9A-Fa-f:.]+) ([0-9A-Fa-f:.]+) %b %b" % ((_PORT,) * 2)
)
_UNKNOWN_LINE: Final = re.compile(rb"PROXY UNKNOWN(?: [^\r\n]*)?")

_LOCAL, _PROXY = 0, 1
# Bytes of addresses by address family and transport: TCP over IPv4 and IPv6, and a Unix socket.
_ADDRESS_BYTES: Final = {0x11: 12, 0x21: 36, 0x31: 216}
_UNSPECIFIED: Final = 0x00


class ProxyHeadError(Exception):
    """What came is not the head that was to come."""


@dataclass(frozen=True, slots=True)
class ProxyHead:
    """A whole head.

    Attributes:
        length: of it in bytes; what follows is the connection's own.
        client: address and port; None if the proxy speaks for itself or does not know.
    """

    length: int
    client: tuple[str, int] | None


def parse_proxy_head(data: bytes | bytearray) -> ProxyHead | None:
    """Parse what a connection begins with.

    Returns:
        None while the head is not whole.

    Raises:
        ProxyHeadError: it never will be.
    """
    if _may_become(data, _SIGNATURE):
        return _parse_binary(bytes(data[:HEAD_BYTES_MAX]))
    if _may_become(data, _LINE_BEGIN):
        return _parse_line(bytes(data[:LINE_BYTES_MAX]))
    raise ProxyHeadError("neither version of the PROXY protocol")


def _may_become(data: bytes | bytearray, begin: bytes) -> bool:
    known = min(len(data), len(begin))
    return data[:known] == begin[:known]


def _parse_line(data: bytes) -> ProxyHead | None:
    line, end, _ = data.partition(b"\r\n")
    if not end:
        if len(data) >= LINE_BYTES_MAX:
            raise ProxyHeadError(f"a line of more than {LINE_BYTES_MAX} bytes")
        return None
    length = len(line) + 2
    if _UNKNOWN_LINE.fullmatch(line):
        return ProxyHead(length, None)
    match = _TCP_LINE.fullmatch(line)
    if match is None:
        raise ProxyHeadError("a line that is none of the PROXY protocol")
    version = int(match[1])
    client, _ = (_address(match[at].decode("ascii"), version) for at in (2, 3))
    ports = [int(match[at]) for at in (4, 5)]
    if max(ports) > 65535:
        raise ProxyHeadError("a port above 65535")
    return ProxyHead(length, (client, ports[0]))


def _address(text: str, version: int) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError as error:
        raise ProxyHeadError("an address that is none") from error
    if address.version != version:
        raise ProxyHeadError("an address of another family")
    return str(address)


def _parse_binary(data: bytes) -> ProxyHead | None:
    if len(data) < _FIXED.size:
        return None
    _, version_and_command, family, size = _FIXED.unpack_from(data)
    version, command = divmod(version_and_command, 16)
    if version != 2 or command not in {_LOCAL, _PROXY}:
        raise ProxyHeadError("an unknown version or command")
    if family != _UNSPECIFIED and family not in _ADDRESS_BYTES:
        raise ProxyHeadError("an address family or transport that has no place here")
    length = _FIXED.size + size
    if length > HEAD_BYTES_MAX:
        raise ProxyHeadError(f"a head of more than {HEAD_BYTES_MAX} bytes")
    is_told = command == _PROXY and family != _UNSPECIFIED
    if is_told and size < _ADDRESS_BYTES[family]:
        raise ProxyHeadError("less than its addresses take")
    if len(data) < length:
        return None
    return ProxyHead(length, _client_of(data, family) if is_told else None)


def _client_of(data: bytes, family: int) -> tuple[str, int] | None:
    match family:
        case 0x11:
            address, _, port = struct.unpack_from("!4s4sH", data, _FIXED.size)
        case 0x21:
            address, _, port = struct.unpack_from("!16s16sH", data, _FIXED.size)
        case _:
            return None
    return str(ipaddress.ip_address(address)), port
