"""Joining the others: a worker listens for them, catches up with them, and only then serves."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

from config.tasks import open_tasks
from edge.invalidation import invalidate_here
from edge.origin_budget import OriginBudget
from edge.peers.answering import MemberPasser, MemberSender
from edge.peers.attendance import Attendance
from edge.peers.listening import open_peer_listener
from edge.peers.member import PING_PATH
from edge.peers.mesh import ALONE, Mesh
from edge.peers.outbox import Outbox
from edge.peers.ownership import SPAN_BYTES, span_of
from edge.peers.road import PeerRoad
from edge.peers.spreading import Spreading
from edge.peers.wording import Hop
from edge.representation import Representation
from edge.road_laying import Ground, WayToContent, serving_of


@contextlib.asynccontextmanager
async def join(mesh: Mesh, ground: Ground, way: WayToContent) -> AsyncIterator[Spreading]:
    """Be one of the members until the block is left.

    Args:
        mesh: the ways to the others.
        ground: of this worker.
        way: to its content.

    Yields:
        What has all members let go of what is old.

    Raises:
        ListenerError: there is no listening for the others.
    """
    settings, slot = mesh.ground.settings, mesh.ground.slot
    outbox = Outbox(settings.purge_folder, slot.number)
    attendance = Attendance(settings.purge_folder, slot.number, ground.clock)
    spreading = Spreading(
        mesh.members,
        mesh.fellows if slot is not ALONE else None,
        purge_here=ground.tiers.purge,
        invalidate_here=partial(invalidate_here, ground.tiers.store, way.contacts),
        outbox=outbox,
        attendance=attendance,
        settings=settings,
    )
    if mesh.is_alone:
        yield spreading
        return
    if settings.purge_folder is not None:
        await asyncio.to_thread(_make_folder, settings.purge_folder)
    ground.tiers.store.share(partial(_is_owner, mesh), mirror_share=settings.mirror_share)
    way.fills.share(SPAN_BYTES)
    road = _peer_road(mesh, ground, way, spreading)
    has_fellows = slot is not ALONE
    paths = [mesh.fellows.own_path, slot.peer_path(slot.number)] if has_fellows else []
    async with (
        open_peer_listener(road, settings, ground.settings.limits, paths),
        open_tasks() as tasks,
    ):
        await outbox.load(slot.count)
        await attendance.load()
        await spreading.catch_up(has_disk=ground.tiers.disk is not None)
        mesh.examine = spreading.examine
        await mesh.look()
        await spreading.note_attendance()
        tasks.keep(mesh.keep_looking, "looking for members")
        tasks.keep(mesh.keep_resolving, "resolving nodes")
        tasks.keep(spreading.keep_invalidating, "telling of changes")
        tasks.keep(spreading.keep_telling, "telling of missed purges")
        tasks.keep(spreading.keep_attendance, "noting attendance")
        road.is_ready = True
        try:
            yield spreading
        finally:
            road.is_ready = False


def _is_owner(mesh: Mesh, representation: Representation, number: int) -> bool:
    span = span_of(number * representation.slice_bytes)
    return mesh.members.is_owner(representation.target, span)


def _peer_road(mesh: Mesh, ground: Ground, way: WayToContent, spreading: Spreading) -> PeerRoad:
    limits = ground.settings.limits
    passer = MemberPasser(
        ground.source,
        content_bytes_max=0,
        content_stall_s=limits.content_stall_s,
        is_token_checked=ground.is_token_checked,
        counts=ground.counts,
    )
    # Who asks keeps the debts of his own clients.
    budget = OriginBudget(debt_bytes_max=sys.maxsize, forgiven_bytes_per_s=0, clients_max=1)
    sender = MemberSender(
        way.reading, budget=budget, is_token_checked=ground.is_token_checked, clock=ground.clock
    )
    serving = serving_of(ground, way, passer=passer, sender=sender, budget=budget)

    async def ping(document: dict[str, Any], _: Hop) -> dict[str, object]:
        knows = document.get("node") in mesh.members.nodes.others
        lacks = spreading.lacking(document.get("purges", ()))
        return {"ready": road.is_ready, "knows": knows, "lacks": lacks}

    road = PeerRoad(
        serving=serving,
        passer=passer,
        members=mesh.members,
        calls={**spreading.calls, PING_PATH: ping},
        is_token_checked=ground.is_token_checked,
        counts=ground.counts,
    )
    return road


def _make_folder(folder: Path) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
