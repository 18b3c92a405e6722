"""Memory for slices that the kernel can send without a copy: slots of one file in memory.

The file is sparse and mapped once, so a slot costs what was written to it. Content is written with
`pwrite`: pages come without being zeroed or faulted in first (measured: 71 microseconds for a new
slot of 256 KiB, 110 to 140 through the mapping), and a machine without memory says so by an error
and not by a signal. It is read through the mapping, or sent by `os.sendfile` from the file.

`os.sendfile` lends pages to the kernel, which may send them much later: whatever is written to them
meanwhile is sent. Nobody is told when the kernel has let go. So the pages of a slot that was lent
are given up when nobody holds it any more: those on their way stay with the kernel alone, and the
slot gets others.
"""

import contextlib
import ctypes
import logging
import mmap
import os
import sys
from collections import deque
from pathlib import Path
from typing import Final

from typing_extensions import Buffer, override

from edge.content import Content, SliceContent, Slot, content_of, holder_of, slot_type_of

logger = logging.getLogger(__name__)

# Shorter content is sent as fast by a copy, and would waste more of its last page.
ARENA_CONTENT_BYTES_MIN: Final = 32 << 10

# Slots for so many times the bytes, since not all content fills its slot; the rest costs addresses.
_SPREAD: Final = 8

_BLOCK_BYTES: Final = 512  # What `st_blocks` counts in.

# Slots that keep their pages while nobody uses them: one part in so many of the memory.
_KEPT_SHARE: Final = 32


class Arena:
    """Hands out memory for content. This one takes it from the allocator.

    Attributes:
        fd: of the file that content stands in; -1 without one.
    """

    def __init__(self) -> None:
        self.fd = -1

    def close(self) -> None:
        """Hand out no more from a file. What is held stays."""

    def take(self, length: int) -> SliceContent:
        """Memory for content, to be filled by `lay`; it may hold anything before.

        It is its holder's alone until nobody holds it, or a view of it, any more.
        """
        return Content(length)

    def lay(self, content: SliceContent, start: int, data: Buffer) -> None:
        """Write into memory that was taken here.

        Raises:
            OSError: the machine has no memory.
        """
        view = memoryview(data)
        content[start : start + view.nbytes] = view

    def copy(self, content: Buffer) -> SliceContent:
        """Memory of its own with the same content."""
        copied = self.take(memoryview(content).nbytes)
        self.lay(copied, 0, content)
        return copied

    def cut(self, content: SliceContent, length: int) -> SliceContent:
        """Content that has turned out shorter. What held the rest of it is no longer to be used."""
        return Content(memoryview(content)[:length])


class FileArena(Arena):
    """Hands out slots of a file in memory; they may be let go of in any thread.

    Args:
        bytes_max: what content will take at most.
        slot_bytes: what a piece of content takes at most; longer ones come from the allocator, as
            do short ones, and those for which no slot is left.

    Raises:
        OSError: there is no such file here, or a limit is in its way.
    """

    def __init__(self, *, bytes_max: int, slot_bytes: int) -> None:
        super().__init__()
        self._slot_bytes = -(-slot_bytes // mmap.PAGESIZE) * mmap.PAGESIZE
        slots = max(1, bytes_max * _SPREAD // self._slot_bytes)
        fd = os.memfd_create("attacca-slices", os.MFD_CLOEXEC)
        try:
            os.ftruncate(fd, slots * self._slot_bytes)
            self._map = mmap.mmap(fd, slots * self._slot_bytes)
            # A child that was forked could only do harm with it.
            self._map.madvise(mmap.MADV_DONTFORK)
            # Nobody is to join pages of several slots; some kernels never do.
            with contextlib.suppress(OSError):
                self._map.madvise(mmap.MADV_NOHUGEPAGE)
            _check_pages(fd, self._map, self._slot_bytes)
        except BaseException:
            os.close(fd)
            raise
        self.fd = fd
        self._owner_pid = os.getpid()
        self._slot_type = slot_type_of(self._slot_bytes)
        self._address = ctypes.addressof(ctypes.c_ubyte.from_buffer(self._map))
        self._new = iter(range(0, slots * self._slot_bytes, self._slot_bytes))
        self._empty: deque[int] = deque()
        self._kept: deque[int] = deque()
        self._kept_max = max(1, bytes_max // _KEPT_SHARE // self._slot_bytes)
        self._let_go_of = self._let_go  # One for all slots.

    @override
    def close(self) -> None:
        os.close(self.fd)
        self.fd = -1

    @override
    def take(self, length: int) -> SliceContent:
        if not ARENA_CONTENT_BYTES_MIN <= length <= self._slot_bytes or self.fd < 0:
            return Content(length)
        offset = self._take_offset(length)
        if offset is None:
            return Content(length)
        slot = self._slot_type.from_address(self._address + offset)  # type: ignore[attr-defined]
        slot.offset, slot.length, slot.is_lent = offset, length, False
        slot.let_go = self._let_go_of
        return content_of(slot)

    @override
    def lay(self, content: SliceContent, start: int, data: Buffer) -> None:
        holder = holder_of(content)
        if not isinstance(holder, Slot):
            super().lay(content, start, data)
            return
        rest, position = memoryview(data), holder.offset + start
        while rest:
            written = os.pwrite(self.fd, rest, position)
            rest = rest[written:]
            position += written

    @override
    def cut(self, content: SliceContent, length: int) -> SliceContent:
        holder = holder_of(content)
        if not isinstance(holder, Slot) or length < ARENA_CONTENT_BYTES_MIN:
            return super().cut(content, length)
        holder.shorten(length)
        return content_of(holder)

    def _take_offset(self, length: int) -> int | None:
        # Only a slot that will be full again has use for all the pages that one has kept.
        if length == self._slot_bytes:
            try:
                return self._kept.pop()
            except IndexError:
                pass
        try:
            return self._empty.pop()
        except IndexError:
            return next(self._new, None)

    def _let_go(self, slot: Slot) -> None:
        if os.getpid() != self._owner_pid:
            return  # The file is the parent's, and its slots are in use.
        is_full = slot.length == self._slot_bytes
        if is_full and not slot.is_lent and len(self._kept) < self._kept_max:
            self._kept.append(slot.offset)
            return
        self._map.madvise(mmap.MADV_REMOVE, slot.offset, self._slot_bytes)
        self._empty.append(slot.offset)


def _may_have_huge_pages() -> bool:
    """Whether the kernel was told to give files in memory larger pages, if it has some to give."""
    try:
        told = Path("/sys/kernel/mm/transparent_hugepage/shmem_enabled").read_text()
    except OSError:
        return False
    return not any(f"[{word}]" in told for word in ("never", "deny", "advise"))


def _check_pages(fd: int, mapped: mmap.mmap, slot_bytes: int) -> None:
    """See that a slot is given up without the next one: that pages are not larger than slots.

    Of a huge page the kernel overwrites what is given up, even if it is just being sent.

    Raises:
        OSError: slots cannot be given up here.
    """
    if _may_have_huge_pages():
        raise OSError("files in memory may have huge pages here")
    for number in range(min(2, len(mapped) // slot_bytes)):
        os.pwrite(fd, bytes(slot_bytes), number * slot_bytes)
        is_alone = os.fstat(fd).st_blocks * _BLOCK_BYTES == slot_bytes
        mapped.madvise(mmap.MADV_REMOVE, number * slot_bytes, slot_bytes)
        if not is_alone or os.fstat(fd).st_blocks:
            raise OSError("pages of files in memory are larger than slices")


def open_arena(*, bytes_max: int, slot_bytes: int) -> Arena:
    """The best arena that this machine has; see `FileArena`."""
    if sys.platform != "linux" or slot_bytes < ARENA_CONTENT_BYTES_MIN:
        return Arena()
    try:
        return FileArena(bytes_max=bytes_max, slot_bytes=slot_bytes)
    except (OSError, ValueError, OverflowError) as error:
        logger.warning("slices are kept without a file", extra={"reason": str(error)})
        return Arena()
