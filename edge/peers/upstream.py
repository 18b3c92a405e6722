"""The upstream of a cache of many processes: the owner of what is asked for, or the origin."""

from dataclasses import replace
from typing import Final

from typing_extensions import override

from edge.metrics import EdgeCounts
from edge.peers.member import PeerLostError
from edge.peers.members import Members
from edge.peers.placing import place
from edge.peers.wording import HOP_FIELD, read_hop
from edge.ports import Upstream, UpstreamAnswer, UpstreamRequest

_CACHED_METHODS: Final = frozenset({"GET", "HEAD"})


class PeerUpstream(Upstream):
    """See `edge.ports.Upstream`.

    Owners that are down are passed over; with none left, or if the turn is this worker's, the
    origin is asked.

    Args:
        members: who may be the owner.
        origin: behind all of them.
        counts: of this worker.
    """

    def __init__(self, members: Members, origin: Upstream, counts: EdgeCounts) -> None:
        self._members = members
        self._origin = origin
        self._counts = counts

    @override
    async def send(self, request: UpstreamRequest) -> UpstreamAnswer:
        hop = read_hop(request.fields)
        fields = request.fields
        if hop is not None:
            fields = fields.copy()
            fields.popall(HOP_FIELD)
        if request.method not in _CACHED_METHODS:
            return await self._origin.send(replace(request, fields=fields))
        span, fields = place(fields)
        request = replace(request, fields=fields)
        for member in self._members.way(request.target, span, hop=hop):
            try:
                return await member.ask(request)
            except PeerLostError:
                self._counts.peer_asked[member.hop.value, "lost"] += 1
        return await self._origin.send(request)
