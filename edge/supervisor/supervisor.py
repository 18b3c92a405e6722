"""Keeps a worker in every slot, and replaces workers without losing a request.

A successor listens on the queues of its slot before the old worker stops doing so, and the
supervisor has them open all the time: whoever waits in one is served by either. While a slot has
nobody, a worker of another slot takes what arrives there.
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Iterable, Sequence
from functools import partial
from typing import Final, Protocol

from config.tasks import Tasks
from edge.supervisor.channel import Channel, Kind, Message
from edge.supervisor.errors import WorkerStartError
from edge.supervisor.holdings import KeptWorker
from edge.supervisor.ledger import Ledger
from edge.supervisor.metrics import RestartReason, SupervisorCounts
from edge.supervisor.place import NodeConfig, Place
from edge.supervisor.worker_process import WorkerProcess

logger = logging.getLogger(__name__)

# Until a worker that was started serves.
_START_S_MAX: Final = 60.0

# What a worker may take beyond the time that it was given to end.
_GRACE_S: Final = 10.0


class Spawn(Protocol):
    """Starts workers."""

    def __call__(self, place: Place, config: NodeConfig, *, is_successor: bool) -> WorkerProcess:
        """Start a worker of a slot.

        Args:
            place: the slot.
            config: what the worker goes by.
            is_successor: whether another worker of the slot may still be there.
        """
        ...


class Supervisor:
    """Keeps workers in slots.

    Args:
        places: the slots.
        spawn: starts a worker.
        tasks: own what goes on here.
        ledger: keeps what workers have counted.
        counts: of the supervisor.

    Attributes:
        places: the slots.
    """

    def __init__(
        self,
        places: Sequence[Place],
        spawn: Spawn,
        *,
        tasks: Tasks,
        ledger: Ledger,
        counts: SupervisorCounts,
    ) -> None:
        self.places = places
        self._spawn = spawn
        self._tasks = tasks
        self._ledger = ledger
        self._counts = counts
        self._rolling = asyncio.Lock()
        self._is_stopping = False

    @property
    def workers(self) -> list[WorkerProcess]:
        """All that there are, in whatever state."""
        return [worker for place in self.places for worker in place.workers]

    @property
    def config(self) -> NodeConfig:
        """What workers are told."""
        return self.places[0].config

    async def start(self) -> None:
        """Have a worker serve in every slot.

        Raises:
            WorkerStartError: one cannot.
        """
        starts = (self._start_worker(one, one.config, is_successor=False) for one in self.places)
        outcomes = await asyncio.gather(*starts, return_exceptions=True)
        for place, outcome in zip(self.places, outcomes, strict=True):
            if isinstance(outcome, BaseException):
                raise outcome
            self._put_in_place(place, outcome)
        self._lend()

    def adopt(self, workers: Sequence[KeptWorker]) -> None:
        """Take over workers that another program in this process has started."""
        for kept in workers:
            place = self.places[kept.slot]
            channel = Channel(socket.socket(fileno=kept.channel_fd))
            worker = WorkerProcess(
                slot=kept.slot, pid=kept.pid, channel=channel, admin_path=kept.admin_path
            )
            worker.note_ready()
            if kept.is_draining:
                worker.is_draining = True
                place.draining.add(worker)
                within_s = place.config.settings.limits.drain_s
                self._see_off(worker, within_s)
            else:
                place.current = worker
            self._begin_watch(place, worker)
        self._lend()
        for place in self.places:
            if place.current is None:
                self._begin_revival(place, pause_s=0.0)

    @contextlib.asynccontextmanager
    async def at_rest(self) -> AsyncIterator[None]:
        """No worker is being started within the block, but for those of slots that have none."""
        async with self._rolling:
            for place in self.places:
                if place.starting is not None:
                    place.starting.kill()
                    await place.starting.ended.wait()
            yield

    async def roll(self, config: NodeConfig, reason: RestartReason) -> None:
        """Replace all workers, one slot after the other.

        Raises:
            WorkerStartError: with this configuration none can be started. Those that have been
                are replaced once more: all of them go by the configuration from before.
        """
        async with self._rolling:
            done: list[tuple[Place, NodeConfig]] = []
            for place in self.places:
                before = place.config
                try:
                    await self._replace(place, config, reason)
                except WorkerStartError:
                    await self._roll_back(done)
                    raise
                done.append((place, before))

    async def _roll_back(self, done: Iterable[tuple[Place, NodeConfig]]) -> None:
        for place, config in done:
            try:
                await self._replace(place, config, RestartReason.ROLLED_BACK)
            except WorkerStartError as error:  # It goes on by what the others do not go by.
                extra = {"worker": place.number, "reason": str(error)}
                logger.error("worker cannot be replaced back", extra=extra)  # noqa: TRY400 - told

    def tell_all(self, message: Message) -> None:
        """Send every worker a message."""
        for worker in self.workers:
            worker.channel.send(message)

    async def stop(self, within_s: float) -> None:
        """End all workers; what they have under way has `within_s`."""
        self._is_stopping = True
        self.tell_all(Message(Kind.STOP))
        await asyncio.gather(*(worker.see_off(within_s + _GRACE_S) for worker in self.workers))

    async def _start_worker(
        self, place: Place, config: NodeConfig, *, is_successor: bool
    ) -> WorkerProcess:
        """Start a worker and wait until it serves.

        Raises:
            WorkerStartError: it does not.
        """
        try:
            worker = place.starting = self._spawn(place, config, is_successor=is_successor)
        except OSError as error:  # There is no room for one, or its program is being replaced.
            raise WorkerStartError(f"a worker cannot be started: {error}") from error
        except Exception as error:  # noqa: BLE001 - its text may hold what the worker was to be told.
            reason = type(error).__name__
            raise WorkerStartError(f"a worker cannot be started: {reason}") from None
        self._begin_watch(place, worker)
        try:
            async with asyncio.timeout(_START_S_MAX):
                await worker.settled.wait()
        except TimeoutError:
            worker.failure = f"it did not serve within {_START_S_MAX:.0f} s"
            worker.kill()
            await worker.ended.wait()
        if worker.is_ready and worker.status is None:
            return worker  # It is `starting` until it has been put in its place.
        place.starting = None
        raise WorkerStartError(
            worker.failure or f"a worker ended with status {worker.status} before it served"
        )

    async def _replace(self, place: Place, config: NodeConfig, reason: RestartReason) -> None:
        async with place.changing:
            worker = await self._start_worker(place, config, is_successor=True)
            old = place.current
            place.config = config
            self._put_in_place(place, worker)
            self._lend()
            self._counts.restarts[reason] += 1
            if old is not None:
                self._retire(place, old)
        if old is not None:
            await old.ended.wait()

    async def _replace_asked(self, place: Place, worker: WorkerProcess) -> None:
        """Replace a worker that somebody else wants to end."""
        if place.current is worker and not place.changing.locked():
            try:
                await self._replace(place, place.config, RestartReason.ASKED)
            except WorkerStartError as error:
                extra = {"worker": place.number, "reason": str(error)}
                logger.error("worker cannot be replaced", extra=extra)  # noqa: TRY400 - told

    def _put_in_place(self, place: Place, worker: WorkerProcess) -> None:
        place.starting, place.current = None, worker
        logger.info("worker serves", extra={"worker": place.number, "pid": worker.pid})
        if worker.status is not None:  # It has ended meanwhile.
            place.current = None
            self._begin_revival(place, pause_s=0.0)

    def _retire(self, place: Place, worker: WorkerProcess) -> None:
        place.draining.add(worker)
        within_s = place.config.settings.limits.drain_s
        worker.is_draining = True
        worker.channel.send(Message(Kind.DRAIN, within_s=within_s))
        self._see_off(worker, within_s)

    def _see_off(self, worker: WorkerProcess, within_s: float) -> None:
        self._tasks.keep(partial(worker.see_off, within_s + _GRACE_S), "an old worker's end")

    def _begin_watch(self, place: Place, worker: WorkerProcess) -> None:
        self._tasks.keep(partial(self._watch, place, worker), "watching a worker")

    def _begin_revival(
        self, place: Place, reason: RestartReason = RestartReason.CRASHED, *, pause_s: float
    ) -> None:
        revive = partial(self._revive, place, reason, pause_s=pause_s)
        self._tasks.keep(revive, "starting a worker")

    async def _watch(self, place: Place, worker: WorkerProcess) -> None:
        await worker.watch(partial(self._hear, place, worker))
        place.draining.discard(worker)
        self._ledger.retire(worker.pid)
        if place.current is worker:
            place.current = None
            extra = {"worker": place.number, "pid": worker.pid, "status": worker.status}
            if not self._is_stopping:
                logger.error("worker ended", extra=extra)
                lived_s = asyncio.get_running_loop().time() - worker.ready_s
                pause_s = place.backoff.note_end(lived_s=lived_s)
                self._lend()
                reason = RestartReason.HUNG if worker.is_hung else RestartReason.CRASHED
                self._begin_revival(place, reason, pause_s=pause_s)

    def _hear(self, place: Place, worker: WorkerProcess, message: Message) -> None:
        if message.kind is Kind.ENDED and message.descriptors:
            self._take_last_metrics(worker, message.descriptors[0])
        elif message.kind is Kind.ASKED and not self._is_stopping:
            self._tasks.keep(partial(self._replace_asked, place, worker), "replacing a worker")

    def _take_last_metrics(self, worker: WorkerProcess, fd: int) -> None:
        try:
            with open(fd, "rb", closefd=False) as file:
                file.seek(0)
                self._ledger.note(worker.pid, file.read(), is_current=False)
        except (OSError, ValueError) as error:  # What it told before that still counts.
            extra = {"worker": worker.slot, "pid": worker.pid, "error": type(error).__name__}
            logger.error("a worker's last metrics are lost", extra=extra)  # noqa: TRY400 - told

    async def _revive(self, place: Place, reason: RestartReason, *, pause_s: float) -> None:
        """Have a worker in a slot that has none."""
        async with place.changing:
            await asyncio.sleep(pause_s)
            while place.current is None and not self._is_stopping:
                try:
                    worker = await self._start_worker(place, place.config, is_successor=True)
                except WorkerStartError as error:
                    extra = {"worker": place.number, "reason": str(error)}
                    logger.error("worker cannot be started", extra=extra)  # noqa: TRY400 - told
                    self._counts.restarts[RestartReason.FAILED] += 1
                    await asyncio.sleep(place.backoff.note_end(lived_s=0.0))
                    continue
                self._counts.restarts[reason] += 1
                self._put_in_place(place, worker)
                self._lend()

    def _lend(self) -> None:
        """Have what arrives in slots without a worker taken by workers of others."""
        serving = [one.current for one in self.places if one.current is not None]
        for place in self.places:
            if place.current is not None:
                # One that serves and could not be told still helps; it is told another time.
                release = Message(Kind.RELEASE, slot=place.number)
                if place.helper not in serving or place.helper.channel.send(release):
                    place.helper = None
            elif place.helper not in serving:
                first = place.number % max(1, len(serving))
                in_turn = (*serving[first:], *serving[:first])
                place.helper = next((one for one in in_turn if _accepts(one, place)), None)


def _accepts(worker: WorkerProcess, place: Place) -> bool:
    """Tell a worker to take what arrives in a slot; whether it could be told."""
    names = [str(kind) for kind, queue in place.queues.items() for _ in queue]
    fds = [one.fileno() for queue in place.queues.values() for one in queue]
    return worker.channel.send(
        Message(Kind.ACCEPT, slot=place.number, names=names, descriptors=fds)
    )
