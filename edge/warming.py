"""Warming: targets are fetched into the cache before anybody asks for them.

A target takes the road of a listener's request as far as the content: the same first contact,
validation and fills, shared with listeners who come meanwhile. What differs is its place in the
queue. It goes step by step, keeps a pace, and begins no step while the node has enough to do for
listeners. And what is warmed was asked for on purpose: it is written to disk at once.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from multidict import CIMultiDict, CIMultiDictProxy

from edge.contacts import ContactRequest, Contacts
from edge.errors import (
    EdgeError,
    SliceGoneError,
    UpstreamBusyError,
    UpstreamChangedError,
    UpstreamStatusError,
)
from edge.fields import Fields, fill_fields
from edge.filling import UNKNOWN_STOP
from edge.fills import Fills
from edge.metrics import EdgeCounts
from edge.outcomes import Learned, Outcome, Told, Uncacheable
from edge.pacing import Pace
from edge.purges import Purges, Verdict
from edge.reading import Reading
from edge.representation import Representation
from edge.slices import SliceStore
from edge.upstream_answers import Unfit
from edge.warm_request import Extent
from http_semantics.byte_range import ByteSlice, IntRange
from http_semantics.reuse import UNLIMITED, Reuse, decide
from http_semantics.vary import matches

# A version may change meanwhile, or be purged.
_RESTARTS_MAX: Final = 2

# How often a step that may not begin yet looks again.
_LOOK_S: Final = 0.05

# Why a range may be of no use where the whole is.
_OF_RANGES_ALONE: Final = frozenset({Unfit.NO_VALIDATOR, Unfit.STATUS})

Wait = Callable[[float], Awaitable[None]]
"""Waits so many seconds."""


class WarmResult(StrEnum):
    """What became of a target."""

    OK = "ok"
    ALREADY = "already"
    NOT_STORABLE = "not_storable"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Warmed:
    """What became of a target, and why.

    Attributes:
        bytes: that were fetched for it.
        reason: why it is not warm; a stable word.
        retry_after_s: when to ask again, where the upstream tells.
    """

    result: WarmResult
    bytes: int = 0
    reason: str | None = None
    retry_after_s: int | None = None


@dataclass(slots=True)
class WarmCall:
    """One caller's wish, and how far it is.

    Attributes:
        extent: of each target.
        pace: of this call, beside the node's; None for none.
        bytes: fetched for it so far.
    """

    extent: Extent = field(default_factory=Extent)
    pace: Pace | None = None
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class WarmLimits:
    """What warming may take.

    Attributes:
        targets_max: at once, for all callers.
        bytes_per_s: for all callers.
        slice_bytes: size of a slice.
        step_bytes: fetched at once of one target: some slices.
        kept_bytes_max: of one target, so that it does not take the place of everything else.
    """

    targets_max: int
    bytes_per_s: float
    slice_bytes: int
    step_bytes: int
    kept_bytes_max: int


@dataclass(slots=True)
class _Job:
    """One target under way."""

    target: str
    call: WarmCall
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class _Known:
    """A version of a target, and where those bytes end that come or came for this very job."""

    found: Representation
    new_stop: int = 0


@dataclass(frozen=True, slots=True)
class WarmParts:
    """The parts of the edge that warming works with.

    Attributes:
        store: what is known.
        fills: what is under way.
        reading: the way to content.
        contacts: the way to what is not known.
        purges: since the start.
        is_busy: whether this node has so much to do that warming has to wait.
        counts: of this worker.
    """

    store: SliceStore
    fills: Fills
    reading: Reading
    contacts: Contacts
    purges: Purges
    is_busy: Callable[[], bool]
    counts: EdgeCounts


class Warmer:
    """Warms targets.

    Args:
        parts: what it works with.
        limits: what it may take.
        is_token_checked: decides how requests go upstream, and which fields select a variant.
        clock: seconds since the epoch.
        monotonic: seconds since any moment; None for the event loop's.
        wait: waits by that clock.
    """

    def __init__(
        self,
        parts: WarmParts,
        limits: WarmLimits,
        *,
        is_token_checked: bool,
        clock: Callable[[], float],
        monotonic: Callable[[], float] | None = None,
        wait: Wait = asyncio.sleep,
    ) -> None:
        self._parts = parts
        self._limits = limits
        self._pace = Pace(limits.bytes_per_s)
        self._places = asyncio.Semaphore(limits.targets_max)
        self._fields = _fields(is_token_checked=is_token_checked)
        self._selecting = None if is_token_checked else self._fields
        self._clock = clock
        self._wait = wait
        self._monotonic = monotonic or asyncio.get_running_loop().time

    async def warm(self, target: str, call: WarmCall) -> Warmed:
        """Have a target fetched, as far as it is not here; failures are told, never raised."""
        job = _Job(target, call)
        async with self._places:
            try:
                warmed = await self._warm_current(job)
            except EdgeError as error:
                retry_after_s = _seconds(error.headers.get("Retry-After"))
                reason = _reason_of(error)
                warmed = Warmed(WarmResult.ERROR, job.bytes, reason, retry_after_s)
        self._parts.counts.warmed[warmed.result.value] += 1
        return warmed

    async def _warm_current(self, job: _Job) -> Warmed:
        """Warm the version that is current, again if it changes meanwhile."""
        for restarts in range(_RESTARTS_MAX + 1):
            try:
                return await self._warm(job)
            except (UpstreamChangedError, SliceGoneError):
                if restarts == _RESTARTS_MAX:
                    raise
        raise AssertionError

    async def _warm(self, job: _Job) -> Warmed:
        store = self._parts.store
        if store.may_recall(job.target):
            await store.recall(job.target)
        found = store.select(job.target, self._selecting)
        if found is None or self._decide(found) is not Reuse.FRESH:
            learned = await self._learn(job, found)
            if isinstance(learned, Warmed):
                return learned
        else:
            learned = _Known(found)
        return await self._complete(job, learned)

    def _decide(self, found: Representation) -> Reuse:
        age_s = found.age_s(now_s=self._clock())
        return decide(found.policy, UNLIMITED, age_s=age_s, is_purged_softly=found.is_purged_softly)

    async def _learn(self, job: _Job, stale: Representation | None) -> _Known | Warmed:
        """Ask the upstream for the first step, or whether what is stored still holds."""
        await self._wait_for_turn(job)
        first = self._first_step(job)
        spec = IntRange(first.start, first.stop - 1)
        request = ContactRequest(job.target, self._fields, spec, stale)
        outcome = await self._ask(request)
        if self._needs_whole(job, first, outcome):
            outcome = await self._ask(replace(request, range_spec=None))
        match outcome:
            case Uncacheable(reason=reason):
                return Warmed(WarmResult.NOT_STORABLE, job.bytes, str(reason))
            case Told(status=status):
                retry_after_s = _seconds(outcome.fields.get("Retry-After"))
                reason = _told_reason(outcome) or f"status-{status}"
                return Warmed(WarmResult.ERROR, job.bytes, reason, retry_after_s)
            case Learned(representation=found, upstream_status=304):
                return _Known(found)
            case Learned(representation=found, upstream_status=206):
                return _Known(found, first.stop)
            case Learned(representation=found):
                return _Known(found, found.complete_length or UNKNOWN_STOP)

    def _needs_whole(self, job: _Job, first: ByteSlice, outcome: Outcome) -> bool:
        """Whether a range is of no use: there is none of it, or nothing could be added to it."""
        match outcome:
            case Uncacheable(reason=reason):
                return not first.start and reason in _OF_RANGES_ALONE
            case Learned(representation=found, upstream_status=206):
                part = _part_of(found, job.call.extent)
                has_all = part is None or part.stop <= first.stop
                return not (has_all or found.has_strong_validator)
            case _:
                return False

    async def _ask(self, request: ContactRequest) -> Outcome:
        contacts = self._parts.contacts
        contact, is_leader = contacts.join(request)
        outcome = await (contact.outcome_for_leader() if is_leader else contact.outcome())
        if not is_leader and self._is_for_others(outcome):
            is_leader = True
            outcome = await contacts.begin_alone(request).outcome_for_leader()
        if is_leader and isinstance(outcome, Uncacheable):
            answer = outcome.take()
            if answer is not None:
                answer.close()
        return outcome

    def _is_for_others(self, outcome: Outcome) -> bool:
        match outcome:
            case Told():
                return not outcome.is_for(None)
            case Learned(representation=found):
                return self._selecting is not None and not matches(found.selecting, self._selecting)
            case Uncacheable():
                return False

    async def _complete(self, job: _Job, known: _Known) -> Warmed:
        """Fetch what is missing of a version that holds."""
        found = known.found
        if found.status >= 400:  # Kept like all else, and not what was meant.
            return Warmed(WarmResult.ERROR, job.bytes, f"status-{found.status}")
        part = _part_of(found, job.call.extent)
        if part is not None:
            is_length_known = found.complete_length is not None
            if is_length_known and part.length > self._limits.kept_bytes_max:
                return Warmed(WarmResult.NOT_STORABLE, job.bytes, Unfit.TOO_LARGE.value)
            await self._fetch(job, known, part)
            self._check_spared(found)
        is_new = job.bytes or known.new_stop
        return Warmed(WarmResult.OK if is_new else WarmResult.ALREADY, job.bytes)

    async def _fetch(self, job: _Job, known: _Known, part: ByteSlice) -> None:
        position = part.start
        while position < _end(known.found, part.stop):
            step = self._step(known, part, position)
            await self._take_step(job, known.found, step, is_new=step.stop <= known.new_stop)
            position = step.stop

    def _step(self, known: _Known, part: ByteSlice, position: int) -> ByteSlice:
        if known.found.complete_length is None:
            return ByteSlice(position, part.stop)  # Only its end tells, and it is on its way.
        if position < known.new_stop:
            return ByteSlice(position, min(part.stop, known.new_stop))
        return ByteSlice(position, min(part.stop, position + self._limits.step_bytes))

    async def _take_step(
        self, job: _Job, found: Representation, step: ByteSlice, *, is_new: bool
    ) -> None:
        absent = 0
        if not is_new and found.complete_length is not None:
            absent = sum(stop - start for start, stop in self._parts.fills.absent(found, step))
            if absent:
                await self._wait_for_turn(job)
                self._charge(job, absent)
        slices = self._parts.reading.bring(found, step, self._fields)
        async with contextlib.aclosing(slices):
            async for number in slices:
                self._parts.store.note_wanted(found, number)
        if is_new:
            self._charge(job, _end(found, step.stop) - step.start)

    def _check_spared(self, found: Representation) -> None:
        """What was purged while it came is of no use.

        Raises:
            UpstreamChangedError: it was.
        """
        since = found.purge_sequence
        verdict = self._parts.purges.weigh(found.target, found.fields, since=since)
        if verdict is Verdict.PURGED:
            raise UpstreamChangedError("it was purged while it was being fetched")

    def _first_step(self, job: _Job) -> ByteSlice:
        """What a first contact asks for: whole slices."""
        step_bytes, extent = self._limits.step_bytes, job.call.extent
        size = self._limits.slice_bytes
        start = extent.start - extent.start % size
        if extent.stop is None:
            return ByteSlice(start, start + step_bytes)
        return ByteSlice(start, min(start + step_bytes, -(-extent.stop // size) * size))

    async def _wait_for_turn(self, job: _Job) -> None:
        """Let listeners go first, and keep the pace."""
        while True:
            now_s = self._monotonic()
            wait_s = max(pace.wait_s(now_s=now_s) for pace in self._paces(job))
            if not wait_s and not self._parts.is_busy():
                return
            await self._wait(wait_s or _LOOK_S)

    def _charge(self, job: _Job, size: int) -> None:
        job.bytes += size
        job.call.bytes += size
        self._parts.counts.warmed_bytes += size
        for pace in self._paces(job):
            pace.charge(size, now_s=self._monotonic())

    def _paces(self, job: _Job) -> Iterable[Pace]:
        return (self._pace,) if job.call.pace is None else (self._pace, job.call.pace)


def _fields(*, is_token_checked: bool) -> Fields:
    """Fields of a request that is nobody's."""
    fields = fill_fields(CIMultiDictProxy(CIMultiDict()), is_token_checked=is_token_checked)
    fields["Accept-Encoding"] = "identity"
    return fields


def _part_of(found: Representation, extent: Extent) -> ByteSlice | None:
    """The slices of a version that hold what is wanted; None if it has nothing of it."""
    size = found.slice_bytes
    length = UNKNOWN_STOP if found.complete_length is None else found.complete_length
    start = extent.start - extent.start % size
    stop = length if extent.stop is None else min(length, -(-extent.stop // size) * size)
    return ByteSlice(start, stop) if extent.start < stop else None


def _end(found: Representation, stop: int) -> int:
    """Where bytes up to `stop` end, as far as that is known."""
    return stop if found.complete_length is None else min(stop, found.complete_length)


def _reason_of(error: EdgeError) -> str:
    if isinstance(error, UpstreamStatusError) and not isinstance(error, UpstreamBusyError):
        return f"status-{error.upstream_status}"
    return error.reason


def _told_reason(told: Told) -> str | None:
    """Why a sound upstream asks for patience; None if it does not."""
    if not told.is_patience:
        return None
    return "session_busy" if told.is_of_session else "packaging"


def _seconds(text: str | None) -> int | None:
    """The seconds of a `Retry-After`; dates are not read."""
    if text is None or not (text.isascii() and text.isdigit() and len(text) <= 6):
        return None
    return int(text)
