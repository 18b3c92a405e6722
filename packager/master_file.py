"""A master as a file: opened only if it is a regular one, and its failures told as its own."""

import hashlib
import io
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from typing_extensions import Buffer, override

from packager.errors import MasterChangedError, MasterError, MasterUnreadableError

_HASH_BYTES: Final = 1 << 20
_BUFFER_BYTES: Final = 1 << 18


class _MasterFile(io.FileIO):
    """Tells failures of the master apart from those of what is written beside it."""

    @override
    def readinto(self, buffer: Buffer, /) -> int | None:
        try:
            return super().readinto(buffer)
        except OSError as error:
            raise MasterUnreadableError(f"reading it failed: {error.strerror}") from error


@contextmanager
def open_regular_file(path: Path) -> Iterator[tuple[BinaryIO, int]]:
    """Open a master for reading; yields the file and its size.

    Raises:
        MasterUnreadableError: it cannot be opened or, later, read; or it is a folder, a pipe or a
            device.
        MasterChangedError: it was written to meanwhile: whatever was read of it is two files. A
            name that was given to another file is not noticed and does no harm.
    """
    try:
        # A pipe would block here for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise MasterUnreadableError(f"the file cannot be opened: {reason}") from error
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise MasterUnreadableError("the path is not that of a regular file")
    with io.BufferedReader(_MasterFile(descriptor), _BUFFER_BYTES) as file:
        try:
            yield file, status.st_size
        except MasterError as error:
            if _is_changed(descriptor, status):
                raise MasterChangedError from error
            raise
        if _is_changed(descriptor, status):
            raise MasterChangedError


def _is_changed(descriptor: int, before: os.stat_result) -> bool:
    now = os.fstat(descriptor)
    return (now.st_size, now.st_mtime_ns) != (before.st_size, before.st_mtime_ns)


def hash_file(file: BinaryIO, on_bytes: Callable[[float], None]) -> bytes:
    """SHA-256 of a file's bytes; `on_bytes` is told how many are done."""
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(_HASH_BYTES))
    file.seek(0)
    done = 0
    while count := file.readinto(buffer):  # type: ignore[attr-defined]
        digest.update(buffer[:count])
        done += count
        on_bytes(done)
    return digest.digest()
