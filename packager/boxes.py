"""ISO BMFF boxes (ISO/IEC 14496-12 section 4.2), written and read. No I/O.

A stream is cut into its top-level boxes as it arrives:

    reader = BoxReader(box_size_max=8 << 20)
    reader.feed(chunk)              # as often as bytes arrive
    for box in reader.boxes(): ...  # those that are complete by now
    reader.close()                  # at the end of the stream
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from packager.format_error import FormatError

HEADER_SIZE: Final = 8

_HEADER: Final = struct.Struct(">I4s")
_LARGE_SIZE: Final = struct.Struct(">Q")
_SIZE32_MAX: Final = (1 << 32) - 1
# In place of a size: the real one follows as 64 bits.
_SIZE_IS_LARGE: Final = 1


class BoxError(FormatError):
    """A box whose size or contents cannot be.

    Attributes:
        offset: of the box, counted from the start of the stream.
    """

    reason = "box"

    def __init__(self, offset: int, problem: str) -> None:
        super().__init__(f"box at byte {offset}: {problem}")
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Box:
    """One box.

    Attributes:
        fourcc: its four-character code, such as `moof`.
        offset: position of its first header byte in the stream.
        payload_offset: position of the first byte after the header.
        payload: its bytes after the header.
    """

    fourcc: bytes
    offset: int
    payload_offset: int
    payload: bytes = field(repr=False)


def encode_box(fourcc: bytes, *payload: bytes) -> bytes:
    """A box around the parts of `payload`."""
    return b"".join((encode_box_header(fourcc, sum(map(len, payload))), *payload))


def encode_full_box(fourcc: bytes, *payload: bytes, version: int = 0, flags: int = 0) -> bytes:
    """A box that begins with a version and 24 bits of flags (ISO/IEC 14496-12 section 4.2)."""
    assert 0 <= version <= 0xFF
    assert 0 <= flags <= 0xFFFFFF
    return encode_box(fourcc, (version << 24 | flags).to_bytes(4, "big"), *payload)


def encode_box_header(fourcc: bytes, payload_size: int) -> bytes:
    """The header of a box whose payload of `payload_size` bytes is written apart."""
    assert len(fourcc) == 4
    size = _HEADER.size + payload_size
    if size <= _SIZE32_MAX:
        return _HEADER.pack(size, fourcc)
    return _HEADER.pack(_SIZE_IS_LARGE, fourcc) + _LARGE_SIZE.pack(size + _LARGE_SIZE.size)


class BoxReader:
    """Cuts a stream into its top-level boxes.

    Whoever drains `boxes` after each `feed` never holds more than one feed and one box of
    `box_size_max` bytes, its header included.
    """

    def __init__(self, *, box_size_max: int) -> None:
        assert box_size_max >= _HEADER.size
        self._box_size_max = box_size_max
        self._buffer = bytearray()
        self._offset = 0

    def feed(self, data: bytes) -> None:
        """Take in the next bytes of the stream."""
        self._buffer += data

    def boxes(self) -> Iterator[Box]:
        """Yield the boxes that are complete.

        Raises:
            BoxError: a box has an impossible size, or one above the limit.
        """
        while (header := self._peek_header()) is not None:
            fourcc, header_size, size = header
            if len(self._buffer) < size:
                return
            payload = bytes(self._buffer[header_size:size])
            box = Box(fourcc, self._offset, self._offset + header_size, payload)
            del self._buffer[:size]
            self._offset += size
            yield box

    def close(self) -> None:
        """Mark the end of the stream.

        Raises:
            BoxError: the stream ends within a box.
        """
        if self._buffer:
            raise BoxError(self._offset, f"the stream ends after {len(self._buffer)} bytes of it")

    def _peek_header(self) -> tuple[bytes, int, int] | None:
        """Four-character code, header size and box size; None until the header is complete."""
        if len(self._buffer) < _HEADER.size:
            return None
        size, fourcc = _HEADER.unpack_from(self._buffer)
        header_size = _HEADER.size
        if size == _SIZE_IS_LARGE:
            header_size += _LARGE_SIZE.size
            if len(self._buffer) < header_size:
                return None
            (size,) = _LARGE_SIZE.unpack_from(self._buffer, _HEADER.size)
        # Size 0, "to the end of the file", is refused as well: nothing here is written so, and in
        # a byte range it has no meaning.
        if size < header_size:
            raise BoxError(self._offset, f"its size of {size} is less than its header")
        if size > self._box_size_max:
            raise BoxError(self._offset, f"its size of {size} is above {self._box_size_max}")
        return fourcc, header_size, size


def split_boxes(data: bytes) -> list[Box]:
    """The boxes that `data`, such as the payload of a container box, consists of.

    Raises:
        BoxError: it does not consist of whole boxes.
    """
    reader = BoxReader(box_size_max=max(len(data), _HEADER.size))
    reader.feed(data)
    boxes = list(reader.boxes())
    reader.close()
    return boxes
