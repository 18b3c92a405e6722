"""Whether the kernel has bytes of a file in memory, without waiting for those that it has not.

`cachestat` (Linux 6.5) counts pages, also those that are just being read; whether one has been
read, an attempt to read it tells. Elsewhere nothing is known to be in memory.
"""

import ctypes
import errno
import mmap
import os
import sys
from typing import Final

# The same on all architectures: linux/include/uapi/asm-generic/unistd.h
_SYS_CACHESTAT: Final = 451

_syscall = ctypes.CDLL(None, use_errno=True).syscall


class PageCache:
    """Asks the kernel. Used in one thread."""

    def __init__(self) -> None:
        self._range = (ctypes.c_uint64 * 2)()  # struct cachestat_range: offset, length
        self._counts = (ctypes.c_uint64 * 5)()  # struct cachestat: pages in memory, dirty, …
        self._references = ctypes.byref(self._range), ctypes.byref(self._counts)
        self._byte = [bytearray(1)]

    def can_tell(self) -> bool:
        """Whether this kernel can be asked at all."""
        if sys.platform != "linux":
            return False
        _syscall(_SYS_CACHESTAT, -1, *self._references, 0)
        return ctypes.get_errno() == errno.EBADF

    def has(self, fd: int, start: int, stop: int) -> bool:
        """Whether bytes `[start, stop)` of a file are known to be in memory, or just coming."""
        self._range[0], self._range[1] = start, stop - start
        if _syscall(_SYS_CACHESTAT, fd, *self._references, 0):
            return False
        pages = (stop - 1) // mmap.PAGESIZE - start // mmap.PAGESIZE + 1
        return self._counts[0] == pages

    def has_read(self, fd: int, position: int) -> bool:
        """Whether a byte of a file is in memory."""
        try:
            return os.preadv(fd, self._byte, position, os.RWF_NOWAIT) == 1
        except OSError:
            return False
