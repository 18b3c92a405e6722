"""Texts of WAV and AIFF files from before ID3 was put into them.

In WAV, the INFO list is a `LIST` chunk of type `INFO` with a chunk for each value. In AIFF, the
values are chunks of the file itself.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from packager.iff_chunks import read_chunks

_HEADER: Final = struct.Struct("<4sI")

_INFO_BYTES_MAX: Final = 1 << 20
_CHUNKS_MAX: Final = 1000

_INFO_NAMES: Final = {
    b"INAM": "title",
    b"IART": "artist",
    b"IPRD": "album",
    b"ITRK": "tracknumber",
    b"IPRT": "tracknumber",
    b"ICRD": "date",
    b"ISRC": "isrc",
    b"IGNR": "genre",
    b"ICOP": "copyright",
    b"IMUS": "composer",
    b"ILNG": "language",
}
_AIFF_NAMES: Final = {b"NAME": "title", b"AUTH": "artist", b"(c) ": "copyright"}


def read_riff_info(path: Path) -> dict[str, list[str | bytes]]:
    """Texts of a WAV or AIFF file by our names, their encoding unknown; empty if there is none.

    `ISRC` holds the source of a recording in old files and the code in new ones; what is no code
    falls out later.
    """
    values: dict[str, list[str | bytes]] = {}
    with path.open("rb") as file:
        for name, data in _named(file):
            values.setdefault(name, []).append(data.split(b"\0", 1)[0])
    return values


def _named(file: BinaryIO) -> Iterator[tuple[str, bytes]]:
    left = _INFO_BYTES_MAX
    for chunk in read_chunks(file):
        if chunk.fourcc in _AIFF_NAMES:
            file.seek(chunk.offset)
            data = file.read(min(chunk.bytes, left))
            left -= len(data)
            yield _AIFF_NAMES[chunk.fourcc], data
        elif chunk.fourcc == b"LIST":
            file.seek(chunk.offset)
            content = file.read(min(chunk.bytes, _INFO_BYTES_MAX))
            if content.startswith(b"INFO"):
                yield from _info_values(content[4:])
                return


def _info_values(content: bytes) -> Iterator[tuple[str, bytes]]:
    position = 0
    for _ in range(_CHUNKS_MAX):
        if position + _HEADER.size > len(content):
            return
        fourcc, size = _HEADER.unpack_from(content, position)
        position += _HEADER.size
        if fourcc in _INFO_NAMES:
            yield _INFO_NAMES[fourcc], content[position : position + size]
        position += size + size % 2
