"""A file as FFmpeg may see it: up to a position, and with no seek that raises."""

import errno
import os
from typing import BinaryIO

_NOWHERE = -errno.EINVAL


class FilePart:
    """Reads a file up to a position. It stays the caller's.

    Damaged headers send demuxers to positions that no file has. An exception of ours in their seek
    would come out as that, whatever they make of it; a negative number is an error of theirs.

    Args:
        file: seekable.
        end: where it shall end; not behind its own end.
    """

    def __init__(self, file: BinaryIO, end: int) -> None:
        self._file = file
        self._end = end
        self._position = 0

    def read(self, count: int = -1, /) -> bytes:
        """The next bytes, as many as there are up to `count`."""
        left = max(0, self._end - self._position)
        wanted = left if count < 0 else min(count, left)
        if not wanted:
            return b""
        self._file.seek(self._position)
        data = self._file.read(wanted)
        self._position += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go to a position, even behind the end, and tell it; negative where there is none."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._end}
        if whence not in start or start[whence] + offset < 0:
            return _NOWHERE
        self._position = start[whence] + offset
        return self._position

    def tell(self) -> int:
        """The position."""
        return self._position
