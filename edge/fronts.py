"""Fronts: servers that hand on what clients send them, and are believed who these are. No I/O.

Nobody else is: what they say of other addresses means nothing.
"""

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final

from http_semantics.forwarded import forwarded_for, x_forwarded_for
from http_semantics.proxy_protocol import parse_proxy_head

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Telling(StrEnum):
    """How fronts tell of clients."""

    PROXY = "proxy"
    FORWARDED = "forwarded"
    X_FORWARDED_FOR = "x-forwarded-for"


_READERS: Final = {
    Telling.FORWARDED: forwarded_for,
    Telling.X_FORWARDED_FOR: x_forwarded_for,
}


class Fronts:
    """The fronts of a listener.

    Args:
        telling: how they tell of clients.
        networks: where they are; whoever comes by a Unix socket is one.

    Attributes:
        field: by which they tell; None if they do so once for a connection.
        lines: matches that field in a head.
    """

    def __init__(self, telling: Telling, networks: Iterable[Network]) -> None:
        self.telling = telling
        self.field = None if telling is Telling.PROXY else str(telling)
        # The field's lines within a head; those of a request target have no line of their own.
        self.lines = re.compile(rb"\r\n%b:[ \t]*([^\r\n]*)" % telling.encode(), re.IGNORECASE)
        self._networks = tuple(networks)

    def has(self, peer: str) -> bool:
        """Whether an address is a front's; that of a Unix socket is empty."""
        if not peer:
            return True
        address = ipaddress.ip_address(peer)
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self._networks)

    def client_of(self, peer: str, values: Sequence[str]) -> str:
        """Address of the client of a request that came from a front.

        Args:
            peer: the front.
            values: of the field by which fronts tell.

        Returns:
            The nearest address that is no front's; that of the farthest front if there is none.
        """
        client = peer
        for told in reversed(_READERS[self.telling](values)):
            if told is None:
                break
            client = told
            if not self.has(told):
                break
        return client


class FrontConnection:
    """What a front says on one connection.

    Args:
        fronts: that it is one of.
        peer: its address.

    Attributes:
        client: who is at the other end, as far as that holds for the connection.
        is_begun: whether what a connection begins with is over.
    """

    __slots__ = ("_fronts", "_head", "client", "is_begun")

    def __init__(self, fronts: Fronts, peer: str) -> None:
        self._fronts = fronts
        self._head = b""
        self.client = peer
        self.is_begun = fronts.telling is not Telling.PROXY

    def begin(self, data: bytes) -> bytes:
        """Take what has come while the connection has not begun.

        Returns:
            What is the client's own.

        Raises:
            ProxyHeadError: it does not begin as agreed.
        """
        self._head += data
        head = parse_proxy_head(self._head)
        if head is None:
            return b""
        rest, self._head = self._head[head.length :], b""
        self.is_begun = True
        if head.client is not None:
            self.client = head.client[0]
        return rest

    def client_of(self, fields: Mapping[str, str]) -> str:
        """Address of the client of one request."""
        field = self._fronts.field
        if field is None:
            return self.client
        values = [value for name, value in fields.items() if name.lower() == field]
        return self._fronts.client_of(self.client, values)

    def client_in(self, head: bytes) -> str:
        """The same from a whole head as it arrived."""
        if self._fronts.field is None:
            return self.client
        values = [value.decode("latin-1") for value in self._fronts.lines.findall(head)]
        return self._fronts.client_of(self.client, values)
