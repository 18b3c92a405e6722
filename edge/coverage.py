"""What of a representation is there, and what is on its way.

Bytes are there in slices that are kept, or in slices that are being filled; runs are bringing more.
Whoever wants a part asks here what of it is missing; `edge.fills` has it fetched.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from enum import Enum, auto

from edge.filling import FillingSlice, Reader, Run
from edge.range_plan import RangePlan, plan_range
from edge.representation import Representation
from edge.slices import SliceStore
from edge.spans import Spans
from http_semantics.byte_range import ByteSlice


class Presence(Enum):
    """How much of a part is there when a request for it arrives."""

    ALL = auto()
    COMING = auto()  # What is not there is being fetched for somebody else.
    SOME = auto()
    NONE = auto()


class Filling:
    """What is under way for one representation."""

    __slots__ = ("moved", "readers", "runs", "slices")

    def __init__(self) -> None:
        self.slices: dict[int, FillingSlice] = {}
        self.runs: list[Run] = []
        self.readers: list[Reader] = []
        self.moved = asyncio.Event()

    def run_at(self, position: int) -> Run | None:
        """The run that will bring the byte at `position`."""
        return next((run for run in self.runs if run.position <= position < run.stop), None)

    def next_run_at(self, position: int) -> int:
        """Where the next bytes begin that some run will bring."""
        return min((run.position for run in self.runs if run.position > position), default=1 << 63)

    def is_read(self, run: Run) -> bool:
        """Whether a reader will come to the bytes of a run."""
        return any(run.is_wanted_by(reader) for reader in self.readers)


class Coverage:
    """Knows which bytes are there, and which are coming.

    Args:
        store: where slices are kept.
        run_bytes_max: what one request asks for.
    """

    def __init__(self, store: SliceStore, *, run_bytes_max: int) -> None:
        self._store = store
        self._run_bytes_max = run_bytes_max
        self._filling: dict[Representation, Filling] = {}

    def __len__(self) -> int:
        """How many representations are being filled or read."""
        return len(self._filling)

    @contextlib.contextmanager
    def reading(self, representation: Representation, part: ByteSlice) -> Iterator[Reader]:
        """Somebody reads a part while the block lasts: fills of it are wanted."""
        filling = self.of(representation)
        reader = Reader(part.start, part.stop, filling.moved)
        filling.readers.append(reader)
        try:
            yield reader
        finally:
            filling.readers.remove(reader)
            filling.moved.set()
            self.tidy(representation)

    def at_hand(self, representation: Representation, position: int, stop: int) -> memoryview:
        """Bytes from `position` on, within one slice, that have arrived in a fill under way."""
        filling = self._filling.get(representation)
        number, offset = divmod(position, representation.slice_bytes)
        found = None if filling is None else filling.slices.get(number)
        if found is None:
            return memoryview(b"")
        return found.view(offset, offset + stop - position)

    def is_coming(self, representation: Representation, position: int) -> bool:
        """Whether a byte is being fetched."""
        return self.run_at(representation, position) is not None

    def run_at(self, representation: Representation, position: int) -> Run | None:
        """The run that will bring a byte, if there is one."""
        filling = self._filling.get(representation)
        return None if filling is None else filling.run_at(position)

    def first_missing(self, representation: Representation, part: ByteSlice) -> int | None:
        """The first byte of a part that is neither there nor being fetched."""
        return next((start for start, _ in self.missing(representation, part)), None)

    def extra_bytes(self, representation: Representation, part: ByteSlice) -> int:
        """How much is fetched beyond a part if it is read now."""
        if self.first_missing(representation, part) is None:
            return 0
        plan = self.plan(representation, part)
        fetched = plan.first.length + (0 if plan.lead is None else plan.lead.length)
        return max(0, fetched - part.length)

    def absent(self, representation: Representation, part: ByteSlice) -> Iterator[tuple[int, int]]:
        """The intervals of a part that have not arrived, whether they are coming or not."""
        position = part.start
        while position < part.stop:
            covered = self.covered_until(representation, position, part.stop)
            if covered == position:
                covered = self._next_covered(representation, position, part.stop)
                yield position, covered
            position = covered

    def presence(self, representation: Representation, part: ByteSlice) -> Presence:
        """How much of a part is there. This is no use of it."""
        if representation.complete_length is None:
            return Presence.COMING
        covered = self.covered_until(representation, part.start, part.stop)
        if covered >= part.stop:
            return Presence.ALL
        if self.first_missing(representation, part) is None:
            return Presence.COMING
        near = min(part.stop, part.start + self._run_bytes_max)
        is_begun = (
            covered > part.start or self._next_covered(representation, part.start, near) < near
        )
        return Presence.SOME if is_begun else Presence.NONE

    def of(self, representation: Representation) -> Filling:
        """What is under way for a representation, or is about to be; see `tidy`."""
        filling = self._filling.get(representation)
        if filling is None:
            filling = self._filling[representation] = Filling()
        return filling

    def plan(self, representation: Representation, part: ByteSlice) -> RangePlan:
        """What to ask for when a part is wanted."""
        return plan_range(
            part,
            slice_bytes=representation.slice_bytes,
            run_bytes_max=self._run_bytes_max,
            complete_length=representation.complete_length,
        )

    def missing(self, representation: Representation, part: ByteSlice) -> Iterator[tuple[int, int]]:
        """The intervals of a part that are neither there nor being fetched.

        A long one comes in pieces, none longer than one request: nobody asks for more at once, and
        to look for its end could take seconds.
        """
        position = part.start
        while position < part.stop:
            covered = self.covered_until(representation, position, part.stop)
            if covered > position:
                position = covered
                continue
            filling = self._filling.get(representation)
            run = None if filling is None else filling.run_at(position)
            if run is not None:
                position = run.stop
                continue
            end = min(part.stop, position + self._run_bytes_max)
            if filling is not None:
                end = min(end, filling.next_run_at(position))
            end = min(end, self._next_covered(representation, position, end))
            yield position, end
            position = end

    def covered_until(self, representation: Representation, position: int, stop: int) -> int:
        """Where the bytes that are there from `position` on end; looked for up to `stop`."""
        size = representation.slice_bytes
        while position < stop:
            number, offset = divmod(position, size)
            spans = self._spans(representation, number)
            end = number * size + (size if spans is None else spans.end_at(offset))
            if end == position:
                return position
            position = end
            if position % size:
                break
        return position

    def _next_covered(self, representation: Representation, position: int, stop: int) -> int:
        """Where within `[position, stop)` the next byte is that is there; `stop` if none is."""
        size = representation.slice_bytes
        while position < stop:
            number, offset = divmod(position, size)
            spans = self._spans(representation, number)
            if spans is None:
                return position
            _, gap_stop = next(spans.gaps(offset, size), (offset, offset))
            if gap_stop < size:
                return min(stop, number * size + gap_stop)
            position = (number + 1) * size
        return stop

    def _spans(self, representation: Representation, number: int) -> Spans | None:
        """Which bytes of a slice are there; None for all of them."""
        filling = self._filling.get(representation)
        if filling is not None and number in filling.slices:
            return filling.slices[number].spans
        return self._store.spans(representation, number)

    def slice_for(self, representation: Representation, number: int) -> FillingSlice | None:
        """Where bytes of a slice are laid; None if it is complete."""
        slices = self.of(representation).slices
        found = slices.get(number)
        if found is None and not self._store.has(representation, number):
            kept, arena = self._store.take(representation, number), self._store.arena
            if kept is None:
                content = arena.take(representation.part_of(number).length)
                found = FillingSlice(number, content, Spans(), arena)
            else:
                assert kept.spans is not None
                found = FillingSlice(number, kept.content, kept.spans, arena)
            slices[number] = found
        return found

    def tidy(self, representation: Representation) -> None:
        """Forget a representation for which nothing is under way."""
        filling = self._filling.get(representation)
        if filling is not None and not (filling.runs or filling.readers or filling.slices):
            del self._filling[representation]
