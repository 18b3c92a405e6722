"""All processes of this node that serve: for what every one of them has to do.

Content is asked of the worker that has a slot now. A purge concerns more: a worker that has given
its slot away serves those who are still connected, and one that is about to take a slot has read
what is on its disk. So each process has a socket of its own besides, with its number in the name.
"""

import asyncio
import contextlib
import os
import re
import secrets
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final

from edge.peers.member import Member, PeerLostError
from edge.slot import Slot

# How often a slot without a worker is looked at.
_LOOK_S: Final = 0.1

_NAME: Final = re.compile(r"w(\d+)-(\d+)-[0-9a-f]+")  # Short, as paths of sockets have to be.

OpenMember = Callable[[str, Path], contextlib.AbstractAsyncContextManager[Member]]
"""The way to what listens at a path, by a name."""


class Fellows:
    """The processes of this node.

    Args:
        slot: of this worker.
        open_member: the way to one of them.

    Attributes:
        own_path: where this one listens.
    """

    def __init__(self, slot: Slot, open_member: OpenMember) -> None:
        self._slot = slot
        self._open_member = open_member
        self._known: dict[Path, tuple[Member, contextlib.AsyncExitStack]] = {}
        self._opening = asyncio.Lock()
        name = f"w{slot.number}-{os.getpid()}-{secrets.token_hex(4)}"
        self.own_path = slot.run_dir / name

    async def tell(
        self, path: str, document: dict[str, object], *, deadline_s: float
    ) -> dict[str, str]:
        """Have all of them do something; return which slots did not, and why.

        A slot without a worker is waited for: what is on its disk has to hear of it.
        """
        async with asyncio.TaskGroup() as group:
            tasks = {
                number: group.create_task(
                    self._tell_slot(number, path, document, deadline_s=deadline_s)
                )
                for number in range(self._slot.count)
            }
        found = {f"worker-{number}": task.result() for number, task in tasks.items()}
        return {name: reason for name, reason in found.items() if reason}

    async def ask(self, path: str, *, deadline_s: float) -> list[dict[str, Any]]:
        """What those of them say that are there."""
        answers = []
        for numbers in (await self._listed()).values():
            for member in numbers:
                with contextlib.suppress(PeerLostError):
                    answers.append(await member.call(path, {}, deadline_s=deadline_s))
        return answers

    async def close(self) -> None:
        """Close all ways."""
        for member, closing in self._known.values():
            member.leave()
            await closing.aclose()

    async def _tell_slot(
        self, number: int, path: str, document: dict[str, object], *, deadline_s: float
    ) -> str:
        """Tell the workers of a slot; return why it could not be done, or nothing."""
        now = asyncio.get_running_loop().time
        end_s = now() + deadline_s
        told: set[Member] = set()
        while True:
            members = (await self._listed()).get(number, [])
            reason = "" if members or number == self._slot.number else "no worker is there"
            for member in [one for one in members if one not in told]:
                try:
                    await member.call(path, document, deadline_s=max(0.0, end_s - now()))
                except PeerLostError as error:
                    reason = str(error)
                else:
                    told.add(member)
            if not reason or now() + _LOOK_S > end_s:
                return reason
            await asyncio.sleep(_LOOK_S)

    async def _listed(self) -> dict[int, list[Member]]:
        """All others that live, by their slots."""
        async with self._opening:
            paths = await asyncio.to_thread(_living, self._slot.run_dir)
            paths.pop(self.own_path, None)
            for path in self._known.keys() - paths.keys():
                member, closing = self._known.pop(path)
                member.leave()
                await closing.aclose()
            listed: dict[int, list[Member]] = {}
            for path, number in paths.items():
                if path not in self._known:
                    closing = contextlib.AsyncExitStack()
                    opening = self._open_member(f"worker-{number}", path)
                    member = await closing.enter_async_context(opening)
                    self._known[path] = member, closing
                listed.setdefault(number, []).append(self._known[path][0])
            return listed


@contextlib.asynccontextmanager
async def open_fellows(slot: Slot, open_member: OpenMember) -> AsyncIterator[Fellows]:
    """Know the processes of a node until the block is left."""
    fellows = Fellows(slot, open_member)
    try:
        yield fellows
    finally:
        await fellows.close()


def _living(run_dir: Path) -> dict[Path, int]:
    """Sockets of processes that live, with the numbers of their slots; others go. Blocks."""
    living: dict[Path, int] = {}
    try:
        paths = list(run_dir.iterdir())
    except FileNotFoundError:  # The node is ending.
        return living
    for path in paths:
        match = _NAME.fullmatch(path.name)
        if match is None:
            continue
        try:
            os.kill(int(match[2]), 0)
        except ProcessLookupError:
            path.unlink(missing_ok=True)
        except PermissionError:
            living[path] = int(match[1])
        else:
            living[path] = int(match[1])
    return living
