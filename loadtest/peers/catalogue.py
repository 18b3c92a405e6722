"""The caches that can be put side by side."""

from collections.abc import Mapping
from typing import Final

from loadtest.peers import attacca, nginx, squid, trafficserver, varnish
from loadtest.peers.process import Peer

OURS: Final = "attacca"

_ALL: Final = (
    Peer(OURS, "python3", "", attacca.plain),
    Peer("nginx", "nginx", "nginx-light", nginx.plain),
    Peer("nginx-lock", "nginx", "nginx-light", nginx.locked),
    Peer("nginx-slice", "nginx", "nginx-light", nginx.sliced),
    Peer("varnish", "varnishd", "varnish", varnish.plain),
    Peer("squid", "squid", "squid", squid.plain),
    Peer("squid+", "squid", "squid", squid.collapsed),
    Peer("ats", "traffic_server", "trafficserver", trafficserver.plain),
    Peer("ats-rww", "traffic_server", "trafficserver", trafficserver.while_writing),
)
PEERS: Final[Mapping[str, Peer]] = {peer.name: peer for peer in _ALL}
