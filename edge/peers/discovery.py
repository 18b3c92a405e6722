"""The nodes of the PoP, from a name: every address is a node, and its own name."""

import asyncio
import logging
import socket
from dataclasses import dataclass

from config.listener import url_of
from edge.peers.settings import PeerSettings, split_address

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FoundNode:
    """A node of the PoP.

    Attributes:
        name: alike for all members.
        url: of its peer listener.
        weight: its share.
        is_own: it is this node.
    """

    name: str
    url: str
    weight: float = 1.0
    is_own: bool = False


def configured_nodes(settings: PeerSettings) -> list[FoundNode]:
    """The nodes that the settings name."""
    return [
        FoundNode(one.name, one.url, one.weight, is_own=one.name == settings.node)
        for one in settings.nodes
    ]


async def resolved_nodes(settings: PeerSettings) -> list[FoundNode] | None:
    """The nodes that the name in the settings has addresses of; None if it cannot be resolved."""
    assert settings.dns is not None
    host, port = split_address(settings.dns)
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        logger.warning("the name of the peers cannot be resolved", extra={"error": str(error)})
        return None
    addresses = sorted({str(one[4][0]) for one in found})
    return [_node_at(address, port, settings) for address in addresses]


def _node_at(address: str, port: int, settings: PeerSettings) -> FoundNode:
    url = url_of(address, port)
    if settings.has_tls:
        url = url.replace("http://", "https://", 1)
    name = f"{address}:{port}"
    is_own = _is_of_this_machine(address) if settings.node is None else name == settings.node
    return FoundNode(name, url, is_own=is_own)


def _is_of_this_machine(address: str) -> bool:
    """Whether a server here could have this address."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as trying:
        try:
            trying.bind((address, 0))
        except OSError:
            return False
    return True
