"""Files of entries that were verified, held open: a hit goes from there to the listener.

What was verified is what the kernel has in memory, as long as it stays there and nobody touches the
file. Once it had to leave memory the file is read again, and verified.
"""

import math
import os
import resource
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from edge.content import Content, SliceContent
from edge.disk.entry_file import EntryId, Identity
from edge.disk.page_cache import PageCache
from edge.disk.settings import DiskSettings

# Shorter content is sent as fast from the memory tier.
HELD_CONTENT_BYTES_MIN: Final = 32 << 10

# Most descriptors are for listeners: one part in so many may be for files.
_DESCRIPTORS_SHARE: Final = 8


class OpenFile:
    """A file that is open for as long as anybody holds this.

    Args:
        fd: of the file, which is closed at the end.
    """

    __slots__ = ("_stamp", "fd")

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._stamp = _stamp_of(fd)

    def __del__(self) -> None:
        os.close(self.fd)

    def is_unwritten(self) -> bool:
        """Whether what is in it is still as it was when this was made."""
        return _stamp_of(self.fd)[:2] == self._stamp[:2]

    def is_untouched(self) -> bool:
        """Whether it is still as it was when this was made."""
        return _stamp_of(self.fd) == self._stamp


@dataclass(slots=True, eq=False, weakref_slot=True)
class VerifiedFile:
    """A slice in a file. Whoever sends from it keeps it open.

    Attributes:
        file: that it is in.
        offset: of its content in the file.
        length: of its content.
        entry_id: of the slice.
        identity: of what it is.
        sequence: the newest purge that it was weighed against.
        allow: see `may_be_sent`.
        take: gives memory for what is copied.
        looked_s: when the file was last looked at, in seconds.
        is_held: it is still that of its entry.
    """

    file: OpenFile = field(repr=False)
    offset: int
    length: int
    entry_id: EntryId = field(repr=False)
    identity: Identity = field(repr=False)
    sequence: int
    allow: "Allow" = field(repr=False)
    take: Callable[[int], SliceContent] = field(default=Content, repr=False)
    looked_s: float = -math.inf
    is_held: bool = True

    @property
    def fd(self) -> int:
        """Of the file."""
        return self.file.fd

    def may_be_sent(self, start: int, stop: int) -> bool:
        """Whether bytes `[start, stop)` may be sent now, and would not be waited for.

        That counts as a use of the entry.
        """
        return self.is_held and self.allow(self, start, stop)

    def check(self) -> None:
        """Look whether the content is still as it was; whether the file has a name does not matter.

        Raises:
            OSError: somebody has written to it, or cut it.
        """
        if not self.file.is_unwritten():
            raise OSError("a file of the disk tier was changed by somebody else")

    def view(self, start: int, stop: int) -> memoryview:
        """A copy of bytes `[start, stop)` of the content, which were in memory a moment ago.

        Raises:
            OSError: they are not there any more, or somebody has written to the file.
        """
        copied = self.take(stop - start)
        os.preadv(self.fd, [copied], self.offset + start)
        self.check()
        return memoryview(copied)


Allow = Callable[[VerifiedFile, int, int], bool]


class VerifiedFiles:
    """Those that were used last.

    Args:
        files_max: how many.
    """

    def __init__(self, files_max: int) -> None:
        self._files_max = files_max
        self._files: OrderedDict[EntryId, VerifiedFile] = OrderedDict()

    def __len__(self) -> int:
        return len(self._files)

    def get(self, entry_id: EntryId) -> VerifiedFile | None:
        """That of an entry."""
        return self._files.get(entry_id)

    def note_use(self, file: VerifiedFile) -> None:
        """One that is held was used."""
        self._files.move_to_end(file.entry_id)

    def hold(self, file: VerifiedFile) -> None:
        """Hold that of an entry, in the place of another one of it."""
        if file.length < HELD_CONTENT_BYTES_MIN or not self._files_max:
            return
        self.drop(file.entry_id)
        self._files[file.entry_id] = file
        if len(self._files) > self._files_max:
            self.drop(next(iter(self._files)))

    def drop(self, entry_id: EntryId) -> None:
        """No longer hold that of an entry."""
        dropped = self._files.pop(entry_id, None)
        if dropped is not None:
            dropped.is_held = False

    def clear(self) -> None:
        """Hold none any more."""
        for entry_id in list(self._files):
            self.drop(entry_id)


def files_max_of(settings: DiskSettings, *, folders: int) -> int:
    """How many each folder may hold open; none where the kernel cannot tell what is in memory."""
    if not PageCache().can_tell():
        return 0
    descriptors_max, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return min(settings.open_files_max, descriptors_max // _DESCRIPTORS_SHARE // folders)


def _stamp_of(fd: int) -> tuple[int, int, int]:
    found = os.fstat(fd)
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns
