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
import logging
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any, Final

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

# A call takes no more than 1 MiB.
_TARGETS_MAX: Final = 100

_RETRY_S_MAX: Final = 30.0

_HERE: Final = "this worker"

InvalidateHere = Callable[[Sequence[str]], None]


class Spreading:
    """Has all members let go of what is old.

    Args:
        members: all others.
        purge_here: puts a purge into effect in this process.
        invalidate_here: lets go of what is stored for targets in this process.
        outbox: keeps what somebody has missed.
        settings: how long to wait for whom.
    """

    def __init__(
        self,
        members: Members,
        *,
        purge_here: ApplyPurge,
        invalidate_here: InvalidateHere,
        outbox: Outbox,
        settings: PeerSettings,
    ) -> None:
        self._members = members
        self._purge_here = purge_here
        self._invalidate_here = invalidate_here
        self._outbox = outbox
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

    async def purge(self, purge: Purge) -> int:
        """Put a purge into effect everywhere; return its number here.

        Raises:
            PurgeNotDurableError: a crash may undo it here.
            PurgeIncompleteError: some members do not have it yet.
        """
        if not self._members.has_others:
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
        if not self._members.has_others:
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
            for start in range(0, len(some), _TARGETS_MAX):
                await self._spread_targets(some[start : start + _TARGETS_MAX])
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

    async def catch_up(self, *, has_disk: bool) -> None:
        """Put into effect what was purged while this worker was away; before it serves.

        Args:
            has_disk: there may be content from before.
        """
        purges = await self._outbox.of_node()
        told = await self._ask_for_missed(None)
        absent = [name for name, one in told.items() if one is None]
        for one in told.values():
            purges += one or []
        for purge in purges:
            await self._purge_here_at_least(purge)
        nodes = {member.name for member in self._members.of(Hop.NODE)}
        if has_disk and nodes.intersection(absent):
            # They may know of purges. A worker of this node that is not there knows of none that
            # is not in the folder.
            logger.warning(
                "not all nodes can be asked what was purged: what is stored has to be validated",
                extra={"nodes": sorted(nodes.intersection(absent))},
            )
            await self._purge_here_at_least(Purge(is_all=True, is_soft=True))

    def _is_due(self, missed: Missed) -> bool:
        if missed.is_being_told or self._now() < missed.retry_s:
            return False
        if not missed.failed:
            return True  # From an earlier run.
        everyone = [*self._members.of(Hop.WORKER), *self._members.of(Hop.NODE)]
        is_up = {member.name: member.is_up for member in everyone}
        # One that has left is no longer waited for.
        return any(is_up.get(name.partition("/")[0], True) for name in missed.failed)

    async def _spread(self, missed: Missed) -> tuple[int, dict[str, str]]:
        sequence = 0
        failed: dict[str, str] = {}
        document: dict[str, object] = {"purge": purge_facts(missed.purge)}
        try:
            for _ in range(_ROUNDS):
                sequence, not_here = await self._purge_here_at_least(missed.purge)
                failed |= not_here
                failed |= await self._tell(
                    PURGE_PATH, document, None, deadline_s=self._settings.purge_s
                )
        finally:
            missed.is_being_told = False
        missed.failed = failed
        if failed.keys() - {_HERE}:
            missed.retry_s = self._now() + min(_RETRY_S_MAX, 2.0**missed.tries)
            missed.tries += 1
        else:
            await self._outbox.remove(missed)
        return sequence, failed

    async def _purge_here_at_least(self, purge: Purge) -> tuple[int, dict[str, str]]:
        try:
            return await self._purge_here(purge), {}
        except PurgeNotDurableError as error:
            return 0, {_HERE: str(error)}

    async def _spread_targets(self, targets: list[str]) -> None:
        failed: dict[str, str] = {}
        document: dict[str, object] = {"targets": targets}
        for _ in range(_ROUNDS):
            self._invalidate_here(targets)
            failed |= await self._tell(
                INVALIDATE_PATH, document, None, deadline_s=self._settings.deadline_s
            )
        if failed:
            missed = await self._outbox.add(Purge(urls=tuple(targets)))
            missed.failed, missed.is_being_told = failed, False

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

        async def tell(member: Member) -> dict[str, str]:
            try:
                told = await member.call(path, document, deadline_s=deadline_s)
            except PeerLostError as error:
                return {member.name: str(error)}
            failed: dict[str, str] = told["failed"]
            return {f"{member.name}/{name}": reason for name, reason in failed.items()}

        return dict(chain.from_iterable(one.items() for one in await self._each(tell, hop)))

    async def _each(self, do: Callable[[Member], Any], hop: Hop | None) -> list[Any]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(do(member)) for member in self._beyond(hop)]
        return [task.result() for task in tasks]

    def _beyond(self, hop: Hop | None) -> Iterable[Member]:
        """Whom this worker tells of what has come this way."""
        if hop is Hop.WORKER:
            return []
        workers = self._members.of(Hop.WORKER)
        return workers if hop is Hop.NODE else [*workers, *self._members.of(Hop.NODE)]

    async def _ask_for_missed(self, hop: Hop | None) -> dict[str, list[Purge] | None]:
        """What others keep that somebody has missed, by their names; None for who is not there."""

        async def ask(member: Member) -> tuple[str, list[Purge] | None]:
            try:
                told = await member.call(MISSED_PATH, {}, deadline_s=self._settings.deadline_s)
            except PeerLostError:
                return member.name, None
            return member.name, [purge_of_facts(one) for one in told["purges"]]

        return dict(await self._each(ask, hop))

    async def _purge_for_member(self, document: dict[str, Any], hop: Hop) -> dict[str, object]:
        purge = purge_of_facts(document["purge"])
        _, failed = await self._purge_here_at_least(purge)
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

    async def _missed_for_member(self, _: dict[str, Any], hop: Hop) -> dict[str, object]:
        purges = await self._outbox.of_node()
        for told in (await self._ask_for_missed(hop)).values():
            purges += told or []
        return {"purges": [purge_facts(one) for one in purges]}
