"""The beginning of a file as if there was no more of it."""

import os
from typing import BinaryIO


class FilePart:
    """Reads a file up to a position. It stays the caller's.

    Args:
        file: seekable.
        end: where it shall end; not behind its own end.
    """

    def __init__(self, file: BinaryIO, end: int) -> None:
        self._file = file
        self._end = end

    def read(self, count: int = -1, /) -> bytes:
        """The next bytes, as many as there are up to `count`."""
        left = max(0, self._end - self._file.tell())
        return self._file.read(left if count < 0 else min(count, left))

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go to a position, and tell it."""
        if whence == os.SEEK_END:
            return self._file.seek(self._end + offset)
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """The position."""
        return self._file.tell()
