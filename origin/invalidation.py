"""Tells edges what to purge: every note of the outbox to every edge, until it has been heard.

An edge that does not answer holds up nobody but itself: it is asked again soon, then less and less
often. Telling twice does no harm, so what was told is remembered in memory only.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from origin.errors import EdgeUnreachableError, StoreError
from origin.metrics import OriginMetrics
from origin.outbox import Note, Outbox

logger = logging.getLogger(__name__)

# Tags in one call.
_TAGS_AT_ONCE: Final = 256

# A note that nobody releases: its process died, or its change takes long.
UNRELEASED_S: Final = 30.0

# Others wait for the end of each attempt to reach an edge that does not answer.
_PAUSE_S_MAX: Final = 30.0
_TRIES_AT_ONCE: Final = 2

NOTE_AGE_S_MAX: Final = 7 * 86_400
"""An edge that has been away for longer is no edge any more: the note is dropped."""


class Edge(Protocol):
    """An edge that can be told to purge."""

    @property
    def name(self) -> str:
        """For logs and metrics; holds no secret."""
        ...

    async def purge(self, tags: Sequence[str]) -> None:
        """Purge by tags.

        Raises:
            EdgeUnreachableError: it did not confirm.
        """
        ...


class Invalidation:
    """Delivers the notes of an outbox.

    Args:
        outbox: where notes are.
        edges: who is to be told.
        figures: counts what was told.
        clock: seconds since the epoch.
        monotonic: seconds since any moment.
    """

    def __init__(
        self,
        outbox: Outbox,
        edges: Sequence[Edge],
        *,
        figures: OriginMetrics,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        self._outbox = outbox
        self._edges = edges
        self._figures = figures
        self._clock = clock
        self._monotonic = monotonic
        self._told: dict[str, set[str]] = {edge.name: set() for edge in edges}
        self._first_seen_s: dict[str, float] = {}
        self._notes: list[Note] = []
        # Of edges that did not answer: how often in a row, and when to try again.
        self._silent: dict[str, tuple[int, float]] = {}

    async def run(self, interval_s: float) -> None:
        """Deliver until cancelled."""
        while True:
            try:
                await self.deliver()
            except StoreError as error:
                self._figures.record_failure(error)
                logger.warning("the outbox cannot be read", extra={"reason": error.reason})
            await asyncio.sleep(interval_s)

    async def deliver(self) -> None:
        """Tell every edge what it has not been told, once.

        Raises:
            StoreError: the store cannot be read or written.
        """
        self._notes = notes = await self._outbox.notes(known=self._notes)
        self._forget_all_but(notes)
        due = [note for note in notes if self._is_due(note)]
        if due:
            async with asyncio.TaskGroup() as group:
                for edge in self._edges:
                    group.create_task(self._tell(edge, due))
            await self._drop_done(due)
        self._figures.set_outbox(len(notes))

    def _is_due(self, note: Note) -> bool:
        now_s = self._monotonic()
        seen_s = self._first_seen_s.setdefault(note.note_id, now_s)
        return note.is_released or now_s - seen_s >= UNRELEASED_S

    async def _tell(self, edge: Edge, notes: Sequence[Note]) -> None:
        if self._monotonic() < self._silent.get(edge.name, (0, 0.0))[1]:
            return
        told = self._told[edge.name]
        left = [note for note in notes if note.note_id not in told]
        for batch in _batches(left):
            tags = list(dict.fromkeys(tag for note in batch for tag in note.tags))
            try:
                await edge.purge(tags)
            except EdgeUnreachableError as error:
                self._note_silence(edge, error)
                return
            told.update(note.note_id for note in batch)
            if self._silent.pop(edge.name, None) is not None:
                logger.info("an edge is told again", extra={"edge": edge.name})

    def _note_silence(self, edge: Edge, error: EdgeUnreachableError) -> None:
        self._figures.record_failure(error)
        count = self._silent.get(edge.name, (0, 0.0))[0] + 1
        pause_s = min(_PAUSE_S_MAX, 2.0 ** max(0, min(count, 9) - _TRIES_AT_ONCE) - 1)
        self._silent[edge.name] = (count, self._monotonic() + pause_s)
        if count == 1:
            logger.warning("an edge was not told", extra={"edge": edge.name, "reason": str(error)})

    async def _drop_done(self, notes: Sequence[Note]) -> None:
        # Without edges of its own, an origin leaves the notes to others on the same store.
        for note in notes:
            is_told = bool(self._told) and all(note.note_id in one for one in self._told.values())
            if is_told or self._clock() - note.noted_s > NOTE_AGE_S_MAX:
                await self._outbox.drop(note)

    def _forget_all_but(self, notes: Sequence[Note]) -> None:
        there = {note.note_id for note in notes}
        for told in self._told.values():
            told.intersection_update(there)
        self._first_seen_s = {
            note_id: seen_s for note_id, seen_s in self._first_seen_s.items() if note_id in there
        }


def _batches(notes: Sequence[Note]) -> list[list[Note]]:
    """Runs of notes whose tags fit into one call."""
    batches: list[list[Note]] = []
    tags = 0
    for note in notes:
        if not batches or tags + len(note.tags) > _TAGS_AT_ONCE:
            batches.append([])
            tags = 0
        batches[-1].append(note)
        tags += len(note.tags)
    return batches
