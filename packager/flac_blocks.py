"""Metadata blocks of a FLAC file (RFC 9639 section 8.1), found without reading them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

VORBIS_COMMENT: Final = 4
PICTURE: Final = 6

BLOCKS_MAX: Final = 2_000

_MARKER: Final = b"fLaC"
_LAST: Final = 0x80
_HEADER_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class FlacBlock:
    """A metadata block.

    Attributes:
        kind: its type.
        offset: of its content in the file.
        bytes: of its content.
    """

    kind: int
    offset: int
    bytes: int


def read_flac_blocks(file: BinaryIO) -> Iterator[FlacBlock]:
    """The first `BLOCKS_MAX` blocks of a FLAC file; none of another file.

    The caller may move the file's position.
    """
    file.seek(0)
    if file.read(len(_MARKER)) != _MARKER:
        return
    position = len(_MARKER)
    for _ in range(BLOCKS_MAX):
        file.seek(position)
        header = file.read(_HEADER_BYTES)
        if len(header) < _HEADER_BYTES:
            return
        block = FlacBlock(
            kind=header[0] & ~_LAST,
            offset=position + _HEADER_BYTES,
            bytes=int.from_bytes(header[1:], "big"),
        )
        yield block
        if header[0] & _LAST:
            return
        position = block.offset + block.bytes
