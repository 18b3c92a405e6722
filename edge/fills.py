"""Fills: fetching missing slices from the upstream, one fill per slice for all who want it.

A run of missing slices is one request. It is a task of the edge and not of the listener that caused
it: a slow or leaving listener neither slows nor ends it. A slice that lies well ahead of its run is
taken out of it and fetched at once.
"""

import itertools
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Final

from config.tasks import Tasks
from edge.error_content import Unready, read_error_content, unready_of
from edge.errors import (
    EdgeError,
    PackagingError,
    SessionBusyError,
    SliceGoneError,
    UpstreamBusyError,
    UpstreamChangedError,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamTruncatedError,
)
from edge.fields import SESSION_FIELD, Fields, passed_back_fields
from edge.fill_slots import FillSlot, FillSlots
from edge.filling import FillingSlice
from edge.metrics import EdgeCounts
from edge.ports import Upstream, UpstreamAnswer, UpstreamRequest
from edge.representation import Representation
from edge.slices import SliceStore
from edge.task_border import task_border
from edge.upstream_answers import check_fill, head_of
from http_semantics.byte_range import ByteSlice

# A reader this many slices ahead of a run does not wait for it. The next slice is about to come.
_AHEAD_SLICES: Final = 1

# Slices that others have filled by now are read over if they are few; else a new request is
# cheaper than their bytes.
_SKIPPED_SLICES_MAX: Final = 2


@dataclass(slots=True)
class _Run:
    """One request for consecutive slices.

    Attributes:
        number: of the run.
        representation: whose slices.
        current: number of the slice that is arriving.
        stop: number after its last slice.
        fields: of its request; another request for the rest has the same.
        is_whole: the answer carries everything, asked for or not.
    """

    number: int
    representation: Representation
    current: int
    stop: int
    fields: Fields
    is_whole: bool = False


class Fills:
    """Keeps track of all fills under way.

    Args:
        store: where complete slices go.
        upstream: where they come from.
        tasks: owns the fills' tasks.
        slots: bounds them.
        run_slices_max: slices that one request asks for.
        is_token_checked: decides which fields are stored.
        counts: of this worker.
    """

    def __init__(  # noqa: PLR0913 - each is a part of its own
        self,
        *,
        store: SliceStore,
        upstream: Upstream,
        tasks: Tasks,
        slots: FillSlots,
        run_slices_max: int,
        is_token_checked: bool,
        counts: EdgeCounts,
    ) -> None:
        self._store = store
        self._upstream = upstream
        self._tasks = tasks
        self._slots = slots
        self._run_slices_max = run_slices_max
        self._is_token_checked = is_token_checked
        self._counts = counts
        self._filling: dict[Representation, dict[int, FillingSlice]] = {}
        self._runs: dict[int, _Run] = {}
        self._run_numbers = itertools.count()

    def find(self, representation: Representation, number: int) -> FillingSlice | None:
        """The fill of a slice, if there is one under way."""
        return self._filling.get(representation, {}).get(number)

    def count(self, representation: Representation, numbers: range) -> int:
        """How many slices out of `numbers` are being filled."""
        return sum(number in numbers for number in self._filling.get(representation, {}))

    def ensure(
        self, representation: Representation, number: int, *, stop: int, fields: Fields
    ) -> FillingSlice:
        """The fill of a slice that is not stored; begun if need be, never waited for.

        Args:
            representation: whose slice.
            number: of the slice.
            stop: number after the last slice that the reader wants; the fill goes on up to there.
            fields: of the request, should one be made.

        Raises:
            SliceGoneError: the slice cannot be fetched on its own.
        """
        found = self.find(representation, number)
        if found is not None and not self._is_far_ahead(representation, found):
            return found
        if not representation.has_strong_validator:
            self._store.retire(representation)
            raise SliceGoneError("the representation has no strong validator")
        return self._begin(representation, number, stop, fields)

    def adopt(
        self,
        representation: Representation,
        answer: UpstreamAnswer,
        part: ByteSlice,
        *,
        fields: Fields,
        release: Callable[[], None],
    ) -> None:
        """Go on with an answer whose head has been read: its content fills what is missing.

        Takes over the answer, and calls `release` when it is done with it.
        """
        numbers = representation.numbers_of(part)
        missing = [n for n in numbers if self._is_missing(representation, n)]
        if not missing:
            release()
            return
        run = self._new_run(representation, numbers.start, numbers.stop, fields)
        run.is_whole = part.length == representation.complete_length
        for number in missing:
            self._claim(run, number)
        self._tasks.start(self._carry_on(run, answer, part, release))

    def _is_missing(self, representation: Representation, number: int) -> bool:
        is_stored = self._store.has(representation, number)
        return not is_stored and self.find(representation, number) is None

    def _is_far_ahead(self, representation: Representation, found: FillingSlice) -> bool:
        if representation.is_range_ignored or not representation.has_strong_validator:
            return False
        return found.number - self._runs[found.run].current > _AHEAD_SLICES

    def _begin(
        self, representation: Representation, number: int, stop: int, fields: Fields
    ) -> FillingSlice:
        stop = min(max(stop, number + 1), representation.slices, number + self._run_slices_max)
        end = number + 1
        while end < stop and not self._store.has(representation, end):
            found = self.find(representation, end)
            if found is not None and not self._is_far_ahead(representation, found):
                break
            end += 1
        run = self._new_run(representation, number, end, fields)
        for each in range(number, end):
            self._claim(run, each)
        self._tasks.start(self._fill(run))
        return self._filling[representation][number]

    def _new_run(
        self, representation: Representation, current: int, stop: int, fields: Fields
    ) -> _Run:
        run = _Run(next(self._run_numbers), representation, current, stop, fields)
        self._runs[run.number] = run
        self._counts.fills += 1
        self._counts.fills_under_way += 1
        return run

    def _claim(self, run: _Run, number: int) -> FillingSlice:
        """Make a slice this run's. Whoever follows it follows it further."""
        slices = self._filling.setdefault(run.representation, {})
        found = slices.get(number)
        if found is None:
            length = run.representation.part_of(number).length
            slices[number] = found = FillingSlice(number, length, run.number)
        found.run = run.number
        return found

    async def _fill(self, run: _Run) -> None:
        with self._border(run):
            slot = await self._slots.take()
            try:
                answer, part = await self._ask(run, slot)
                await self._pump(run, answer, part)
            finally:
                slot.give_back()

    async def _carry_on(
        self, run: _Run, answer: UpstreamAnswer, part: ByteSlice, release: Callable[[], None]
    ) -> None:
        with self._border(run):
            try:
                await self._pump(run, answer, part)
            finally:
                release()

    def _border(self, run: _Run) -> AbstractContextManager[None]:
        return task_border(partial(self._end, run), work="a fill", counts=self._counts)

    async def _ask(self, run: _Run, slot: FillSlot) -> tuple[UpstreamAnswer, ByteSlice]:
        """Ask for the run's slices; return the answer and the bytes that it carries."""
        representation = run.representation
        first, last = representation.part_of(run.current), representation.part_of(run.stop - 1)
        wanted = ByteSlice(first.start, last.stop)
        fields = run.fields.copy()
        fields["Range"] = f"bytes={wanted.start}-{wanted.stop - 1}"
        request = UpstreamRequest("GET", representation.key, fields)
        answer = await slot.wait_for_answer(self._upstream.send(request))
        try:
            await self._check_ready(answer, run.fields)
            head = head_of(answer, fields, is_token_checked=self._is_token_checked)
            part = check_fill(representation, head, answer.headers.get("Content-Range"), wanted)
        except BaseException:
            answer.close()
            raise
        if head.status == 200:
            representation.is_range_ignored = run.is_whole = True
        return answer, part

    async def _check_ready(self, answer: UpstreamAnswer, sent: Fields) -> None:
        """Let an upstream say itself that it is not ready: packaging takes a while, for instance.

        Raises:
            UpstreamBusyError: it did.
        """
        content = None if answer.status != 503 else await read_error_content(answer)
        if content is not None:
            fields = passed_back_fields(answer.headers, is_token_checked=self._is_token_checked)
            fields.popall("Content-Length", None)
            unready = unready_of(answer, content)
            self._counts.note_unready(unready)
            match unready:
                case Unready.PACKAGING:
                    raise PackagingError(fields, content)
                case Unready.SESSION_BUSY:
                    raise SessionBusyError(fields, content, session=sent.get(SESSION_FIELD))
                case None:
                    raise UpstreamBusyError(fields, content)

    async def _pump(self, run: _Run, answer: UpstreamAnswer, part: ByteSlice) -> None:
        """Lay the content of an answer into the run's slices."""
        position = part.start
        try:
            while position < part.stop and self._is_worth_reading(run, position):
                data = memoryview(await answer.read_some())
                if not data:
                    raise UpstreamTruncatedError(position - part.start, part.length)
                if len(data) > part.stop - position:
                    raise UpstreamProtocolError("more content than was announced")
                self._counts.fill_bytes += len(data)
                self._lay(run, position, data)
                position += len(data)
        finally:
            answer.close()

    def _is_worth_reading(self, run: _Run, position: int) -> bool:
        """Whether the run has a slice of its own soon; one further on gets another request."""
        run.current = position // run.representation.slice_bytes
        own = self._next_own(run)
        if own is None:
            return False
        if own - run.current <= _SKIPPED_SLICES_MAX or run.representation.is_range_ignored:
            return True
        if not run.representation.has_strong_validator:
            return True
        self._split(run, own)
        return False

    def _next_own(self, run: _Run) -> int | None:
        slices = self._filling.get(run.representation, {})
        for number in range(run.current, run.stop):
            found = slices.get(number)
            if found is not None and found.run == run.number:
                return number
        return None

    def _split(self, run: _Run, number: int) -> None:
        """Leave the rest of the run, from `number` on, to a request of its own."""
        rest = self._new_run(run.representation, number, run.stop, run.fields)
        for found in self._filling[run.representation].values():
            if found.run == run.number:
                found.run = rest.number
        self._tasks.start(self._fill(rest))

    def _lay(self, run: _Run, position: int, data: memoryview) -> None:
        representation = run.representation
        while data:
            run.current = position // representation.slice_bytes
            take = min(len(data), representation.part_of(run.current).stop - position)
            found = self.find(representation, run.current)
            if found is not None and found.run == run.number:
                found.feed(data[:take])
                if found.is_complete:
                    self._complete(representation, found)
            position += take
            data = data[take:]

    def _complete(self, representation: Representation, found: FillingSlice) -> None:
        self._store.put(representation, found.number, found.content)
        self._forget(representation, found.number)

    def _forget(self, representation: Representation, number: int) -> None:
        slices = self._filling[representation]
        del slices[number]
        if not slices:
            del self._filling[representation]

    def _end(self, run: _Run, error: EdgeError | None) -> None:
        """Let go of what the run has not filled."""
        del self._runs[run.number]
        self._counts.fills_under_way -= 1
        representation = run.representation
        left = [
            found
            for found in self._filling.get(representation, {}).values()
            if found.run == run.number
        ]
        if isinstance(error, UpstreamChangedError) or (
            left and not representation.has_strong_validator
        ):
            self._store.retire(representation)
        for found in left:
            self._forget(representation, found.number)
            found.fail(error or UpstreamError("the fill ended early"))
