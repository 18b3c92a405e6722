"""Reads fields of a binary structure one after another, never past its end."""

from packager.format_error import FormatError


class ByteCursor:
    """A position in the bytes of one structure, which is named in the error."""

    def __init__(self, data: bytes, name: str) -> None:
        self._data = data
        self._name = name
        self._position = 0

    @property
    def remaining(self) -> int:
        """Bytes that have not been taken yet."""
        return len(self._data) - self._position

    def take(self, size: int) -> bytes:
        """The next `size` bytes.

        Raises:
            FormatError: there are fewer.
        """
        if size > self.remaining:
            raise FormatError(f"`{self._name}` ends within its fields")
        self._position += size
        return self._data[self._position - size : self._position]

    def integer(self, size: int) -> int:
        """The next `size` bytes as an unsigned integer, the most significant byte first.

        Raises:
            FormatError: there are fewer.
        """
        return int.from_bytes(self.take(size), "big")

    def rest(self) -> bytes:
        """All bytes that are left."""
        return self.take(self.remaining)
