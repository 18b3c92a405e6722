"""The ways to all members: opened, looked after, and closed when a member leaves."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from edge.adapters.aiohttp_upstream import open_upstream
from edge.metrics import EdgeCounts
from edge.peers.discovery import FoundNode, configured_nodes, resolved_nodes
from edge.peers.fellows import Fellows, open_fellows
from edge.peers.listening import client_tls
from edge.peers.member import Member
from edge.peers.members import Members, Nodes, Workers
from edge.peers.ownership import Candidate
from edge.peers.settings import PeerSettings
from edge.peers.upstream import PeerUpstream
from edge.peers.wording import Hop
from edge.ports import Upstream
from edge.settings import LimitSettings
from edge.slot import Slot

logger = logging.getLogger(__name__)

# Of a node that is one process.
ALONE: Final = Slot(0, 1, Path())

# Of calls that wait for each other's answers there are few.
_CONTROL_CONNECTIONS_MAX: Final = 8

# An owner waits for the origin; who waits for the owner waits a little longer.
_LONGER_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class MeshGround:
    """What the ways to members are made of.

    Attributes:
        settings: of the PoP.
        limits: of this node.
        slot: of this worker.
        node_id: told to upstreams.
        clock: seconds since the epoch.
        counts: of this worker.
    """

    settings: PeerSettings
    limits: LimitSettings
    slot: Slot
    node_id: str
    clock: Callable[[], float]
    counts: EdgeCounts


class Mesh:
    """Keeps the ways to all members. Made by `open_mesh`.

    Attributes:
        members: all of them.
        fellows: the processes of this node.
        ground: what the ways are made of.
        examine: finds out whether a member is there.
    """

    def __init__(self, ground: MeshGround, members: Members, fellows: Fellows) -> None:
        self.members = members
        self.fellows = fellows
        self.ground = ground
        self.examine: Callable[[Member], Coroutine[None, None, object]] = partial(
            Member.look, deadline_s=ground.settings.deadline_s
        )
        # Read once: a file that is just being exchanged must not end this worker.
        self._tls = client_tls(ground.settings)
        self._urls: dict[str, str] = {}
        self._closings: dict[str, contextlib.AsyncExitStack] = {}

    @property
    def is_alone(self) -> bool:
        """Whether there is and will be nobody else."""
        return self.ground.slot is ALONE and not self.ground.settings.has_nodes

    def source(self, origin: Upstream) -> Upstream:
        """Who is asked for content: its owner, or the origin."""
        if self.is_alone:
            return origin
        return PeerUpstream(self.members, origin, self.ground.counts)

    async def meet(self, found: list[FoundNode]) -> None:
        """Know these nodes from now on, and no others."""
        others = {one.name: one.url for one in found if not one.is_own}
        known = dict(self.members.nodes.others)
        gone = [name for name in known if others.get(name) != self._urls[name]]
        for name in gone:
            known.pop(name).leave()
        for name in others.keys() - known.keys():
            known[name] = await self._open(name, others[name])
        own = next((one.name for one in found if one.is_own), None)
        candidates = tuple(Candidate(one.name, one.weight) for one in found)
        self.members.nodes = Nodes(own, candidates, known)
        closings = [self._closings.pop(f"{name} {self._urls[name]}") for name in gone]
        self._urls = others
        for closing in closings:
            await closing.aclose()
        if gone:
            logger.info("nodes have left", extra={"nodes": sorted(gone)})

    async def look(self) -> None:
        """Find out who is there."""
        everyone = [*self.members.of(Hop.WORKER), *self.members.of(Hop.NODE)]
        async with asyncio.TaskGroup() as group:
            for member in everyone:
                group.create_task(self.examine(member))

    async def keep_looking(self) -> None:
        """Look again and again."""
        while True:
            await asyncio.sleep(self.ground.settings.probe_s)
            await self.look()

    async def keep_resolving(self) -> None:
        """Follow the name of the nodes, if they come from one."""
        while self.ground.settings.dns is not None:
            await asyncio.sleep(self.ground.settings.dns_s)
            found = await resolved_nodes(self.ground.settings)
            if found is not None:
                await self.meet(found)

    async def close(self) -> None:
        """Close all ways."""
        for closing in self._closings.values():
            await closing.aclose()

    async def _open(self, name: str, url: str) -> Member:
        ground = self.ground
        closing = contextlib.AsyncExitStack()
        member = await closing.enter_async_context(
            _open_member(ground, name, Hop.NODE, partial(open_upstream, url, tls=self._tls))
        )
        self._closings[f"{name} {url}"] = closing
        return member


@contextlib.asynccontextmanager
async def open_mesh(ground: MeshGround) -> AsyncIterator[Mesh]:
    """Know all members until the block is left; they have been looked for when it begins.

    Raises:
        ListenerError: the certificates cannot be used.
    """
    settings, slot = ground.settings, ground.slot
    async with contextlib.AsyncExitStack() as stack:
        workers: dict[int, Member] = {}
        open_worker = partial(_open_worker, ground)
        for number in range(slot.count):
            if number != slot.number:
                way = open_worker(f"worker-{number}", slot.peer_path(number))
                workers[number] = await stack.enter_async_context(way)
        members = Members(Workers(slot.number, workers), Nodes(None, (), {}))
        fellows = await stack.enter_async_context(open_fellows(slot, open_worker))
        mesh = Mesh(ground, members, fellows)
        stack.push_async_callback(mesh.close)
        if mesh.is_alone:
            yield mesh
            return
        if settings.dns is None:
            await mesh.meet(configured_nodes(settings))
        else:
            await mesh.meet(await resolved_nodes(settings) or [])
        await mesh.look()
        yield mesh


def _open_worker(
    ground: MeshGround, name: str, path: Path
) -> contextlib.AbstractAsyncContextManager[Member]:
    reach = partial(open_upstream, "http://worker", unix_path=path)
    return _open_member(ground, name, Hop.WORKER, reach)


@contextlib.asynccontextmanager
async def _open_member(
    ground: MeshGround,
    name: str,
    hop: Hop,
    reach: Callable[..., contextlib.AbstractAsyncContextManager[Upstream]],
) -> AsyncIterator[Member]:
    settings, limits = ground.settings, ground.limits
    patience = {
        "upstream_connect_s": settings.deadline_s,
        "upstream_head_s": limits.upstream_head_s + limits.fill_wait_s + _LONGER_S,
    }
    rushed = {
        "upstream_connect_s": settings.deadline_s,
        "upstream_connections_max": _CONTROL_CONNECTIONS_MAX,
    }
    reach = partial(reach, credential=None, node_id=ground.node_id, clock=ground.clock)
    async with (
        reach(limits=limits.model_copy(update=patience)) as content,
        reach(limits=limits.model_copy(update=rushed)) as control,
    ):
        yield Member(name, hop, content=content, control=control, counts=ground.counts)
