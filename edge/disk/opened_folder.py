"""A folder of the disk tier while it is on: what is in it, and what is being written.

It belongs to the event loop's thread. The writer's thread reports outcomes, which are taken in
between other events; when the folder is turned off, all of this is dropped.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import Final

from edge.disk.disk_folder import DiskFolder
from edge.disk.disk_index import FILE_BYTES_MAX, DiskIndex
from edge.disk.disk_writer import DiskWriter, Outcome, WriteJob
from edge.disk.entry_file import EntryId, Kind, Place
from edge.disk.folder_health import FolderHealth, FolderState
from edge.disk.folder_listing import FolderListing
from edge.disk.metrics import DiskCounts
from edge.disk.settings import DiskSettings
from edge.disk.verified_files import VerifiedFiles


class WouldBlock(Enum):
    """A read that has to wait for the disk."""

    WOULD_BLOCK = auto()


WOULD_BLOCK: Final = WouldBlock.WOULD_BLOCK

# What a full disk costs each time: one part in so many of what is there.
_FULL_SHARE: Final = 50

# Room is made in so many steps, so that no event waits for long.
_ROOM_STEPS: Final = 64


class OpenedFolder:
    """What there is while a folder is on.

    Args:
        folder: that is on.
        index: still empty; it is filled while the folder is listed.
        settings: of the disk tier.
        counts: of all folders.
        health: of this one.
        files_max: how many files are held open.
        judge: called with every error of the writer.

    Attributes:
        folder: that is on.
        listing: finds out what is there; None afterwards.
        index: what is there; None while it is listed.
        pending: writes that are queued or under way, by id.
        queued_bytes: what they take.
        is_check_due: something was not there that should be.
        verified: files that are held open.
    """

    def __init__(  # noqa: PLR0913 - each is a part of its own
        self,
        folder: DiskFolder,
        index: DiskIndex,
        *,
        settings: DiskSettings,
        counts: DiskCounts,
        health: FolderHealth,
        files_max: int,
        judge: Callable[[OSError], None],
    ) -> None:
        self.folder = folder
        self.listing: FolderListing | None = FolderListing(folder, index)
        self.index: DiskIndex | None = None
        self.pending: dict[EntryId, WriteJob] = {}
        self.queued_bytes = 0
        self.is_check_due = False
        self.verified = VerifiedFiles(files_max)
        self._queue_bytes_max = settings.queue_bytes_max
        self._min_free_bytes = settings.min_free_bytes
        self._room_max: int | None = None
        self._counts = counts
        self._health = health
        self._judge = judge
        self._removed: set[EntryId] = set()
        self._outcomes: deque[Outcome] = deque()
        self._is_closed = False
        self._loop = asyncio.get_running_loop()
        self._writer = DiskWriter(
            folder,
            self._tell,
            min_free_bytes=settings.min_free_bytes,
            is_durable=settings.is_durable,
        )

    def start(self) -> None:
        """Begin to write, and to remove what was set aside."""
        self._writer.start()
        self._writer.remove_old()

    def has(self, entry_id: EntryId) -> bool:
        """Whether an entry is there; while it is not known, it may be."""
        return entry_id in self.pending or self.find(entry_id) is not None

    def is_certain(self, entry_id: EntryId) -> bool:
        """Whether an entry is known to be there."""
        return entry_id in self.pending or isinstance(self.find(entry_id), Place)

    def find(self, entry_id: EntryId) -> Place | WouldBlock | None:
        """Where an entry's file is; `WOULD_BLOCK` if that has to be found out."""
        if self.index is not None:
            return self.index.find(entry_id)
        assert self.listing is not None
        if entry_id in self._removed:
            return None
        return self.listing.find(entry_id) if self.listing.knows(entry_id) else WOULD_BLOCK

    def touch(self, entry_id: EntryId) -> bool:
        """Note that an entry was used; tell whether it is still there."""
        if self.index is not None:
            return self.index.touch(entry_id)
        return entry_id not in self._removed

    def write(self, job: WriteJob, *, now_s: float) -> str | None:
        """Queue a write; return why not, if it is not made.

        A record that is not written takes what was there before with it: an older state must not
        outlive a newer one.
        """
        reason = self._why_not(job) or self._enqueue(job, now_s=now_s)
        if reason is not None and job.kind is Kind.RECORD:
            self.remove(job.place.entry_id)
        return reason

    def remove(self, entry_id: EntryId) -> None:
        """Forget an entry now; its file goes when its turn comes."""
        self._void(entry_id)
        if self.index is None:
            self._removed.add(entry_id)
            return
        place = self.index.remove(entry_id)
        if place is not None:
            self._writer.remove(place.path)

    def forget(self, place: Place) -> None:
        """Drop an entry whose file is no good, unless it has been written anew meanwhile."""
        if place.entry_id not in self.pending and self.find(place.entry_id) == place:
            self.remove(place.entry_id)

    def evict(self, victims: Sequence[Place]) -> list[str]:
        """Count entries that the index has dropped; return the paths that are to be removed."""
        self._counts.evicted += len(victims)
        for victim in victims:
            self._void(victim.entry_id)
        return [victim.path for victim in victims]

    def remove_files(self, paths: Sequence[str]) -> None:
        """Remove files that the index does not know, some time."""
        for path in paths:
            self._writer.remove(path)

    def use(self, index: DiskIndex) -> None:
        """The folder has been listed."""
        assert self.listing is not None
        self.remove_files(self.listing.given_up)
        self.index, self.listing = index, None
        removed, self._removed = self._removed, set()
        for entry_id in removed:
            self.remove(entry_id)

    def plan_to_make_room(self) -> None:
        """The disk is full before the quota is: `make_room` is to give some of it up."""
        if self.index is not None:
            size_bytes = self.index.size_bytes
            self._room_max = size_bytes - size_bytes // _FULL_SHARE

    async def make_room(self) -> None:
        """Give up room that the disk does not have, a little at a time."""
        index, target = self.index, self._room_max
        self._room_max = None
        if index is None or target is None:
            return
        step = max(1, index.size_bytes // _FULL_SHARE // _ROOM_STEPS)
        while not self._is_closed and index.bytes_max > target:
            quota = index.bytes_max + index.held_back_bytes
            room = max(target, min(index.bytes_max, index.size_bytes) - step)
            self.remove_files(self.evict(index.hold_back(quota - room)))
            if index.bytes_max > room:
                return  # It is as small as it gets.
            await asyncio.sleep(0)

    def take_back(self, free_bytes: int) -> None:
        """Take back some of the room that a full disk has cost, if it has become free."""
        index = self.index
        if index is None or not index.held_back_bytes or self._health.state is not FolderState.ON:
            return
        step = max(1, (index.bytes_max + index.held_back_bytes) // _FULL_SHARE)
        if free_bytes > self._min_free_bytes + 2 * step:
            index.hold_back(index.held_back_bytes - step)

    def end(self, timeout_s: float) -> bool:
        """Write what is queued; tell whether that took no longer than allowed. Blocks."""
        self._writer.end()
        return self._writer.join(timeout_s)

    def close(self) -> None:
        """Do no more, and let the folder go."""
        self._is_closed = True
        self._writer.stop()
        if self.listing is not None:
            self.listing.stop()
        self.verified.clear()
        self.folder.close()

    def take_outcomes(self) -> None:
        """Take in what the writer has reported."""
        while self._outcomes and not self._is_closed:
            outcome = self._outcomes.popleft()
            if outcome.job is not None:
                self._settle(outcome.job, outcome)
            if outcome.error is not None:
                self._judge(outcome.error)

    def _why_not(self, job: WriteJob) -> str | None:
        if self.index is None:
            return "listing"
        if job.place.file_bytes > FILE_BYTES_MAX:
            return "size"
        if self.queued_bytes + job.queued_bytes > self._queue_bytes_max:
            return "queue"
        return None

    def _enqueue(self, job: WriteJob, *, now_s: float) -> str | None:
        assert self.index is not None
        if not self._health.may_write(now_s):
            return "paused"
        entry_id = job.place.entry_id
        before = self.index.find(entry_id)
        self._void(entry_id)
        victims = self.index.put(job.place)
        if victims == [job.place]:
            self._health.note_untried()
            self.remove_files([before.path] if before is not None else [])
            return "size"
        if before is not None and before != job.place:
            job.victims.append(before.path)
        job.victims += self.evict(victims)
        self.pending[entry_id] = job
        self.queued_bytes += job.queued_bytes
        self._writer.write(job)
        return None

    def _void(self, entry_id: EntryId) -> None:
        self.verified.drop(entry_id)
        job = self.pending.pop(entry_id, None)
        if job is not None:
            job.is_void = True

    def _tell(self, outcome: Outcome) -> None:
        """Called by the writer's thread. Several outcomes make one event of the loop."""
        self._outcomes.append(outcome)
        if len(self._outcomes) == 1:
            with contextlib.suppress(RuntimeError):  # The loop has been closed meanwhile.
                self._loop.call_soon_threadsafe(self.take_outcomes)

    def _settle(self, job: WriteJob, outcome: Outcome) -> None:
        assert self.index is not None
        self.queued_bytes -= job.queued_bytes
        entry_id = job.place.entry_id
        is_current = self.pending.get(entry_id) is job
        if is_current:
            del self.pending[entry_id]
        if outcome.is_written:
            self._health.note_written()
            self._counts.written += 1
            self._counts.written_bytes += job.place.file_bytes
        elif outcome.error is None:
            self._health.note_untried()
        elif is_current:
            self.index.remove(entry_id)
        if self.index.find(entry_id) != job.place:
            # Nobody knows the file: neither this one nor one that was there under its name.
            self._writer.remove(job.place.path)
