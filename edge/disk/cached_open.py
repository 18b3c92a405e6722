"""Opening a file only if the kernel knows it already, so that an event loop may do it.

`open` has to read folders and inodes from the disk that are not in memory. `openat2` with
RESOLVE_CACHED (Linux 5.12) gives up instead, and with RESOLVE_NO_SYMLINKS it follows no link in any
part of the path. Elsewhere it is always "not known", and a thread opens the file.
"""

import ctypes
import errno
import os
import struct
import sys
from typing import Final

# The same on all architectures: linux/include/uapi/asm-generic/unistd.h
_SYS_OPENAT2: Final = 437
# include/uapi/linux/openat2.h
_RESOLVE_NO_SYMLINKS: Final = 0x04
_RESOLVE_BENEATH: Final = 0x08
_RESOLVE_CACHED: Final = 0x20

# What lies in the place of a file must neither be followed nor waited for.
READ_FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK

_HOW: Final = struct.pack(
    "=QQQ", READ_FLAGS, 0, _RESOLVE_NO_SYMLINKS | _RESOLVE_BENEATH | _RESOLVE_CACHED
)

# Old kernels, and sandboxes that know no such call.
_NO_SUCH_CALL: Final = {errno.ENOSYS, errno.EPERM, errno.EINVAL}


def open_if_cached(path: str, *, folder_fd: int) -> int:
    """Open a file below a folder for reading.

    Raises:
        BlockingIOError: the disk would have to be asked.
        OSError: as `os.open`.
    """
    if sys.platform != "linux":
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    fd = _openat2(folder_fd, path.encode(), _HOW)
    if fd >= 0:
        return fd
    number = ctypes.get_errno()
    if number in _NO_SUCH_CALL:
        number = errno.EAGAIN
    raise OSError(number, os.strerror(number))


def _openat2(folder_fd: int, path: bytes, how: bytes) -> int:
    number: int = _SYSCALL(_SYS_OPENAT2, folder_fd, path, how, len(how))
    return number


_SYSCALL = ctypes.CDLL(None, use_errno=True).syscall
_SYSCALL.argtypes = (
    ctypes.c_long,
    ctypes.c_int,
    ctypes.c_char_p,
    ctypes.c_char_p,
    ctypes.c_size_t,
)
_SYSCALL.restype = ctypes.c_long
