"""Content of which any byte can be checked: a function of path, version and offset."""

import functools
import hashlib
from typing import Final

# A prime: no two slices of a size that anyone uses begin at the same place of a block.
BLOCK_BYTES: Final = 65_521


@functools.lru_cache(maxsize=1024)
def _block_of(path: str, version: int) -> bytes:
    return hashlib.shake_128(f"{path} {version}".encode()).digest(BLOCK_BYTES)


def content_of(path: str, version: int, *, start: int, stop: int) -> bytes:
    """The bytes `[start, stop)` of a version of what is at `path`."""
    assert 0 <= start <= stop
    skipped = start % BLOCK_BYTES
    blocks = -(-(skipped + stop - start) // BLOCK_BYTES)
    repeated = _block_of(path, version) * blocks
    return repeated[skipped : skipped + stop - start]


def is_content(received: bytes, path: str, version: int, *, start: int = 0) -> bool:
    """Tell whether `received` is what a version has from `start` on."""
    return received == content_of(path, version, start=start, stop=start + len(received))
