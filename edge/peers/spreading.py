"""Purges for the whole PoP: told to every worker of every node, in two rounds.

One round is not enough. A member that has purged may, a moment later, fetch what it misses from an
owner that has not: what it gets is old, and counts as newer than the purge. When everybody has
purged once, nobody has anything old to give any more; what was fetched before that moment is then
purged by the second round. A fill that began before its member purged ends with the purge, and so
does what was asked of it (`edge.purges`).

Every member writes a purge down before it says that it has it. Who has not said so is named in the
answer, and told again, both rounds, as soon as it is there: until it has the purge, it may give
what is old to others. A member that starts asks all others for what it has missed; if one of them
is not there to be asked, everything from before has to be validated.
"""

import asyncio
import contextlib
import itertools
import logging
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final, TypeVar

from edge.peers.attendance import NOTE_S, Attendance
from edge.peers.fellows import Fellows
from edge.peers.member import Member, PeerLostError
from edge.peers.members import Members
from edge.peers.outbox import Missed, Outbox
from edge.peers.settings import PeerSettings
from edge.peers.wording import Hop
from edge.purge_log import PurgeNotDurableError
from edge.purge_record import purge_facts, purge_of_facts
from edge.purges import ApplyPurge, Purge, PurgeIncompleteError

logger = logging.getLogger(__name__)

PURGE_PATH: Final = "/purge"
INVALIDATE_PATH: Final = "/invalidate"
MISSED_PATH: Final = "/missed"

_ROUNDS: Final = 2

# So that a call takes them: see `CALL_BYTES_MAX`.
_TARGETS_MAX: Final = 100

_RETRY_S_MAX: Final = 30.0

# Whoever starts has read what is on his disk a moment before he can be told of a purge.
_RECENT_S: Final = 60.0
_KNOWN_MAX: Final = 5_000
# Of those, so many are asked about at once.
_ASKED_MAX: Final = 500

_HERE: Final = "this worker"

_ResultT = TypeVar("_ResultT")

InvalidateHere = Callable[[Sequence[str]], None]


class Spreading:
    """Has all members let go of what is old.

    Args:
        members: all others.
        fellows: the processes of this node; None if there is but one.
        purge_here: puts a purge into effect in this process.
        invalidate_here: lets go of what is stored for targets in this process.
        outbox: keeps what somebody has missed.
        attendance: knows who has known whom.
        settings: how long to wait for whom.
    """

    def __init__(  # noqa: PLR0913 - each is a part of its own
        self,
        members: Members,
        fellows: Fellows | None,
        *,
        purge_here: ApplyPurge,
        invalidate_here: InvalidateHere,
        outbox: Outbox,
        attendance: Attendance,
        settings: PeerSettings,
    ) -> None:
        self._members = members
        self._fellows = fellows
        # None for what was made before this worker was there: it is in effect all the same.
        self._known: OrderedDict[str, tuple[float, Purge | None]] = OrderedDict()
        self._purge_here = purge_here
        self._invalidate_here = invalidate_here
        self._outbox = outbox
        self._attendance = attendance
        self._settings = settings
        self._targets: set[str] = set()
        self._next_round: asyncio.Future[None] | None = None
        self._has_targets = asyncio.Event()
        self._now = asyncio.get_running_loop().time
        self.calls = {
            PURGE_PATH: self._purge_for_member,
            INVALIDATE_PATH: self._invalidate_for_member,
            MISSED_PATH: self._missed_for_member,
        }

    @property
    def _has_others(self) -> bool:
        return self._fellows is not None or self._members.has_others

    async def purge(self, purge: Purge) -> int:
        """Put a purge into effect everywhere; return its number here.

        Raises:
            PurgeNotDurableError: a crash may undo it here.
            PurgeIncompleteError: some members do not have it yet.
        """
        if not self._has_others:
            return await self._purge_here(purge)
        missed = await self._outbox.add(purge)
        sequence, failed = await self._spread(missed)
        if failed.keys() - {_HERE}:
            raise PurgeIncompleteError(failed, sequence=sequence)
        if failed:
            raise PurgeNotDurableError(failed[_HERE])
        return sequence

    async def invalidate(self, targets: Sequence[str]) -> None:
        """Let go of what is stored for some targets, everywhere that can be reached.

        Those that come while others are being told go together.
        """
        self._invalidate_here(targets)
        if not self._has_others:
            return
        self._targets.update(targets)
        if self._next_round is None:
            self._next_round = asyncio.get_running_loop().create_future()
        self._has_targets.set()
        await asyncio.shield(self._next_round)

    async def keep_invalidating(self) -> None:
        """Tell members of what was changed, until cancelled."""
        while True:
            await self._has_targets.wait()
            self._has_targets.clear()
            targets, self._targets = self._targets, set()
            done, self._next_round = self._next_round, None
            some = list(targets)
            try:
                for start in range(0, len(some), _TARGETS_MAX):
                    await self._spread_targets(some[start : start + _TARGETS_MAX])
                    targets.difference_update(some[start : start + _TARGETS_MAX])
            finally:
                self._targets |= targets
                if self._targets:  # After an error they are told when this is begun again.
                    self._has_targets.set()
                if done is not None:
                    done.set_result(None)

    async def keep_telling(self) -> None:
        """Tell members what they have missed, as soon as they are there, until cancelled."""
        while True:
            await asyncio.sleep(self._settings.probe_s)
            for missed in list(self._outbox.missed):
                if self._is_due(missed):
                    missed.is_being_told = True
                    await self._spread(missed)

    async def examine(self, member: Member) -> None:
        """Find out whether a member is there, and has all purges that this worker has.

        One that lacks some was away when they were made: nothing is asked of it before it has been
        told. What was fetched from it before that was noticed may be old, so these purges are put
        into effect here once more.
        """
        deadline_s, own = self._settings.deadline_s, self._members.nodes.own
        unsure = (one for one, (_, purge) in self._known.items() if purge and one not in member.has)
        asked = list(itertools.islice(unsure, _ASKED_MAX))
        lacking = await member.look(own, asked, deadline_s=deadline_s)
        for purge_id in lacking:
            _, purge = self._known.get(purge_id, (0.0, None))
            if purge is None:
                continue
            document: dict[str, object] = {"id": purge_id, "purge": purge_facts(purge)}
            try:
                await member.call(PURGE_PATH, document, deadline_s=self._settings.purge_s)
            except PeerLostError:
                return
            await self._purge_here_at_least(purge_id, purge)
        if lacking:
            await member.look(own, asked, deadline_s=deadline_s)
        if len(member.has) > 2 * _KNOWN_MAX:
            member.has.intersection_update(self._known)

    def lacking(self, purge_ids: Sequence[object]) -> list[object]:
        """Which of these purges this worker does not know."""
        return [one for one in purge_ids if one not in self._known]

    async def note_attendance(self) -> None:
        """Note who knows whom."""
        nodes = self._members.nodes.others
        knowing = [name for name, one in nodes.items() if one.is_up and one.is_knowing]
        await self._attendance.note(nodes, knowing=knowing)

    async def keep_attendance(self) -> None:
        """Note it again and again, until cancelled."""
        while True:
            await asyncio.sleep(NOTE_S)
            await self.note_attendance()

    async def catch_up(self, *, has_disk: bool) -> None:
        """Put into effect what was purged while this worker was away; before it serves.

        Args:
            has_disk: there may be content from before.
        """
        purges = await self._outbox.of_node()
        purges += await self._missed_by_fellows()
        doubtful = []
        for member, (told, since_s) in await self._each_node(self._missed_by):
            if self._attendance.may_have_missed(member.name, since_s):
                doubtful.append(member.name)
            purges += told
        if has_disk and doubtful:
            # They may know of purges. A worker of this node that is not there knows of none that
            # is not in the folder.
            logger.warning(
                "not all nodes can tell what was purged: what is stored has to be validated",
                extra={"nodes": sorted(doubtful)},
            )
            purges.append(Purge(is_all=True, is_soft=True))
        for purge in dict.fromkeys(purges):
            with contextlib.suppress(PurgeNotDurableError):  # It is in effect.
                await self._purge_here(purge)

    def _is_due(self, missed: Missed) -> bool:
        if missed.is_being_told or self._now() < missed.retry_s:
            return False
        if not missed.failed:
            return True  # From an earlier run.
        # Workers are waited for anyway; one that has left is not.
        is_up = {member.name: member.is_up for member in self._members.of(Hop.NODE)}
        return any(is_up.get(name.partition("/")[0], True) for name in missed.failed)

    async def _spread(self, missed: Missed) -> tuple[int, dict[str, str]]:
        sequence = 0
        failed: dict[str, str] = {}
        purge_id, purge = missed.purge_id, missed.purge
        document: dict[str, object] = {"id": purge_id, "purge": purge_facts(purge)}
        try:
            for _ in range(_ROUNDS):
                sequence, not_here = await self._purge_here_at_least(purge_id, purge)
                failed |= not_here
                failed |= await self._tell(
                    PURGE_PATH, document, None, deadline_s=self._settings.purge_s
                )
        finally:  # Also after an error: others have their turn before it is tried again.
            missed.is_being_told = False
            missed.retry_s = self._now() + min(_RETRY_S_MAX, 2.0 ** min(missed.tries, 32))
            missed.tries += 1
        missed.failed = failed
        if not failed.keys() - {_HERE}:
            await self._outbox.remove(missed)
        return sequence, failed

    async def _purge_here_at_least(self, purge_id: str, purge: Purge) -> tuple[int, dict[str, str]]:
        try:
            return await self._purge_here(purge), {}
        except PurgeNotDurableError as error:
            return 0, {_HERE: str(error)}
        finally:
            self._note_known(purge_id, purge)

    def _note_known(self, purge_id: str, purge: Purge | None) -> None:
        self._known[purge_id] = self._now(), purge
        self._known.move_to_end(purge_id)
        if len(self._known) > _KNOWN_MAX:
            self._known.popitem(last=False)

    async def _spread_targets(self, targets: list[str]) -> None:
        failed: dict[str, str] = {}
        document: dict[str, object] = {"targets": targets}
        for _ in range(_ROUNDS):
            self._invalidate_here(targets)
            failed |= await self._tell(
                INVALIDATE_PATH, document, None, deadline_s=self._settings.deadline_s
            )
        if failed:
            await self._outbox.defer(targets, failed)

    async def _tell(
        self, path: str, document: dict[str, object], hop: Hop | None, *, deadline_s: float
    ) -> dict[str, str]:
        """Have others do something; return who did not, and why.

        Args:
            path: of the call.
            document: of the call.
            hop: who has told this worker; None for nobody.
            deadline_s: how long each may take.
        """

        async def tell_node(member: Member) -> dict[str, str]:
            if path == INVALIDATE_PATH and not member.is_up:
                return {member.name: "it is down"}  # A listener is waiting.
            try:
                told = await member.call(path, document, deadline_s=deadline_s)
            except PeerLostError as error:
                return {member.name: str(error)}
            failed: dict[str, str] = told.get("failed", {})
            return {f"{member.name}/{name}": reason for name, reason in failed.items()}

        async def tell_fellows() -> dict[str, str]:
            if self._fellows is None:
                return {}
            return await self._fellows.tell(path, document, deadline_s=deadline_s)

        if hop is Hop.WORKER:
            return {}
        if hop is Hop.NODE:
            return await tell_fellows()
        async with asyncio.TaskGroup() as group:
            fellows = group.create_task(tell_fellows())
            nodes = await self._each_node(tell_node)
        return dict(itertools.chain(fellows.result().items(), *(one.items() for _, one in nodes)))

    async def _each_node(
        self, do: Callable[[Member], Coroutine[None, None, _ResultT]]
    ) -> list[tuple[Member, _ResultT]]:
        async with asyncio.TaskGroup() as group:
            tasks = [(one, group.create_task(do(one))) for one in self._members.of(Hop.NODE)]
        return [(member, task.result()) for member, task in tasks]

    async def _missed_by(self, member: Member) -> tuple[list[Purge], float | None]:
        """What a node keeps that somebody has missed, and since when it has known this one."""
        document = {"node": self._members.nodes.own}
        try:
            told = await member.call(MISSED_PATH, document, deadline_s=self._settings.deadline_s)
        except PeerLostError:
            return [], None
        for purge_id in told.get("ids", ()):
            self._note_known(str(purge_id), None)
        return _purges_of(told), told.get("since")

    async def _missed_by_fellows(self) -> list[Purge]:
        if self._fellows is None:
            return []
        told = await self._fellows.ask(MISSED_PATH, deadline_s=self._settings.deadline_s)
        return [purge for one in told for purge in _purges_of(one)]

    async def _purge_for_member(self, document: dict[str, Any], hop: Hop) -> dict[str, object]:
        purge = purge_of_facts(document["purge"])
        _, failed = await self._purge_here_at_least(str(document["id"]), purge)
        failed |= await self._tell(
            PURGE_PATH, document, hop, deadline_s=self._settings.purge_s * 0.8
        )
        return {"failed": failed}

    async def _invalidate_for_member(self, document: dict[str, Any], hop: Hop) -> dict[str, object]:
        targets = [str(one) for one in document["targets"]]
        self._invalidate_here(targets)
        failed = await self._tell(
            INVALIDATE_PATH, document, hop, deadline_s=self._settings.deadline_s * 0.8
        )
        return {"failed": failed}

    async def _missed_for_member(self, document: dict[str, Any], hop: Hop) -> dict[str, object]:
        """What somebody has missed, and what may have come while he was starting."""
        purges = await self._outbox.of_node()
        recent_s = self._now() - _RECENT_S
        purges += [one for when_s, one in self._known.values() if one and when_s >= recent_s]
        if hop is Hop.NODE:
            purges += await self._missed_by_fellows()
        since_s = self._attendance.since_s(str(document.get("node")))
        return {
            "purges": [purge_facts(one) for one in dict.fromkeys(purges)],
            "ids": list(self._known),
            "since": since_s,
        }


def _purges_of(told: Mapping[str, Any]) -> list[Purge]:
    return [purge_of_facts(one) for one in told.get("purges", ())]
