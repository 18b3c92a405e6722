"""Chunks of RIFF (WAV) and IFF (AIFF): four characters, a length, content, padding to even."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

CHUNKS_MAX: Final = 1000

_HEADER_BYTES: Final = 12
_LITTLE: Final = struct.Struct("<4sI")
_BIG: Final = struct.Struct(">4sI")
_HEADERS: Final = {
    (b"RIFF", b"WAVE"): _LITTLE,
    (b"RF64", b"WAVE"): _LITTLE,
    (b"FORM", b"AIFF"): _BIG,
    (b"FORM", b"AIFC"): _BIG,
}


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk of a file.

    Attributes:
        fourcc: its type.
        offset: of its content in the file.
        bytes: of its content, as its header says.
    """

    fourcc: bytes
    offset: int
    bytes: int


def read_chunks(file: BinaryIO) -> Iterator[Chunk]:
    """The first `CHUNKS_MAX` chunks of a WAV or AIFF file; none of another file.

    The caller may move the file's position.
    """
    file.seek(0)
    head = file.read(_HEADER_BYTES)
    header = _HEADERS.get((head[:4], head[8:]))
    position = _HEADER_BYTES
    for _ in range(CHUNKS_MAX):
        file.seek(position)
        data = file.read(_LITTLE.size)
        if header is None or len(data) < header.size:
            return
        fourcc, size = header.unpack(data)
        yield Chunk(fourcc, position + header.size, size)
        position += header.size + size + size % 2
