"""Purges that are not yet in effect on all members: kept until they are, over a restart if need be.

A purge is here before anybody is told of it, and goes when everybody has it. So a crash in between
leaves one that is told again, which does no harm.
"""

import asyncio
import functools
import logging
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from config.whole_file import replace_file
from edge.purge_record import EPOCH_BYTES, decode_log, encode_log
from edge.purges import Purge

logger = logging.getLogger(__name__)

# What is missed by somebody who is away for long becomes one purge of everything.
_ENTRIES_MAX: Final = 20_000

# Of a purge that is put together from what came one by one: what one call takes.
_MERGED_MAX: Final = 100

_NAME: Final = "missed-purges-"
# The numbers in these files stand for nothing.
_EPOCH: Final = bytes(EPOCH_BYTES)


@dataclass(slots=True, eq=False)
class Missed:
    """A purge that somebody may not have.

    Attributes:
        purge: what is purged.
        purge_id: known to all members alike; a new one in each run.
        failed: names of those who do not have it, and why; empty while they are being told.
        is_being_told: it is on its way.
        tries: how often it was told in vain.
        retry_s: when to tell it again, in seconds of the loop's clock.
    """

    purge: Purge
    purge_id: str = field(default_factory=lambda: secrets.token_hex(8))
    failed: dict[str, str] = field(default_factory=dict)
    is_being_told: bool = True
    tries: int = 0
    retry_s: float = 0.0


class Outbox:
    """Keeps them.

    Args:
        folder: where; None keeps them in memory alone.
        number: of this worker.
    """

    def __init__(self, folder: Path | None, number: int) -> None:
        self._folder = folder
        self._path = None if folder is None else folder / f"{_NAME}{number}"
        self._number = number
        self._writing = asyncio.Lock()
        self.missed: list[Missed] = []

    async def load(self, workers: int) -> None:
        """Take in what an earlier run has left; the first worker inherits from those that are gone.

        Args:
            workers: how many there are now.
        """
        if self._folder is None:
            return
        kept = await asyncio.to_thread(_read_folder, self._folder)
        for number, purges in kept.items():
            if number == self._number or (self._number == 0 and number >= workers):
                self.missed += [Missed(purge, is_being_told=False) for purge in purges]

    async def of_node(self) -> list[Purge]:
        """All that is kept here, and in the folder by other workers."""
        purges = [one.purge for one in self.missed]
        if self._folder is not None:
            kept = await asyncio.to_thread(_read_folder, self._folder)
            purges += [one for number in kept if number != self._number for one in kept[number]]
        return purges

    async def add(self, purge: Purge) -> Missed:
        """Keep a purge until it is removed."""
        if sum(one.purge.entries for one in self.missed) + purge.entries > _ENTRIES_MAX:
            is_soft = purge.is_soft and all(one.purge.is_soft for one in self.missed)
            purge = Purge(is_all=True, is_soft=is_soft)
            self.missed = [one for one in self.missed if one.is_being_told]
        added = Missed(purge)
        self.missed.append(added)
        await self._write()
        return added

    async def defer(self, urls: Sequence[str], failed: Mapping[str, str]) -> None:
        """Keep what some have not let go of, with what else waits for them: one purge of all."""
        for one in self.missed:
            is_alike = (
                one.purge == Purge(urls=one.purge.urls) and one.failed.keys() == failed.keys()
            )
            merged = tuple(dict.fromkeys((*one.purge.urls, *urls)))
            if is_alike and not one.is_being_told and len(merged) <= _MERGED_MAX:
                one.purge = Purge(urls=merged)
                await self._write()
                return
        added = await self.add(Purge(urls=tuple(urls)))
        added.failed, added.is_being_told = dict(failed), False

    async def remove(self, missed: Missed) -> None:
        """Everybody has it."""
        if missed in self.missed:
            self.missed.remove(missed)
            await self._write()

    async def _write(self) -> None:
        if self._path is None:
            return
        async with self._writing:
            numbered = [(number, one.purge) for number, one in enumerate(self.missed, 1)]
            pieces = [encode_log(_EPOCH, numbered)]
            try:
                await asyncio.to_thread(functools.partial(replace_file, self._path, pieces))
            except OSError as error:
                logger.error(  # noqa: TRY400 - the folder is to be looked after, not the code
                    "purges that members missed are not kept over a restart",
                    extra={"file": str(self._path), "error": str(error)},
                )


def _read_folder(folder: Path) -> dict[int, list[Purge]]:
    """What all workers have kept there. Blocks."""
    kept = {}
    for path in folder.glob(f"{_NAME}*"):
        number = path.name.removeprefix(_NAME)
        if not number.isdigit():
            continue
        history, fault = None, "it is damaged"
        try:
            history = decode_log(path.read_bytes())
        except OSError as error:
            fault = str(error)
        if history is None or history.lost_max:
            extra = {"file": str(path), "error": fault}
            logger.error("a file of missed purges cannot be used", extra=extra)
            kept[int(number)] = [Purge(is_all=True, is_soft=True)]
        if history is not None:
            kept.setdefault(int(number), []).extend(purge for _, purge in history.purges)
    return kept
