"""The file that keeps the order of last use over a restart. No I/O.

    magic version, then id, size and kind of each entry from the least to the most recently
    used, then xxh3 over all of it

It says nothing of what there is: that the names in the folder say. So an old one, or none, costs
order and never content, and no journal has to be kept beside it.
"""

import struct
from collections.abc import Iterable, Iterator
from typing import Final

from xxhash import xxh3_64, xxh3_64_intdigest

from edge.disk.disk_index import RECORD_BYTES

_MAGIC: Final = b"ATTi"
_VERSION: Final = 1
_HEADER: Final = struct.Struct("<4sI")
_CHECKSUM: Final = struct.Struct("<Q")

_RECORDS_PER_PIECE: Final = 1024


def encode_snapshot(records: Iterable[bytes]) -> Iterator[bytes]:
    """The file, in pieces.

    Args:
        records: see `DiskIndex.records_by_use`.
    """
    header = _HEADER.pack(_MAGIC, _VERSION)
    digest = xxh3_64(header)
    yield header
    piece: list[bytes] = []
    for record in records:
        piece.append(record)
        if len(piece) == _RECORDS_PER_PIECE:
            data = b"".join(piece)
            digest.update(data)
            yield data
            piece.clear()
    data = b"".join(piece)
    digest.update(data)
    yield data
    yield _CHECKSUM.pack(digest.intdigest())


def decode_snapshot(data: bytes) -> Iterator[bytes] | None:
    """The records of a file; None if it is not whole."""
    body = memoryview(data)[: -_CHECKSUM.size]
    if len(data) < _HEADER.size + _CHECKSUM.size:
        return None
    (checksum,) = _CHECKSUM.unpack_from(data, len(body))
    is_ours = _HEADER.unpack_from(data) == (_MAGIC, _VERSION)
    is_even = (len(body) - _HEADER.size) % RECORD_BYTES == 0
    if not is_ours or not is_even or xxh3_64_intdigest(body) != checksum:
        return None
    return (
        data[start : start + RECORD_BYTES] for start in range(_HEADER.size, len(body), RECORD_BYTES)
    )
