"""The disk tier: records and slices that outlive a restart, in one folder or several.

Everything here is called on the event loop's thread and never blocks it. An entry belongs to one of
the configured folders, by rendezvous hashing over their paths, weighted by their quotas. While a
folder is off its entries are misses, and what would go there is not stored: were they moved to the
others, these would lose as much to make room, and the same again when the folder comes back.
"""

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from typing_extensions import Buffer
from xxhash import xxh3_64_intdigest

from config.tasks import Tasks, open_tasks
from edge.arena import Arena
from edge.disk.disk_folder import DiskFolder
from edge.disk.disk_index import PolicyOf, lru_of
from edge.disk.disk_writer import WriteJob, error_text
from edge.disk.entry_file import ID_BYTES, Entry, EntryId, Identity, Kind, Place, file_bytes_of
from edge.disk.errors import DiskFolderInUseError
from edge.disk.folder_cache import FolderCache, Surroundings
from edge.disk.metrics import DiskCounts
from edge.disk.opened_folder import WOULD_BLOCK, WouldBlock
from edge.disk.settings import DiskSettings
from edge.disk.threads import Threads, finished
from edge.disk.verified_files import VerifiedFile, files_max_of
from edge.purge_log import PurgeLog
from edge.purges import Purges

logger = logging.getLogger(__name__)

# How long folders may be in use at the start: a process that was killed has them for a moment.
_START_S_MAX: Final = 2.0
_RETRY_S: Final = 0.1

__all__ = ["WOULD_BLOCK", "DiskTier", "Entry", "Kind", "WouldBlock", "open_disk_tier"]


class DiskTier:
    """Keeps entries by id. Made by `open_disk_tier`.

    Args:
        folders: all that are configured.
        purge_log: of these folders.
        counts: what they did.

    Attributes:
        purge_log: makes purges durable.
        counts: what the tier did since the start.
    """

    def __init__(
        self, folders: Sequence[FolderCache], purge_log: PurgeLog, counts: DiskCounts
    ) -> None:
        self.purge_log = purge_log
        self.counts = counts
        self._folders = folders
        self._seeds = [xxh3_64_intdigest(bytes(folder.path)) for folder in folders]

    @property
    def bytes(self) -> int:
        """What the entries take, in whole blocks."""
        return sum(folder.size_bytes for folder in self._folders)

    @property
    def entries(self) -> int:
        """How many there are."""
        return sum(folder.entries for folder in self._folders)

    @property
    def queued_bytes(self) -> int:
        """What waits to be written."""
        return sum(folder.queued_bytes for folder in self._folders)

    @property
    def open_files(self) -> int:
        """How many verified files are held open."""
        return sum(folder.open_files for folder in self._folders)

    @property
    def is_listed(self) -> bool:
        """Whether all folders that are on have been listed, so that entries are written."""
        return all(folder.index is not None for folder in self._folders if folder.health.is_on)

    def states(self) -> dict[str, str]:
        """How each folder is used, by its path; see `FolderState`."""
        return {str(folder.path): folder.state.value for folder in self._folders}

    def problems(self) -> dict[str, str]:
        """Why a folder is off or rests, by its path; empty when all is well."""
        return {
            str(folder.path): folder.health.reason
            for folder in self._folders
            if folder.health.reason
        }

    def has(self, entry_id: EntryId) -> bool:
        """Whether an entry is there. While its folder is still being listed: whether it may be."""
        folder = self._folder_of(entry_id)
        return folder is not None and folder.has(entry_id)

    def is_certain(self, entry_id: EntryId) -> bool:
        """Whether an entry is known to be there."""
        folder = self._folder_of(entry_id)
        return folder is not None and folder.is_certain(entry_id)

    def read_at_once(self, entry_id: EntryId, identity: Identity) -> Entry | WouldBlock | None:
        """Read an entry if the kernel has it in memory.

        Args:
            entry_id: 20 bytes, a digest of the identity.
            identity: all that the entry is known by; compared with what was written.

        Returns:
            The entry, None if there is no such one, or `WOULD_BLOCK`: `read` it.
        """
        folder = self._folder_of(entry_id)
        return None if folder is None else folder.read_at_once(entry_id, identity)

    def verified_file(
        self, entry_id: EntryId, identity: Identity, start: int, stop: int
    ) -> VerifiedFile | None:
        """A file from which a slice can be sent at once; that is a use of it.

        Args:
            entry_id: see `read_at_once`.
            identity: see `read_at_once`.
            start: where of its content sending begins.
            stop: and where it ends.

        Returns:
            None if it has not been read since the start, or not since it has last left memory: then
            `read` it.
        """
        folder = self._folder_of(entry_id)
        if folder is None:
            return None
        return folder.verified_file(entry_id, identity, start, stop)

    async def read(self, entry_id: EntryId, identity: Identity) -> Entry | None:
        """Read an entry, waiting for the disk if need be; one read for all who ask meanwhile."""
        folder = self._folder_of(entry_id)
        return None if folder is None else await folder.read(entry_id, identity)

    def write(
        self,
        entry_id: EntryId,
        identity: Identity,
        content: Buffer,
        *,
        sequence: int,
        kind: Kind,
    ) -> bool:
        """Have an entry written, in the place of what was there under its id.

        Args:
            entry_id: see `read_at_once`.
            identity: see `read_at_once`.
            content: which must not be changed any more.
            sequence: number of the newest purge when its fill began.
            kind: of the entry.

        Returns:
            False if it will not be written. A record that was there before is gone then.
        """
        assert len(entry_id) == ID_BYTES
        folder = self._folder_of(entry_id)
        if folder is None:
            return False
        file_bytes = file_bytes_of(identity, memoryview(content).nbytes)
        place = Place(entry_id, file_bytes, kind)
        return folder.write(WriteJob(place, identity, content, sequence, kind))

    async def give_up(self) -> None:
        """Let all folders go, for another process to take: nothing is here any more."""
        await asyncio.gather(*(folder.give_up() for folder in self._folders))
        self.purge_log.give_up()

    def remove(self, entry_id: EntryId) -> None:
        """Forget an entry now; its file goes when its turn comes, or may be back after a crash."""
        folder = self._folder_of(entry_id)
        if folder is not None:
            folder.remove(entry_id)

    def _folder_of(self, entry_id: EntryId) -> FolderCache | None:
        folders = self._folders
        if len(folders) <= 1:
            return folders[0] if folders else None
        best = min(
            range(len(folders)),
            key=lambda number: _distance(
                xxh3_64_intdigest(entry_id, self._seeds[number]), folders[number].bytes_max
            ),
        )
        return folders[best]


def _distance(digest: int, weight: int) -> float:
    """Smallest for the folder that an id belongs to: an exponential with the weight as its rate."""
    return -math.log((digest + 1) / 2**64) / weight


@contextlib.asynccontextmanager
async def open_disk_tier(
    settings: DiskSettings,
    purges: Purges,
    *,
    policy_of: PolicyOf = lru_of,
    arena: Arena | None = None,
    clock: Callable[[], float] = time.monotonic,
    is_successor: bool = False,
) -> AsyncIterator[DiskTier]:
    """Run a disk tier. Purges of earlier runs are in effect, and it serves, from the beginning.

    Args:
        settings: of the tier.
        purges: still empty; what the purge log holds is put into effect.
        policy_of: makes the policy for a folder from its quota.
        arena: where content of slices goes; by itself to memory of its own.
        clock: monotonic, in seconds.
        is_successor: another process may have the folders; it serves without them until they are
            given up.

    Raises:
        DiskTierError: a folder is in use by another process.
    """
    counts = DiskCounts()
    count = max(1, len(settings.folders))
    readers = Threads(settings.read_threads, name="disk-reader")
    others = Threads(2 * count, name="disk")
    loggers = Threads(count, name="purge-log")
    caches: dict[Path, FolderCache] = {}
    purge_log = PurgeLog(purges, loggers, lambda path, reason: caches[path].turn_off(reason))
    around = Surroundings(
        settings=settings,
        policy_of=policy_of,
        clock=clock,
        newest_purge=lambda: purges.sequence,
        arena=arena or Arena(),
        files_max=files_max_of(settings, folders=count),
        counts=counts,
        readers=readers,
        others=others,
        when_off=purge_log.drop,
    )
    caches |= {one.path: FolderCache(one, around) for one in settings.folders}
    keeper = _Keeper(purge_log, others, list(caches.values()), clock)
    try:
        if is_successor:
            is_open = await keeper.try_to_open()
        else:
            is_open = True
            await keeper.open_soon()
        async with open_tasks() as tasks:
            tasks.keep(partial(keeper.keep, tasks, is_open=is_open), "opening disk folders")
            yield DiskTier(list(caches.values()), purge_log, counts)
    finally:
        await _close_all(caches.values())
        purge_log.close()
        for threads in (readers, others, loggers):
            threads.close()


class _Keeper:
    """Brings folders and their purge logs together."""

    def __init__(
        self,
        purge_log: PurgeLog,
        threads: Threads,
        caches: Sequence[FolderCache],
        clock: Callable[[], float],
    ) -> None:
        self._purge_log = purge_log
        self._threads = threads
        self._caches = caches
        self._clock = clock

    async def open_soon(self) -> None:
        """Open all folders.

        Raises:
            DiskFolderInUseError: another process has one, and does not end.
        """
        end_s = self._clock() + _START_S_MAX
        while True:
            try:
                return await self._open_all()
            except DiskFolderInUseError:
                if self._clock() >= end_s:
                    raise
                await asyncio.sleep(_RETRY_S)

    async def try_to_open(self) -> bool:
        """Open all folders, unless another process has one; tell whether that is done."""
        try:
            await self._open_all()
        except DiskFolderInUseError as error:
            for cache in self._caches:
                cache.health.turn_off("another process has it", now_s=math.inf)
            self._purge_log.expect_folders()
            logger.info("disk folders are waited for", extra={"folder": error.path})
            return False
        return True

    async def keep(self, tasks: Tasks, *, is_open: bool) -> None:
        """Keep the folders in order, once they are open."""
        while not is_open:
            await asyncio.sleep(_RETRY_S)
            try:
                await self._open_all()
                is_open = True
            except DiskFolderInUseError:
                continue
        for cache in self._caches:
            tasks.keep(partial(cache.keep, self.adopt), "keeping a disk folder")

    async def _open_all(self) -> None:
        """Open all folders and restore the purges, before any of them is used."""
        caches = self._caches
        opened: dict[Path, tuple[FolderCache, DiskFolder]] = {}
        try:
            for cache in caches:
                try:
                    opened[cache.path] = (cache, await cache.open())
                except OSError as error:
                    cache.stay_off(error_text(error))
            foreign = await self._purge_log.load(
                list(opened), is_complete=len(opened) == len(caches)
            )
        except BaseException:
            for _, folder in opened.values():
                folder.close()
            raise
        for path, (cache, folder) in opened.items():
            if await self._add(folder, is_foreign=path in foreign):
                cache.turn_on(folder)
            else:
                folder.close()
                cache.stay_off("its purge log cannot be written")

    async def adopt(self, folder: DiskFolder) -> bool:
        """Bring the log of a folder that is back up to date; tell whether it may be used."""
        return await self._add(folder, is_foreign=await self._purge_log.is_foreign(folder.path))

    async def _add(self, folder: DiskFolder, *, is_foreign: bool) -> bool:
        if is_foreign:
            extra = {"folder": str(folder.path)}
            if not folder.mark.is_new:
                logger.warning(
                    "a disk folder begins anew: it does not know what was purged", extra=extra
                )
            try:
                await finished(self._threads.run(folder.set_aside))
            except OSError as error:
                extra["error"] = str(error)
                logger.warning("a disk folder cannot begin anew", extra=extra)
                return False
        return await self._purge_log.add(folder.path)


async def _close_all(caches: Iterable[FolderCache]) -> None:
    for cache in caches:
        await cache.close()
