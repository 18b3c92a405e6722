"""Renditions on demand: one job for each, however many ask for it and wherever they ask.

In this process all who want a rendition wait for one job; between processes a claim in the store
decides who makes it, and the others wait for its facts to appear in the record. A job goes on when
nobody waits any more: what it has begun is worth having.
"""

import asyncio
import contextlib
import logging
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from config.tasks import Tasks, open_tasks
from drm.errors import DrmError
from origin.claims import Claims
from origin.errors import ClaimLostError, OriginError, PackagingPendingError, SessionBusyError
from origin.local_masters import LocalMasters
from origin.metrics import OriginMetrics
from origin.rendition_job import Target, find_published, make_rendition
from origin.turns import Turn, Turns
from origin.workshop import Workshop
from packager.errors import (
    PackagerError,
    WorkerDiedError,
    WorkerStartError,
    WorkerTimeoutError,
)
from packager.priority import Priority
from packager.seek_index import RenditionFacts

__all__ = ["Demand", "DemandLimits", "Target", "open_demand"]

logger = logging.getLogger(__name__)

# Jobs of each priority that may wait for their turn.
_WAITING_MAX: Final = 512

# Jobs that one call begins at a time: an album may want thousands.
_JOINED_MAX: Final = 64

# A broken master is not decoded again and again because somebody wants to hear it. A failure that
# passes by itself is not remembered.
_FAILURE_REMEMBERED_S: Final = 5.0
_FAILURES_MAX: Final = 1000

# A claim is lost to somebody else who works: it is waited for, but not for ever.
_CLAIMS_LOST_MAX: Final = 3

OnProgress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class DemandLimits:
    """What is allowed.

    Attributes:
        places: jobs that work at a time; a listener's may be one more.
        session_jobs_max: unfinished jobs that one session may have asked for.
    """

    places: int
    session_jobs_max: int


@dataclass(slots=True, eq=False)
class _Job:
    """The making of one rendition, and who waits for it."""

    target: Target
    turn: Turn
    is_forced: bool = False
    sessions: set[str] = field(default_factory=set)
    listeners: list[OnProgress] = field(default_factory=list)
    progress: float = 0.0
    done: asyncio.Event = field(default_factory=asyncio.Event)
    outcome: RenditionFacts | Exception | None = None

    def tell(self, progress: float) -> None:
        """Pass on how far it is; it never falls."""
        self.progress = max(self.progress, min(1.0, progress))
        for listener in self.listeners:
            listener(self.progress)

    def result(self) -> RenditionFacts:
        """What came of it; raises its error."""
        match self.outcome:
            case RenditionFacts() as facts:
                return facts
            case Exception() as error:
                # Shared by all who wait: each adds its own frames to none of the others'.
                raise error.with_traceback(None)
            case None:
                target = self.target
                raise PackagingPendingError(
                    target.track_id, [target.rendition], progress=self.progress
                )


class Demand:
    """Has renditions made. Made by `open_demand`."""

    def __init__(
        self,
        workshop: Workshop,
        claims: Claims,
        tasks: Tasks,
        limits: DemandLimits,
        figures: OriginMetrics,
    ) -> None:
        self._workshop = workshop
        self._claims = claims
        self._tasks = tasks
        self._limits = limits
        self._figures = figures
        self._turns = Turns(places=limits.places, waiting_max=_WAITING_MAX)
        self._jobs: dict[Target, _Job] = {}
        self._jobs_by_session: Counter[str] = Counter()
        self._failures: OrderedDict[Target, tuple[Exception, float]] = OrderedDict()
        self._packager_problem = ""
        self.masters = LocalMasters(workshop.store)

    @property
    def packager_problem(self) -> str:
        """Why the last job could not even start a worker; empty if it could."""
        return self._packager_problem

    async def ensure(
        self,
        target: Target,
        *,
        priority: Priority,
        session: str = "",
        wait_s: float | None = None,
        on_progress: OnProgress = lambda _: None,
    ) -> RenditionFacts:
        """Have one rendition; see `ensure_all`."""
        (facts,) = await self.ensure_all(
            [target], priority=priority, session=session, wait_s=wait_s, on_progress=on_progress
        )
        return facts

    async def ensure_all(
        self,
        targets: Sequence[Target],
        *,
        priority: Priority,
        session: str = "",
        wait_s: float | None = None,
        is_forced: bool = False,
        on_progress: OnProgress = lambda _: None,
    ) -> list[RenditionFacts]:
        """Wait until renditions are in the store as the record promises, and made if they are not.

        Args:
            targets: what is wanted; what a session may not have made at a time is begun as the
                others are done.
            priority: for whom; a job that waits already is hastened.
            session: of the listener, for the limit on each; empty for none.
            wait_s: after this the jobs go on alone.
            is_forced: whether to make them also if they seem to be there: the store may be wrong.
            on_progress: is told how far all of it is.

        Returns:
            Their facts, in the order of `targets`.

        Raises:
            PackagingPendingError: they are not there within `wait_s`.
            SessionBusyError: the session has asked for too many.
            OriginError, PackagerError, DrmError: as `origin.rendition_job.make_rendition`; of the
                first one that failed.
        """
        jobs: list[_Job] = []

        def progress() -> float:
            return sum(1.0 if one.done.is_set() else one.progress for one in jobs) / len(targets)

        def tell(_: float) -> None:
            on_progress(progress())

        deadline = asyncio.timeout(wait_s)
        try:
            async with deadline:
                for target in targets:
                    job = await self._join_in_turn(target, priority, session, jobs)
                    job.is_forced |= is_forced
                    job.listeners.append(tell)
                    jobs.append(job)
                for job in jobs:
                    await _end_of(job)
        except TimeoutError:
            if not deadline.expired():
                raise
            done = {job.target for job in jobs if job.done.is_set()}
            pending = dict.fromkeys(one.rendition for one in targets if one not in done)
            raise PackagingPendingError(
                targets[0].track_id, list(pending), progress=progress()
            ) from None
        finally:
            for job in jobs:
                job.listeners.remove(tell)
        return [job.result() for job in jobs]

    async def _join_in_turn(
        self, target: Target, priority: Priority, session: str, others: Sequence[_Job]
    ) -> _Job:
        """The job of a target; begun when some of `others` are done, if it is one too many."""
        while True:
            waiting = [one for one in others if not one.done.is_set()]
            if len(waiting) < _JOINED_MAX:
                try:
                    return self._join(target, priority, session)
                except SessionBusyError:
                    if not waiting:
                        raise
            await _end_of(waiting[0])

    def repair(self, target: Target) -> None:
        """Have a rendition made again whose file turned out to be damaged; nobody waits for it."""
        # What has failed a moment ago need not be tried again.
        with contextlib.suppress(OriginError, PackagerError, DrmError):
            self._join(target, Priority.LISTENER, "").is_forced = True

    def _join(self, target: Target, priority: Priority, session: str) -> _Job:
        """The job of a target: the one under way, or a new one."""
        job = self._jobs.get(target)
        if job is None:
            self._recall_failure(target, priority)
            self._check_session(session)
            job = self._jobs[target] = _Job(target, Turn(priority))
            self._tasks.start(self._run(job))
        else:
            self._turns.hasten(job.turn, priority)
            if session not in job.sessions:
                self._check_session(session)
        if session and session not in job.sessions:
            job.sessions.add(session)
            self._jobs_by_session[session] += 1
        return job

    def _check_session(self, session: str) -> None:
        jobs_max = self._limits.session_jobs_max
        if session and self._jobs_by_session[session] >= jobs_max:
            raise SessionBusyError(f"this session waits for {jobs_max} renditions already")

    def _recall_failure(self, target: Target, priority: Priority) -> None:
        error, until_s = self._failures.get(target, (None, 0.0))
        if error is None:
            return
        if priority is Priority.LISTENER and self._workshop.monotonic() < until_s:
            raise error.with_traceback(None)
        del self._failures[target]

    async def _run(self, job: _Job) -> None:
        """Make a rendition and tell those who wait; nothing comes out of here but cancellation."""
        try:
            with self._figures.counting_job("package"):
                job.outcome = await self._make(job)
            self._packager_problem = ""
            job.tell(1.0)
        except (OriginError, PackagerError, DrmError) as error:
            if isinstance(error, WorkerStartError):
                self._packager_problem = str(error)
            logger.warning(
                "a rendition was not made",
                extra={"target": job.target.name, "reason": error.reason},
            )
            self._fail(job, error)
        except Exception as error:
            logger.exception("a packaging job failed", extra={"target": job.target.name})
            self._fail(job, error)
        finally:
            del self._jobs[job.target]
            self._jobs_by_session.subtract(job.sessions)
            self._jobs_by_session += Counter()  # Forgets those that have none left.
            job.done.set()

    def _fail(self, job: _Job, error: Exception) -> None:
        # Without the frames, and what they hold.
        job.outcome = error.with_traceback(None)
        if _is_passing(error):
            return
        until_s = self._workshop.monotonic() + _FAILURE_REMEMBERED_S
        self._failures[job.target] = (error, until_s)
        while len(self._failures) > _FAILURES_MAX:
            self._failures.popitem(last=False)

    async def _make(self, job: _Job) -> RenditionFacts:
        claims_lost = 0
        while True:
            facts = await self._find(job)
            if facts is not None:
                return facts
            try:
                facts = await self._make_under_claim(job)
            except ClaimLostError:
                claims_lost += 1
                if claims_lost == _CLAIMS_LOST_MAX:
                    raise
            if facts is not None:
                return facts
            # Without a turn: others can work meanwhile.
            await self._claims.wait_free(
                job.target.name, on_wait=lambda state: job.tell(state.progress)
            )

    async def _find(self, job: _Job) -> RenditionFacts | None:
        return None if job.is_forced else await find_published(self._workshop, job.target)

    async def _make_under_claim(self, job: _Job) -> RenditionFacts | None:
        """Make a rendition unless somebody else does: then None."""
        async with self._turns.taking(job.turn):
            claim = await self._claims.take(job.target.name)
            if claim is None:
                return None

            def tell(progress: float) -> None:
                claim.tell(progress)
                job.tell(progress)

            async with self._claims.keep(claim):
                # Somebody may have made it before the claim was ours.
                return await self._find(job) or await make_rendition(
                    self._workshop,
                    self.masters,
                    job.target,
                    priority=job.turn.priority,
                    on_progress=tell,
                )


def _is_passing(error: Exception) -> bool:
    """Whether the next try may succeed: it failed of what goes on around it, not of itself."""
    if isinstance(error, WorkerDiedError | WorkerTimeoutError):
        return False  # Perhaps of this very master, and after long work.
    return isinstance(error, OriginError | PackagerError | DrmError) and error.retryable


async def _end_of(job: _Job) -> RenditionFacts:
    """Wait for a job; raises its error."""
    await job.done.wait()
    return job.result()


def targets_of(track_id: str, version: str, renditions: Sequence[str]) -> Iterator[Target]:
    """Targets of several renditions of one version."""
    return (Target(track_id, version, name) for name in renditions)


@contextlib.asynccontextmanager
async def open_demand(
    workshop: Workshop, claims: Claims, limits: DemandLimits, figures: OriginMetrics
) -> AsyncIterator[Demand]:
    """Have renditions made until the block is left; jobs under way are cancelled then."""
    async with open_tasks() as tasks:
        yield Demand(workshop, claims, tasks, limits, figures)
