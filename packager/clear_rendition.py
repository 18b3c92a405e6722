"""A packaged file in the clear, packet by packet, for whoever has its key. Reads a local file."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from packager.fmp4_reader import FragmentReader
from packager.renditions import Container
from packager.sealing import unseal
from packager.seek_index import RenditionFacts
from packager.tagged_file import ClearRendition

_CHUNK_BYTES: Final = 1 << 18


@contextlib.contextmanager
def open_clear(path: Path, facts: RenditionFacts, key: bytes) -> Iterator[ClearRendition]:
    """Open a packaged file.

    Args:
        path: the protected file.
        facts: of it.
        key: the content key.

    Raises:
        FormatError: it is not what its facts say; later ones are raised while packets are read.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        if facts.container is Container.OGG:
            yield ClearRendition(facts, b"", _unsealed(file, facts, key))
            return
        seek = facts.seek
        file.seek(seek.init_offset)
        reader = FragmentReader(file.read(seek.init_bytes), key)
        yield ClearRendition(facts, reader.header.config, _packets(file, facts, reader))


def _unsealed(file: BinaryIO, facts: RenditionFacts, key: bytes) -> Iterator[bytes]:
    iv, offset = bytes.fromhex(facts.iv), 0
    while chunk := file.read(_CHUNK_BYTES):
        yield unseal(key, iv, offset, chunk)
        offset += len(chunk)


def _packets(file: BinaryIO, facts: RenditionFacts, reader: FragmentReader) -> Iterator[bytes]:
    for segment in facts.seek.segments:
        file.seek(segment.offset)
        yield from (sample.data for sample in reader.samples(file.read(segment.bytes)))
