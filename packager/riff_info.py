"""The INFO list of a RIFF file: the tags of WAV from before ID3 was put into it.

RIFF is a row of chunks: four characters, a little-endian length, the content, a byte of padding if
the length is odd. The INFO list is a `LIST` chunk of type `INFO` with a chunk for each value.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

_HEADER: Final = struct.Struct("<4sI")

_INFO_BYTES_MAX: Final = 1 << 20
_CHUNKS_MAX: Final = 1000

_NAMES: Final = {
    b"INAM": "title",
    b"IART": "artist",
    b"IPRD": "album",
    b"ITRK": "tracknumber",
    b"IPRT": "tracknumber",
    b"ICRD": "date",
    b"ISRC": "isrc",
}


def read_riff_info(path: Path) -> dict[str, list[str]]:
    """Values of the INFO list of a WAV file, by our names; empty if there is none.

    `ISRC` holds the source of a recording in old files and the code in new ones; what is no code
    falls out later.
    """
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] not in {b"RIFF", b"RF64"} or head[8:] != b"WAVE":
            return {}
        content = _find_info(file)
    values: dict[str, list[str]] = {}
    for fourcc, data in _chunks(content):
        name = _NAMES.get(fourcc)
        if name is not None:
            values.setdefault(name, []).append(_text_of(data))
    return values


def _find_info(file: BinaryIO) -> bytes:
    for _ in range(_CHUNKS_MAX):
        header = file.read(_HEADER.size)
        if len(header) < _HEADER.size:
            break
        fourcc, size = _HEADER.unpack(header)
        if fourcc == b"LIST" and file.read(4) == b"INFO":
            return file.read(min(size - 4, _INFO_BYTES_MAX)) if size > 4 else b""
        file.seek(size + size % 2 - (4 if fourcc == b"LIST" else 0), 1)
    return b""


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = 0
    while position + _HEADER.size <= len(content):
        fourcc, size = _HEADER.unpack_from(content, position)
        position += _HEADER.size
        yield fourcc, content[position : position + size]
        position += size + size % 2


def _text_of(data: bytes) -> str:
    """The format names no encoding: UTF-8 where it fits, else what Windows wrote."""
    text = data.split(b"\0", 1)[0]
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("cp1252", errors="replace")
