"""One folder of the disk tier, on or off: its faults, its order, its coming back.

All of it belongs to the event loop's thread; what blocks is done by threads. No fault of a disk
comes out of here: a read is a miss then, and a write is dropped.
"""

import asyncio
import contextlib
import errno
import functools
import logging
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from config.whole_file import replace_file
from edge.arena import Arena
from edge.disk.disk_folder import DiskFolder, FolderMark, is_full, open_folder
from edge.disk.disk_index import DiskIndex, PolicyOf
from edge.disk.disk_writer import WriteJob, error_name, error_text
from edge.disk.entry_file import Entry, EntryId, Identity
from edge.disk.errors import DiskFolderInUseError, FolderGoneError
from edge.disk.folder_health import FolderHealth, FolderState
from edge.disk.folder_reads import OUR_LIMITS, FolderReads
from edge.disk.index_snapshot import encode_snapshot
from edge.disk.metrics import DiskCounts
from edge.disk.opened_folder import OpenedFolder, WouldBlock
from edge.disk.settings import DiskFolderSettings, DiskSettings
from edge.disk.threads import Threads, finished
from edge.disk.verified_files import VerifiedFile

logger = logging.getLogger(__name__)

# How long the queue of writes may take at a stop, and a look at the folder at any time.
_DRAIN_S: Final = 2.0
_CHECK_S_MAX: Final = 20.0
_SNAPSHOT_S_MAX: Final = 60.0

_NO_ANSWER: Final = "it does not answer"

_ATTEND_S: Final = 1.0

_GONE: Final = {errno.ENOENT, errno.ENOTDIR, errno.ESTALE, errno.ENODEV}

Adopt = Callable[[DiskFolder], Coroutine[None, None, bool]]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all folders share.

    Attributes:
        settings: of the disk tier.
        policy_of: makes the policy of an index.
        clock: monotonic, in seconds.
        newest_purge: number of the newest purge.
        arena: where content of slices goes.
        files_max: how many verified files each of them holds open.
        counts: of all folders.
        readers: threads that read.
        others: threads for what takes long: some for each folder.
        when_off: called with the path of a folder that was turned off.
    """

    settings: DiskSettings
    policy_of: PolicyOf
    clock: Callable[[], float]
    newest_purge: Callable[[], int]
    arena: Arena
    files_max: int
    counts: DiskCounts
    readers: Threads
    others: Threads
    when_off: Callable[[Path], None]


class FolderCache:
    """Keeps entries in one folder.

    Args:
        settings: of the folder.
        around: what all folders share.

    Attributes:
        path: of the folder.
        bytes_max: its quota.
        health: how it is used.
    """

    def __init__(self, settings: DiskFolderSettings, around: Surroundings) -> None:
        self.path = settings.path
        self.bytes_max = settings.bytes_max
        self.health = FolderHealth(
            errors_max=around.settings.errors_max,
            pause_s=around.settings.pause_s,
            probe_s=around.settings.probe_s,
        )
        self._around = around
        self._counts = around.counts
        self._opened: OpenedFolder | None = None
        self._reads: FolderReads | None = None
        self._mark: FolderMark | None = None
        self._is_due = asyncio.Event()
        self._is_given_up = False

    @property
    def index(self) -> DiskIndex | None:
        """What is there, once that is known."""
        return None if self._opened is None else self._opened.index

    @property
    def state(self) -> FolderState:
        """How it is used now."""
        is_listing = self._opened is not None and self._opened.index is None
        return FolderState.LISTING if is_listing else self.health.state

    @property
    def size_bytes(self) -> int:
        """What its entries take, as far as is known."""
        return 0 if self.index is None else self.index.size_bytes

    @property
    def entries(self) -> int:
        """How many there are, as far as is known."""
        return 0 if self.index is None else len(self.index)

    @property
    def queued_bytes(self) -> int:
        """What waits to be written."""
        return 0 if self._opened is None else self._opened.queued_bytes

    @property
    def open_files(self) -> int:
        """How many verified files are held open."""
        return 0 if self._opened is None else len(self._opened.verified)

    def has(self, entry_id: EntryId) -> bool:
        """See `DiskTier.has`."""
        return self._opened is not None and self._opened.has(entry_id)

    def is_certain(self, entry_id: EntryId) -> bool:
        """See `DiskTier.is_certain`."""
        return self._opened is not None and self._opened.is_certain(entry_id)

    def read_at_once(self, entry_id: EntryId, identity: Identity) -> Entry | WouldBlock | None:
        """See `DiskTier.read_at_once`."""
        return None if self._reads is None else self._reads.read_at_once(entry_id, identity)

    async def read(self, entry_id: EntryId, identity: Identity) -> Entry | None:
        """See `DiskTier.read`."""
        return None if self._reads is None else await self._reads.read(entry_id, identity)

    def verified_file(
        self, entry_id: EntryId, identity: Identity, start: int, stop: int
    ) -> VerifiedFile | None:
        """See `DiskTier.verified_file`."""
        reads = self._reads
        return None if reads is None else reads.verified_file(entry_id, identity, start, stop)

    def write(self, job: WriteJob) -> bool:
        """See `DiskTier.write`."""
        reason: str | None = "off"
        if self._opened is not None:
            reason = self._opened.write(job, now_s=self._around.clock())
        if reason is not None:
            self._counts.dropped[reason] += 1
        return reason is None

    def remove(self, entry_id: EntryId) -> None:
        """See `DiskTier.remove`."""
        if self._opened is not None:
            self._opened.remove(entry_id)

    async def open(self) -> DiskFolder:
        """Open the folder, as the first step of turning it on.

        Raises:
            DiskFolderInUseError: another process uses it.
            OSError: it cannot be used.
        """
        work = functools.partial(open_folder, self.path, expected=self._mark)
        opening = self._around.others.run(work)
        try:
            async with asyncio.timeout(_CHECK_S_MAX):
                folder = await asyncio.shield(opening)
        except TimeoutError:
            opening.add_done_callback(_close_late)
            raise TimeoutError(errno.ETIMEDOUT, _NO_ANSWER) from None
        except asyncio.CancelledError:
            opening.add_done_callback(_close_late)
            raise
        self._mark = folder.mark
        return folder

    def turn_on(self, folder: DiskFolder) -> None:
        """Use a folder that was opened, and whose purge log is up to date."""
        assert self._opened is None
        around = self._around
        judge = functools.partial(self._judge_of, folder)
        self._opened = OpenedFolder(
            folder,
            DiskIndex(bytes_max=self.bytes_max, policy_of=around.policy_of),
            settings=around.settings,
            counts=around.counts,
            health=self.health,
            files_max=around.files_max,
            judge=judge,
        )
        self._reads = FolderReads(
            self._opened,
            settings=around.settings,
            threads=around.readers,
            counts=around.counts,
            newest_purge=around.newest_purge,
            arena=around.arena,
            clock=around.clock,
            judge=judge,
        )
        self._opened.start()
        self.health.turn_on()
        logger.info("disk folder on", extra={"folder": str(self.path)})

    def turn_off(self, reason: str) -> None:
        """Do without the folder; some time later it is looked at again."""
        was_on = self._opened is not None or not self.health.reason
        self.health.turn_off(reason, now_s=self._around.clock())
        self._around.when_off(self.path)
        self._is_due.set()
        opened, self._opened, self._reads = self._opened, None, None
        if was_on:
            logger.error("disk folder off", extra={"folder": str(self.path), "reason": reason})
        if opened is not None:
            opened.close()

    def stay_off(self, reason: str) -> None:
        """Begin without the folder; some time later it is looked at again."""
        self.health.turn_off(reason, now_s=self._around.clock())
        logger.error("disk folder off", extra={"folder": str(self.path), "reason": reason})

    async def keep(self, adopt: Adopt) -> None:
        """Keep the folder in order until cancelled.

        Args:
            adopt: brings the purge log of a folder up to date; tells whether it could.
        """
        settings, clock = self._around.settings, self._around.clock
        await self._list()
        next_check_s = clock() + settings.probe_s
        next_snapshot_s = clock() + settings.snapshot_s
        while True:
            await self._wait_until_due()
            if self.health.is_probe_due(clock()) and not self._is_given_up:
                await self._turn_on_again(adopt)
            if self._opened is None:
                continue
            await self._opened.make_room()
            if clock() >= next_check_s or self._opened.is_check_due:
                next_check_s = clock() + settings.probe_s
                await self._check(self._opened)
            if clock() >= next_snapshot_s:
                next_snapshot_s = clock() + settings.snapshot_s
                await self._write_snapshot()

    async def give_up(self) -> None:
        """Let the folder go for good: another process takes it."""
        self._is_given_up = True
        await self.close()

    async def close(self) -> None:
        """Write what is queued, note the order, and let the folder go."""
        opened = self._opened
        if opened is None:
            return
        if await finished(self._around.others.run(functools.partial(opened.end, _DRAIN_S))):
            opened.take_outcomes()
            await self._write_snapshot()
        else:
            extra = {"folder": str(self.path), "bytes": opened.queued_bytes}
            logger.warning("what waits to be written to a disk folder is lost", extra=extra)
        if self._opened is opened:
            self._opened, self._reads = None, None
            opened.close()

    async def _wait_until_due(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(_ATTEND_S, self._around.settings.probe_s)):
                await self._is_due.wait()
        self._is_due.clear()

    async def _list(self) -> None:
        """Find out what is there, as the last step of turning it on."""
        opened = self._opened
        if opened is None or opened.listing is None:
            return
        try:
            index = await self._around.others.run(opened.listing.build)
        except OSError as error:
            if self._opened is opened:
                self.turn_off(f"it cannot be listed: {error_text(error)}")
            return
        if self._opened is opened:
            opened.use(index)
            facts = {"entries": len(index), "bytes": index.size_bytes}
            logger.info("disk folder listed", extra={"folder": str(self.path), **facts})

    async def _write_snapshot(self) -> None:
        opened = self._opened
        if opened is None or opened.index is None:
            return
        work = functools.partial(_write_snapshot, opened.folder, opened.index)
        try:
            async with asyncio.timeout(_SNAPSHOT_S_MAX):
                await self._around.others.run(work)
        except OSError as error:
            self._judge_of(opened.folder, error)

    async def _check(self, opened: OpenedFolder) -> None:
        opened.is_check_due = False
        reason = _NO_ANSWER
        try:
            async with asyncio.timeout(_CHECK_S_MAX):
                work = functools.partial(_look_at, opened.folder)
                free_bytes = await self._around.others.run(work)
        except TimeoutError:
            pass
        except OSError as error:
            reason = str(error)
        else:
            opened.take_back(free_bytes)
            return
        if self._opened is opened:
            self.turn_off(reason)

    async def _turn_on_again(self, adopt: Adopt) -> None:
        try:
            folder = await self.open()
        except (OSError, DiskFolderInUseError) as error:
            self.turn_off(str(error))
            return
        is_adopted = False
        try:
            is_adopted = await adopt(folder)
        finally:
            if not is_adopted:
                folder.close()
        if is_adopted:
            self.turn_on(folder)
            await self._list()
        else:
            self.turn_off("its purge log cannot be written")

    def _judge_of(self, folder: DiskFolder, error: OSError) -> None:
        """Take in that something failed, unless the folder was turned off since."""
        opened = self._opened
        if opened is None or opened.folder is not folder:
            return
        self._counts.errors[error_name(error)] += 1
        extra = {"folder": str(self.path), "error": error_text(error)}
        logger.warning("disk error", extra=extra)
        now_s = self._around.clock()
        if is_full(error):
            self.health.note_full(error_text(error), now_s=now_s)
            opened.plan_to_make_room()
            self._is_due.set()
        elif error.errno == errno.EROFS:
            self.turn_off("it is read-only")
        elif error.errno in _GONE or isinstance(error, FolderGoneError):
            self.health.note_untried()
            opened.is_check_due = True
            self._is_due.set()
        elif error.errno in OUR_LIMITS:
            self.health.note_untried()
        else:
            self.health.note_error(error_text(error), now_s=now_s)
            if self.health.state is FolderState.OFF:
                self.turn_off(self.health.reason)


def _close_late(opening: "asyncio.Future[DiskFolder]") -> None:
    """A folder that was opened when nobody waited for it any more: its lock is in the way."""
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


def _write_snapshot(folder: DiskFolder, index: DiskIndex) -> None:
    folder.check()
    replace_file(folder.snapshot_path, _pieces_of_snapshot(index), is_durable=False)


def _pieces_of_snapshot(index: DiskIndex) -> Iterator[bytes]:
    """In a thread: after each piece others may run."""
    for piece in encode_snapshot(index.records_by_use(lambda: time.sleep(0))):
        time.sleep(0)
        yield piece


def _look_at(folder: DiskFolder) -> int:
    folder.check()
    return folder.free_bytes()
