"""A pool of packaging workers: decoding and encoding beside the event loop, in other processes.

A job that crashes, or takes too much memory, takes only its own worker along. A job that is
cancelled does too, since nothing inside of a codec can be interrupted. The next job gets a new
worker.

Who is served next is decided in `packager.priority`. A worker that was started for a listener
beside all others stays when its job is done: the next listener does not wait for it to start.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packager.cover_facts import CoverFinding, finding_from_json
from packager.errors import PoolBusyError, WorkerError, WorkerStartError, WorkerTimeoutError
from packager.identity import CpuClass, EncoderIdentity
from packager.inspection_result import Inspection, inspection_from_json
from packager.jobs import OnProgress, PackagingOrder, order_to_json, path_to_text, tags_from_json
from packager.priority import BooksFullError, PlaceBooks, Priority, Ticket
from packager.seek_index import RenditionFacts, facts_from_json
from packager.worker_process import WorkerProcess, start_worker

WAITING_MAX: Final = 256

# Tags are read in milliseconds, unless somebody made them so that they are not.
TAGS_TIMEOUT_S: Final = 10.0

# The largest picture allowed takes a second; a master may carry many that are no good.
COVER_TIMEOUT_S: Final = 30.0


@dataclass(slots=True)
class _Slot:
    """A place for one worker; empty until a job needs it."""

    worker: WorkerProcess | None = None


class PackagingPool:
    """Workers, and the jobs that wait for them. Made by `open_pool`."""

    def __init__(
        self, *, workers: int, memory_bytes_max: int, cpu_class: CpuClass | None, waiting_max: int
    ) -> None:
        assert workers > 0
        assert memory_bytes_max > 0
        self._memory_bytes_max = memory_bytes_max
        self._cpu_class = cpu_class
        self._books = PlaceBooks(workers, waiting_max)
        self._turns: dict[Ticket, asyncio.Future[None]] = {}
        self._slots = [_Slot() for _ in range(workers + 1)]  # One more for a listener.
        # The last one used comes first: no process is started while another one has nothing to do.
        self._idle = self._slots[::-1]
        self._identity: EncoderIdentity | None = None

    @property
    def identity(self) -> EncoderIdentity:
        """Of all workers; two pools of one identity make equal bytes."""
        assert self._identity is not None
        return self._identity

    @property
    def worker_pids(self) -> tuple[int, ...]:
        """The processes that run at the moment."""
        return tuple(slot.worker.pid for slot in self._slots if slot.worker is not None)

    async def inspect(
        self,
        master: Path,
        *,
        edges: Path,
        on_progress: OnProgress | None = None,
        priority: Priority = Priority.INGEST,
    ) -> Inspection:
        """Decode all of a master and describe it.

        Args:
            master: its file.
            edges: a folder; `head.f32` and `tail.f32` are written into it, see
                `packager.inspection_result.Edge`.
            on_progress: is told how far it is.
            priority: for whom it is.

        Raises:
            MasterError: it cannot be taken.
            WorkerTimeoutError: it takes far too long for its size; the worker is gone.
            WorkerError: this machine failed.
        """
        request = {"job": "inspect", "master": path_to_text(master), "edges": path_to_text(edges)}
        return inspection_from_json(await self._run(request, priority, on_progress))

    async def package(
        self,
        order: PackagingOrder,
        *,
        on_progress: OnProgress | None = None,
        priority: Priority = Priority.INGEST,
    ) -> RenditionFacts:
        """Make a rendition. If this fails or is cancelled, there may be a part of the output.

        Raises:
            MasterError: the master is not the one that was inspected.
            WorkerTimeoutError: it takes far too long for its length; the worker is gone.
            WorkerError: this machine failed.
        """
        request: dict[str, object] = {"job": "package", "order": order_to_json(order)}
        return facts_from_json(await self._run(request, priority, on_progress))

    async def read_tags(
        self,
        master: Path,
        *,
        timeout_s: float = TAGS_TIMEOUT_S,
        priority: Priority = Priority.INGEST,
    ) -> dict[str, tuple[str, ...]]:
        """Values of a master's tags by name, see `packager.tag_reader.read_tags`.

        Args:
            master: its file.
            timeout_s: how long a worker may take; the wait for one does not count.
            priority: for whom it is.

        Raises:
            WorkerTimeoutError: they would take longer; the worker is gone.
            WorkerDiedError: they would take more memory than a worker may have.
            WorkerError: this machine failed.
        """
        request = {"job": "tags", "master": path_to_text(master)}
        return tags_from_json(await self._run(request, priority, timeout_s=timeout_s))

    async def read_cover(
        self,
        master: Path,
        folder: Path,
        *,
        beside: Path | None = None,
        timeout_s: float = COVER_TIMEOUT_S,
        priority: Priority = Priority.INGEST,
    ) -> CoverFinding:
        """Find a master's cover and write its sizes, see `packager.cover.read_cover`.

        Args:
            master: its file.
            folder: gets the files, named by `packager.cover_facts.cover_file_name`.
            beside: a picture to take if the master carries none that is good.
            timeout_s: how long a worker may take; the wait for one does not count.
            priority: for whom it is.

        Raises:
            WorkerTimeoutError: it would take longer; the worker is gone.
            WorkerDiedError: it would take more memory than a worker may have.
            WorkerError: this machine failed.
        """
        request = {
            "job": "cover",
            "master": path_to_text(master),
            "folder": path_to_text(folder),
            "beside": None if beside is None else path_to_text(beside),
        }
        return finding_from_json(await self._run(request, priority, timeout_s=timeout_s))

    async def start(self) -> None:
        """Start the first worker and learn the identity of all.

        Raises:
            WorkerStartError: it does not start.
        """
        slot = self._slots[0]
        slot.worker = await self._start_worker()

    async def close(self) -> None:
        """End all workers, busy or not."""
        for slot in self._slots:
            if slot.worker is not None:
                await slot.worker.close()
                slot.worker = None

    async def _run(
        self,
        request: Mapping[str, object],
        priority: Priority,
        on_progress: OnProgress | None = None,
        *,
        timeout_s: float | None = None,
    ) -> dict[str, object]:
        async with self._place(priority) as slot:
            if slot.worker is None or not slot.worker.is_alive:
                await _discard(slot)
                slot.worker = await self._start_worker()
            try:
                async with asyncio.timeout(timeout_s):
                    return await slot.worker.call(
                        {**request, "niceness": priority.niceness}, on_progress
                    )
            except TimeoutError:
                raise WorkerTimeoutError(
                    f"the job {request['job']} took over {timeout_s} s"
                ) from None

    @asynccontextmanager
    async def _place(self, priority: Priority) -> AsyncIterator[_Slot]:
        ticket = await self._enter(priority)
        slot = self._idle.pop()
        try:
            yield slot
        finally:
            # Still busy: cancelled, late, dead, or left by an exception of `on_progress`.
            try:
                if slot.worker is not None and slot.worker.is_busy:
                    await _discard(slot)
            finally:  # Whoever is cancelled may be cancelled once more.
                self._idle.append(slot)
                self._leave(ticket)

    async def _enter(self, priority: Priority) -> Ticket:
        try:
            ticket = self._books.enter(priority)
        except BooksFullError as error:
            raise PoolBusyError(str(error)) from None
        if ticket in self._books.running:
            return ticket
        turn = self._turns[ticket] = asyncio.get_running_loop().create_future()
        try:
            await turn
        except asyncio.CancelledError:
            self._leave(ticket)  # It may have been let in meanwhile.
            raise
        finally:
            del self._turns[ticket]
        return ticket

    def _leave(self, ticket: Ticket) -> None:
        for let_in in self._books.leave(ticket):
            turn = self._turns[let_in]
            if not turn.done():  # Else it was cancelled, and will leave by itself.
                turn.set_result(None)

    async def _start_worker(self) -> WorkerProcess:
        worker = await start_worker(
            memory_bytes_max=self._memory_bytes_max, cpu_class=self._cpu_class
        )
        try:
            identity = await worker.identify()
        except (WorkerError, asyncio.CancelledError):
            await worker.kill()
            raise
        if self._identity not in (None, identity):
            await worker.kill()
            raise WorkerStartError("libraries were replaced while this program ran: restart it")
        self._identity = identity
        return worker


async def _discard(slot: _Slot) -> None:
    worker, slot.worker = slot.worker, None
    if worker is not None:
        await worker.kill()


@asynccontextmanager
async def open_pool(
    *,
    workers: int,
    memory_bytes_max: int,
    cpu_class: CpuClass | None = None,
    waiting_max: int = WAITING_MAX,
) -> AsyncIterator[PackagingPool]:
    """Run a pool of packaging workers; on leaving, all of them are ended.

    Args:
        workers: how many jobs run at a time; each is a process on one core. One more may be
            started for a listener who would have to wait for less urgent jobs.
        memory_bytes_max: limit of each worker's data.
        cpu_class: FFmpeg's CPU dispatch class to force; None for this machine's best.
        waiting_max: how many jobs of each priority may wait before more of it are refused.

    Raises:
        WorkerStartError: the first worker does not start.
    """
    pool = PackagingPool(
        workers=workers,
        memory_bytes_max=memory_bytes_max,
        cpu_class=cpu_class,
        waiting_max=waiting_max,
    )
    try:
        await pool.start()
        yield pool
    finally:
        await pool.close()
