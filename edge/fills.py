"""Fills: fetching missing bytes from the upstream, once for all who want them.

A run of missing bytes is one request. It is a task of the edge and not of the listener that caused
it: a slow or leaving listener neither slows nor ends it. Bytes that lie well ahead of their run are
taken out of it and fetched at once. A run that is cut off goes on where it was, as long as the
version is the same. One that nobody reads any more ends with its slice, unless the representation
was asked for more than once.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from config.tasks import Tasks
from edge.content import SliceContent
from edge.coverage import Coverage
from edge.errors import (
    EdgeError,
    SliceGoneError,
    UpstreamChangedError,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamRangeError,
    UpstreamStalledError,
    UpstreamTruncatedError,
)
from edge.fields import Fields
from edge.fill_slots import FillSlot, FillSlots
from edge.filling import UNKNOWN_STOP, FillingSlice, Run
from edge.metrics import EdgeCounts
from edge.part_requests import PartRequests
from edge.ports import Upstream, UpstreamAnswer
from edge.representation import Representation
from edge.slices import SliceStore
from edge.task_border import task_border
from edge.uncacheables import Uncacheables, whole_key
from edge.upstream_answers import Unfit
from http_semantics.byte_range import ByteSlice

# A reader this many slices ahead of a run does not wait for it. The next slice is about to come.
_AHEAD_SLICES: Final = 1

# Slices that are there by now are read over if they are few; else a new request is cheaper than
# their bytes.
_SKIPPED_SLICES_MAX: Final = 2

# What is not kept is read no further ahead of the fastest of its readers.
_AHEAD_OF_READERS_SLICES: Final = 2

# Whoever caused a run may take a moment to begin reading it.
_UNREAD_SLICES_MAX: Final = 4

# Of a run, as long as none of them brings as much as a slice.
_RESUMPTIONS_MAX: Final = 2


class Fills:
    """Keeps track of all fills under way.

    Args:
        store: where slices go.
        upstream: where they come from.
        tasks: owns the fills' tasks.
        slots: bounds them.
        run_bytes_max: what one request asks for.
        length_max: longest content whose length only its end tells, to be kept.
        uncacheables: what was longer.
        is_token_checked: decides which fields are stored.
        counts: of this worker.

    Attributes:
        coverage: what is there, and what is on its way.
    """

    def __init__(  # noqa: PLR0913 - each is a part of its own
        self,
        *,
        store: SliceStore,
        upstream: Upstream,
        tasks: Tasks,
        slots: FillSlots,
        run_bytes_max: int,
        length_max: int,
        uncacheables: Uncacheables,
        is_token_checked: bool,
        counts: EdgeCounts,
    ) -> None:
        self._store = store
        self._tasks = tasks
        self._slots = slots
        self._length_max = length_max
        self._uncacheables = uncacheables
        self._counts = counts
        self._span_bytes = UNKNOWN_STOP
        self._requests = PartRequests(
            store, upstream, is_token_checked=is_token_checked, counts=counts
        )
        self.coverage = Coverage(store, run_bytes_max=run_bytes_max)

    def share(self, span_bytes: int) -> None:
        """From now on every span of so many bytes has an owner of its own, who is asked for it."""
        self._span_bytes = span_bytes

    def follow(
        self, representation: Representation, position: int, *, stop: int, fields: Fields
    ) -> Run:
        """The run that brings the byte at `position`; begun if need be, never waited for.

        Args:
            representation: whose byte, which is missing.
            position: of the byte.
            stop: after the last byte that the reader wants.
            fields: of the request, should one be made.

        Raises:
            SliceGoneError: the byte cannot be fetched on its own.
        """
        run = self.coverage.run_at(representation, position)
        if run is not None and not self._is_far_ahead(run, position):
            return run
        if not representation.has_strong_validator or representation.complete_length is None:
            self._store.retire(representation)
            raise SliceGoneError("a missing part cannot be told from another version's")
        return self._begin(representation, position, stop, fields, taken_from=run)

    def adopt(
        self,
        representation: Representation,
        answer: UpstreamAnswer,
        part: ByteSlice | None,
        *,
        fields: Fields,
        lead: ByteSlice | None,
        release: Callable[[], None],
    ) -> None:
        """Go on with an answer whose head has been read: its content fills what is missing.

        Takes over the answer, and calls `release` when it is done with it.

        Args:
            representation: whose content.
            answer: with its content still to come.
            part: which bytes that is; None for everything, however long that is.
            fields: of further requests.
            lead: what to fetch afterwards.
            release: gives back what the answer holds.
        """
        if part is None:
            part = ByteSlice(0, representation.complete_length or UNKNOWN_STOP)
        missing: tuple[int, int] | None = (part.start, part.stop)
        if part.stop != UNKNOWN_STOP:  # Else all of it is missing, and nobody looks for its end.
            missing = next(self.coverage.missing(representation, part), None)
        if missing is None:
            release()
            return
        run = self._new_run(representation, part.start, part.stop, fields)
        run.lead = lead
        run.is_whole = part.length == representation.complete_length
        run.is_answered, run.announced_stop = True, part.stop
        if representation.has_strong_validator and not run.is_whole:
            run.stop = missing[1]  # The rest is there, or on its way to somebody else.
        elif representation.has_strong_validator and _has_ranges(answer):
            run.stop = min(run.stop, self._span_bytes)  # The rest is another owner's.
        self._tasks.start(self._carry_on(run, answer, release))

    def _is_far_ahead(self, run: Run, position: int) -> bool:
        representation = run.representation
        if representation.is_range_ignored or not representation.has_strong_validator:
            return False
        if run.stop == UNKNOWN_STOP:
            return False
        size = representation.slice_bytes
        return position // size - run.position // size > _AHEAD_SLICES

    def _begin(
        self,
        representation: Representation,
        position: int,
        stop: int,
        fields: Fields,
        *,
        taken_from: Run | None,
    ) -> Run:
        length = representation.complete_length
        assert length is not None
        plan = self.coverage.plan(representation, ByteSlice(position, stop))
        start, end, lead = plan.first.start, plan.first.stop, plan.lead
        if representation.is_range_ignored:
            start, end, lead = 0, length, None
        elif taken_from is not None:
            start, end, lead = position, taken_from.stop, None
            taken_from.cut(position)
        else:
            missing = list(self.coverage.missing(representation, ByteSlice(start, end)))
            gaps = (one for one in missing if one[0] <= position < one[1])
            start, end = next(gaps, (position, position + 1))
        run = self._new_run(representation, start, end, fields)
        run.lead = lead
        self._tasks.start(self._fill(run))
        return run

    def _new_run(
        self, representation: Representation, position: int, stop: int, fields: Fields
    ) -> Run:
        run = Run(representation, position, stop, fields)
        self.coverage.of(representation).runs.append(run)
        self._counts.fills += 1
        self._counts.fills_under_way += 1
        return run

    async def _fill(self, run: Run) -> None:
        with self._border(run):
            slot = await self._slots.take()
            try:
                await self._fetch(run, slot)
            finally:
                slot.give_back()

    async def _carry_on(
        self, run: Run, answer: UpstreamAnswer, release: Callable[[], None]
    ) -> None:
        with self._border(run):
            try:
                await self._pump(run, answer)
            except (UpstreamTruncatedError, UpstreamStalledError, UpstreamProtocolError) as error:
                self._check_resumable(run, error)
            finally:
                release()
            if run.position < run.stop and run.stop != UNKNOWN_STOP:
                slot = await self._slots.take()
                try:
                    await self._fetch(run, slot, is_resumed=True)
                finally:
                    slot.give_back()

    async def _fetch(self, run: Run, slot: FillSlot, *, is_resumed: bool = False) -> None:
        """Ask for the run's bytes, again where the answer is cut off."""
        tries = int(is_resumed)
        while run.position < run.stop:
            position = run.position
            failure: UpstreamError | None = None
            try:
                answer = await self._requests.ask(run, slot, is_resumed=is_resumed)
                await self._pump(run, answer)
            except (UpstreamTruncatedError, UpstreamStalledError) as error:
                failure = error
            if run.position >= run.stop:
                return
            # It was cut off, or had less than what was asked for.
            has_brought_much = run.position - position >= run.representation.slice_bytes
            tries = 0 if has_brought_much else tries + 1
            if tries > _RESUMPTIONS_MAX:
                raise failure or UpstreamRangeError("too small a part of what was asked for")
            if failure is not None:
                self._check_resumable(run, failure)
                is_resumed = True

    def _check_resumable(self, run: Run, error: UpstreamError) -> None:
        """Raises: the error, where the rest cannot be asked for on its own."""
        representation = run.representation
        if not representation.has_strong_validator or representation.is_range_ignored:
            raise error
        if run.stop == UNKNOWN_STOP or not isinstance(
            error, UpstreamTruncatedError | UpstreamStalledError
        ):
            raise error
        self._counts.note_upstream_error(error)
        self._counts.resumptions += 1

    @contextlib.contextmanager
    def _border(self, run: Run) -> Iterator[None]:
        with task_border(partial(self._end, run), work="a fill", counts=self._counts):
            yield

    async def _pump(self, run: Run, answer: UpstreamAnswer) -> None:
        """Lay the content of an answer into slices, until the run ends or is not worth it."""
        start, unread_slices = run.position, 0
        try:
            while run.position < min(run.stop, run.announced_stop):
                if run.position % run.representation.slice_bytes == 0:
                    if self._is_skipped(run):
                        return
                    unread_slices = 0 if self._is_read(run) else unread_slices + 1
                    if self._is_given_up(run, unread_slices):
                        run.stop = run.position
                        return
                if run.stop == UNKNOWN_STOP and run.position > self._length_max:
                    await self._pass_on(run)
                data = memoryview(await answer.read_some())
                if not data:
                    self._end_of_content(run, start)
                    return
                self._check_length(run, run.position + len(data))
                self._counts.fill_bytes += len(data)
                self._lay(run, data)
        finally:
            answer.close()

    def _is_read(self, run: Run) -> bool:
        is_read = self.coverage.of(run.representation).is_read(run)
        run.was_wanted = run.was_wanted or is_read
        return is_read

    def _is_given_up(self, run: Run, unread_slices: int) -> bool:
        """Whether nobody wants the rest of a run enough."""
        representation = run.representation
        if not unread_slices or run.is_background or representation.requests > 1:
            return False
        if not representation.has_strong_validator or run.stop == UNKNOWN_STOP:
            return False  # The rest could not be fetched alone.
        return run.was_wanted or unread_slices > _UNREAD_SLICES_MAX

    def _is_skipped(self, run: Run) -> bool:
        """Whether what comes next is there, and too much of it to be read over."""
        representation = run.representation
        covered = self.coverage.covered_until(representation, run.position, run.stop)
        if covered >= run.stop:
            run.stop = run.position
            return True
        few = _SKIPPED_SLICES_MAX * representation.slice_bytes
        if covered - run.position <= few or representation.is_range_ignored:
            return False
        if not representation.has_strong_validator:
            return False
        rest = self._new_run(representation, covered, run.stop, run.fields)
        rest.is_background, rest.was_wanted = run.is_background, run.was_wanted
        run.cut(run.position)
        self._tasks.start(self._fill(rest))
        return True

    async def _pass_on(self, run: Run) -> None:
        """Of what has grown above the limit nothing is kept but what its readers are about to read.

        Raises:
            UpstreamProtocolError: nobody reads it.
        """
        representation = run.representation
        size = representation.slice_bytes
        if self._store.is_offered(representation):
            self._store.retire(representation)
            key = whole_key(representation.target)
            now_s = asyncio.get_running_loop().time()
            self._uncacheables.note(key, Unfit.TOO_LARGE, now_s=now_s)
        filling = self.coverage.of(representation)
        while filling.readers:
            positions = [reader.position for reader in filling.readers]
            self._store.drop_before(representation, min(positions) // size)
            if run.position - max(positions) <= _AHEAD_OF_READERS_SLICES * size:
                return
            filling.moved.clear()
            await filling.moved.wait()
        raise UpstreamProtocolError("more content than is stored")

    def _check_length(self, run: Run, stop: int) -> None:
        if stop > run.announced_stop:
            raise UpstreamProtocolError("more content than was announced")

    def _end_of_content(self, run: Run, start: int) -> None:
        if run.stop != UNKNOWN_STOP:
            raise UpstreamTruncatedError(run.position - start, run.stop - start)
        representation = run.representation
        representation.end_at(run.position)
        filling = self.coverage.of(representation)
        number, length = divmod(run.position, representation.slice_bytes)
        last = filling.slices.get(number)
        if last is not None:
            self._complete(representation, last, self._store.arena.cut(last.content, length))
        run.stop = run.position
        self._store.settle(representation)

    def _lay(self, run: Run, data: memoryview) -> None:
        representation = run.representation
        size = representation.slice_bytes
        if len(data) > run.stop - run.position:
            data = data[: run.stop - run.position]
        while data:
            number, offset = divmod(run.position, size)
            take = min(len(data), size - offset)
            found = self.coverage.slice_for(representation, number)
            if found is not None:
                found.feed(offset, data[:take])
            run.advance(run.position + take, found)
            if found is not None and found.is_complete:
                self._complete(representation, found, found.content)
            data = data[take:]

    def _complete(
        self, representation: Representation, found: FillingSlice, content: SliceContent
    ) -> None:
        del self.coverage.of(representation).slices[found.number]
        self._store.put(representation, found.number, content)

    def _end(self, run: Run, error: EdgeError | None) -> None:
        """Let go of a run: what it has brought is kept, complete or not."""
        self._counts.fills_under_way -= 1
        representation = run.representation
        filling = self.coverage.of(representation)
        filling.runs.remove(run)
        is_cut_short = error is not None and (
            representation.complete_length is None or not representation.has_strong_validator
        )
        if isinstance(error, UpstreamChangedError) or is_cut_short:
            self._store.retire(representation)
        size = representation.slice_bytes
        claimed = {n for one in filling.runs for n in (one.position // size, one.stop // size)}
        for number in [number for number in filling.slices if number not in claimed]:
            found = filling.slices.pop(number)
            is_doubtful = isinstance(error, UpstreamProtocolError | UpstreamChangedError)
            is_whole_known = representation.complete_length is not None
            if found.spans and is_whole_known and not is_doubtful:
                self._store.put(representation, number, found.content, spans=found.spans)
        run.end(error)
        if error is None and run.lead is not None:
            self._widen(representation, run.lead, run.fields)
        self.coverage.tidy(representation)

    def _widen(self, representation: Representation, lead: ByteSlice, fields: Fields) -> None:
        """Complete a slice in the background, while there is room for it."""
        if self._slots.is_crowded or not self._store.is_offered(representation):
            return
        for start, stop in self.coverage.missing(representation, lead):
            run = self._new_run(representation, start, stop, fields)
            run.is_background = True
            self._tasks.start(self._fill(run))


def _has_ranges(answer: UpstreamAnswer) -> bool:
    return answer.headers.get("Accept-Ranges", "").strip().lower() == "bytes"
