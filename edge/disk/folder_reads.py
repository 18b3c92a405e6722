"""Reading from a folder of the disk tier: at once if the kernel has it, else in a thread.

Whatever is read is verified, each time: that costs less than a tenth of what a hit does. Its file
is held open then, and as long as the kernel has it in memory, and nobody touches it, hits may be
sent from there unread. What had to leave memory is read and verified again.
"""

import asyncio
import errno
import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from edge.arena import Arena
from edge.content import Content
from edge.disk.disk_folder import DiskFolder, ReadFile, Take
from edge.disk.disk_writer import WriteJob
from edge.disk.entry_file import Entry, EntryId, Flaw, Identity, Kind, Place, check_file
from edge.disk.folder_listing import FolderListing
from edge.disk.metrics import DiskCounts
from edge.disk.opened_folder import WOULD_BLOCK, OpenedFolder, WouldBlock
from edge.disk.page_cache import PageCache
from edge.disk.settings import DiskSettings
from edge.disk.threads import Threads
from edge.disk.verified_files import VerifiedFile

# The process's own limits: no fault of the file's, nor of the disk's.
OUR_LIMITS: Final = {errno.EMFILE, errno.ENFILE, errno.ENOMEM}

# Something else lies in the place of a file.
_NO_FILE: Final = {errno.ELOOP, errno.EISDIR}

# A file from which hits are sent is looked at so often: whether somebody has touched it.
_LOOK_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class _Found:
    """What a thread has read."""

    place: Place | None
    checked: int | Flaw = Flaw.DAMAGED
    read: ReadFile | None = None
    error: OSError | None = None


@dataclass(slots=True, eq=False)
class _Read:
    """A read in a thread, for all who wait for it."""

    future: "asyncio.Future[_Found]"
    arena: Arena
    entry: Entry | None = None
    is_taken: bool = False
    is_late: bool = False

    def take(self) -> Entry | None:
        """The entry, with a buffer of the caller's own."""
        entry = self.entry
        if entry is None or not self.is_taken:
            self.is_taken = True
            return entry
        return Entry(entry.sequence, self.arena.copy(entry.content))


class FolderReads:
    """Reads from one folder while it is on.

    Args:
        opened: the folder.
        settings: of the disk tier.
        threads: that read.
        counts: of all folders.
        newest_purge: number of the newest purge.
        arena: where content of slices goes.
        clock: monotonic, in seconds.
        judge: called with every error that may be the disk's.
    """

    def __init__(  # noqa: PLR0913 - each is a part of its own
        self,
        opened: OpenedFolder,
        *,
        settings: DiskSettings,
        threads: Threads,
        counts: DiskCounts,
        newest_purge: Callable[[], int],
        arena: Arena,
        clock: Callable[[], float],
        judge: Callable[[OSError], None],
    ) -> None:
        self._opened = opened
        self._settings = settings
        self._threads = threads
        self._counts = counts
        self._newest_purge = newest_purge
        self._arena = arena
        self._clock = clock
        self._judge = judge
        self._page_cache = PageCache()
        self._under_way: dict[tuple[EntryId, Identity], _Read] = {}

    def read_at_once(self, entry_id: EntryId, identity: Identity) -> Entry | WouldBlock | None:
        """See `DiskTier.read_at_once`."""
        job = self._opened.pending.get(entry_id)
        if job is not None:
            return self._read_pending(job, identity)
        place = self._opened.find(entry_id)
        if not isinstance(place, Place):
            self._counts.misses += place is None
            return place
        try:
            read = _read(self._opened.folder, place, identity, arena=self._arena, is_at_once=True)
        except BlockingIOError:
            return WOULD_BLOCK
        except OSError as error:
            self._take_error(place, error)
            return None
        return self._take(place, identity, read, check_file(entry_id, identity, *read[:2]))

    def verified_file(
        self, entry_id: EntryId, identity: Identity, start: int, stop: int
    ) -> VerifiedFile | None:
        """See `DiskTier.verified_file`."""
        found = self._opened.verified.get(entry_id)
        if found is None or found.identity != identity or stop > found.length:
            return None
        return found if self._may_be_sent(found, start, stop) else None

    def _may_be_sent(self, file: VerifiedFile, start: int, stop: int) -> bool:
        """See `VerifiedFile.may_be_sent`."""
        opened, offset = self._opened, file.offset
        if not file.file.is_untouched():
            opened.verified.drop(file.entry_id)
            return False
        now_s = self._clock()
        if now_s - file.looked_s >= _LOOK_S and not self._is_read(file, stop, now_s):
            return False
        if not self._page_cache.has(file.fd, offset + start, offset + stop):
            file.looked_s = -math.inf
            return False
        if self._under_way and (file.entry_id, file.identity) in self._under_way:
            return False  # Its pages are counted before they have been read.
        if not opened.touch(file.entry_id):
            return False
        opened.verified.note_use(file)
        self._counts.hits += 1
        self._counts.file_hits += 1
        return True

    def _is_read(self, file: VerifiedFile, stop: int, now_s: float) -> bool:
        """Whether nobody is just reading a file from the disk."""
        # Disks are read ahead, in order: the last page comes last.
        if not self._page_cache.has_read(file.fd, file.offset + stop - 1):
            return False
        file.looked_s = now_s
        return True

    async def read(self, entry_id: EntryId, identity: Identity) -> Entry | None:
        """See `DiskTier.read`."""
        found = self.read_at_once(entry_id, identity)
        if not isinstance(found, WouldBlock):
            return found
        read = self._under_way.get((entry_id, identity))
        if read is None:
            if self._threads.unfinished >= self._settings.reads_max:
                self._counts.dropped["reads"] += 1
                return None
            read = self._begin(entry_id, identity)
        await asyncio.wait({read.future}, timeout=self._settings.read_s_max)
        if read.future.done():
            return read.take()
        if not read.is_late:
            read.is_late = True
            self._judge(TimeoutError(errno.ETIMEDOUT, "reads take too long"))
        return None

    def _begin(self, entry_id: EntryId, identity: Identity) -> _Read:
        self._counts.thread_reads += 1
        place = self._opened.find(entry_id)
        work = functools.partial(
            _read_in_thread,
            self._opened.folder,
            self._opened.listing,
            place,
            entry_id,
            identity,
            self._arena,
        )
        read = _Read(self._threads.run(work), self._arena)
        self._under_way[entry_id, identity] = read

        def settle(future: "asyncio.Future[_Found]") -> None:
            del self._under_way[entry_id, identity]
            read.entry = self._take_found(identity, future.result())

        read.future.add_done_callback(settle)
        return read

    def _take_found(self, identity: Identity, found: _Found) -> Entry | None:
        if found.error is not None and found.place is not None:
            self._take_error(found.place, found.error)
            return None
        if found.place is None or found.read is None:
            self._counts.misses += 1
            if found.error is not None:
                self._judge(found.error)
            return None
        return self._take(found.place, identity, found.read, found.checked)

    def _take(
        self, place: Place, identity: Identity, read: ReadFile, checked: int | Flaw
    ) -> Entry | None:
        if checked is Flaw.OTHER:
            self._counts.collisions += 1
            return None
        # A number from the future: of a purge that was lost, so what came after cannot be told.
        if isinstance(checked, Flaw) or checked > self._newest_purge():
            self._counts.damaged += 1
            self._opened.forget(place)
            return None
        if not self._opened.touch(place.entry_id):
            self._counts.misses += 1  # It was removed while it was read.
            return None
        self._counts.hits += 1
        if place.kind is Kind.SLICE:
            file = VerifiedFile(
                read.file,
                offset=len(read.head),
                length=len(read.content),
                entry_id=place.entry_id,
                identity=identity,
                sequence=checked,
                allow=self._may_be_sent,
            )
            self._opened.verified.hold(file)
        return Entry(checked, read.content)

    def _read_pending(self, job: WriteJob, identity: Identity) -> Entry | None:
        if job.identity != identity:
            self._counts.collisions += 1
            return None
        self._counts.hits += 1
        return Entry(job.sequence, self._arena.copy(job.content))

    def _take_error(self, place: Place, error: OSError) -> None:
        if error.errno in _NO_FILE:
            self._counts.damaged += 1
            self._opened.forget(place)
            return
        self._counts.misses += 1
        if error.errno not in OUR_LIMITS:
            self._opened.forget(place)
        else:
            self._opened.verified.clear()
        self._judge(error)


def _read(
    folder: DiskFolder, place: Place, identity: Identity, *, arena: Arena, is_at_once: bool
) -> ReadFile:
    take: Take = arena.take if place.kind is Kind.SLICE else Content
    return folder.read(place, len(identity), is_at_once=is_at_once, take=take)


def _read_in_thread(
    folder: DiskFolder,
    listing: FolderListing | None,
    place: Place | WouldBlock | None,
    entry_id: EntryId,
    identity: Identity,
    arena: Arena,
) -> _Found:
    known = place if isinstance(place, Place) else None
    try:
        if known is None and listing is not None:
            known = listing.find_now(entry_id)
        if known is None:
            return _Found(None)
        read = _read(folder, known, identity, arena=arena, is_at_once=False)
    except OSError as error:
        return _Found(known, error=error)
    return _Found(known, check_file(entry_id, identity, *read[:2]), read)
