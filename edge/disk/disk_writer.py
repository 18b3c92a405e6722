"""The thread that writes to one folder of the disk tier, and removes from it.

What changes a folder's files is done here, in one order: so a file is never removed that was
written after it was given up. Victims go one for one with what takes their place; what is removed
for other reasons goes a few at a time between writes, and slowly while there is nothing to write,
because file systems take a mass of removals ill.
"""

import contextlib
import errno
import os
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from typing_extensions import Buffer

from edge.disk.disk_folder import DiskFolder
from edge.disk.entry_file import Kind, Place, encode_head

# Removals that go with each write, and how long one takes its time while nothing is written.
_REMOVALS_PER_WRITE: Final = 4
_REMOVAL_PAUSE_S: Final = 0.002

# What a queued write takes beside its content.
_JOB_BYTES: Final = 1024


@dataclass(slots=True, eq=False)
class WriteJob:
    """An entry to be written.

    Attributes:
        place: of its file.
        identity: of what it holds.
        content: of the entry; nobody changes it.
        sequence: the newest purge when its fill began.
        kind: of the entry.
        victims: paths of files that make room for it.
        is_void: it need not be written any more.
    """

    place: Place
    identity: bytes = field(repr=False)
    content: Buffer = field(repr=False)
    sequence: int
    kind: Kind
    victims: list[str] = field(default_factory=list)
    is_void: bool = False

    @property
    def queued_bytes(self) -> int:
        """What it takes while it waits."""
        return self.place.file_bytes + _JOB_BYTES


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of work.

    Attributes:
        job: that was done; None if it was a removal.
        error: why it failed, None if it did not.
        is_written: the file is there.
    """

    job: WriteJob | None
    error: OSError | None = None
    is_written: bool = False


class DiskWriter:
    """Writes to a folder in a thread of its own. Used on the event loop's thread.

    Args:
        folder: that is written to.
        tell: called with every outcome, in the thread.
        min_free_bytes: the disk counts as full when it has no more than this left.
        is_durable: wait for the disk with each file.
    """

    def __init__(
        self,
        folder: DiskFolder,
        tell: Callable[[Outcome], None],
        *,
        min_free_bytes: int,
        is_durable: bool,
    ) -> None:
        self._folder = folder
        self._tell = tell
        self._min_free_bytes = min_free_bytes
        self._is_durable = is_durable
        self._changed = threading.Condition()
        self._jobs: deque[WriteJob] = deque()
        self._removals: OrderedDict[str, None] = OrderedDict()
        self._old: Iterator[None] | None = None
        self._is_ending = False
        self._is_stopped = False
        self._thread = threading.Thread(
            target=self._work, name=f"disk-writer-{folder.path.name}", daemon=True
        )

    @property
    def removals(self) -> int:
        """Files that are still to be removed."""
        return len(self._removals)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def write(self, job: WriteJob) -> None:
        """Write an entry when its turn comes. A removal of its path that waits is not needed."""
        with self._changed:
            self._removals.pop(job.place.path, None)
            self._jobs.append(job)
            self._changed.notify()

    def remove(self, path: str) -> None:
        """Remove a file some time."""
        with self._changed:
            self._removals[path] = None
            self._changed.notify()

    def remove_old(self) -> None:
        """Remove what was set aside, bit by bit."""
        with self._changed:
            self._old = self._folder.remove_old()
            self._changed.notify()

    def end(self) -> None:
        """Take no more; what is queued is still written and removed.

        What was to go would be there again after the next start: only names tell what is there.
        """
        with self._changed:
            self._is_ending = True
            self._changed.notify()

    def stop(self) -> None:
        """Do no more than what is under way."""
        self._is_stopped = True
        self.end()

    def join(self, timeout_s: float | None = None) -> bool:
        """Wait for the end of the thread; tell whether it has ended. Blocks."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while (job := self._next()) is not None:
            if isinstance(job, WriteJob):
                self._tell(self._do(job))
            self._remove_some()

    def _next(self) -> WriteJob | bool | None:
        """A job; True if there is only something to remove; None at the end."""
        with self._changed:
            while not self._is_stopped:
                if self._jobs:
                    return self._jobs.popleft()
                if self._is_ending:
                    return True if self._removals else None
                has_removals = bool(self._removals) or self._old is not None
                self._changed.wait(_REMOVAL_PAUSE_S if has_removals else None)
                if has_removals and not self._jobs:
                    return True
            return None

    def _do(self, job: WriteJob) -> Outcome:
        for path in job.victims:
            self._remove(path)
        if job.is_void:
            return Outcome(job)
        try:
            self._write(job)
        except OSError as error:
            return Outcome(job, error)
        return Outcome(job, is_written=True)

    def _write(self, job: WriteJob) -> None:
        if self._folder.free_bytes() < self._min_free_bytes + job.place.file_bytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        head = encode_head(
            job.place.entry_id, job.identity, job.content, sequence=job.sequence, kind=job.kind
        )
        self._folder.write(job.place, head, job.content, is_durable=self._is_durable)

    def _remove(self, path: str) -> None:
        try:
            self._folder.remove(path)
        except OSError as error:
            self._tell(Outcome(None, error))

    def _remove_some(self) -> None:
        for _ in range(_REMOVALS_PER_WRITE if self._jobs else 1):
            if self._removals:
                with contextlib.suppress(KeyError):  # It was taken back meanwhile.
                    self._remove(self._removals.popitem(last=False)[0])
            elif self._old is not None:
                self._remove_old_one(self._old)

    def _remove_old_one(self, old: Iterator[None]) -> None:
        try:
            if next(old, self) is self:
                self._old = None
        except OSError as error:
            self._old = None
            self._tell(Outcome(None, error))


def error_name(error: OSError) -> str:
    """A short stable name for counting: `enospc`."""
    return errno.errorcode.get(error.errno or 0, "other").lower()


def error_text(error: OSError) -> str:
    """What went wrong, for people."""
    return error.strerror or str(error)
