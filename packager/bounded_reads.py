"""A file that hands out so many bytes and no more, for libraries that read what a header says."""

from typing import BinaryIO


class BoundedReads:
    """The reading half of a file, with a limit to the sum of its reads.

    Args:
        file: to read from.
        bytes_max: altogether; the read that would exceed it raises OSError.
    """

    def __init__(self, file: BinaryIO, *, bytes_max: int) -> None:
        self._file = file
        self._left = bytes_max

    @property
    def is_exhausted(self) -> bool:
        """Whether a read was refused."""
        return self._left < 0

    def read(self, size: int = -1) -> bytes:
        """Read like a file."""
        wanted = self._left + 1 if size < 0 else min(size, max(self._left, 0) + 1)
        data = self._file.read(wanted)
        self._left -= len(data)
        if self._left < 0:
            raise OSError("more is read than was expected")
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """Seek like a file."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Tell like a file."""
        return self._file.tell()
