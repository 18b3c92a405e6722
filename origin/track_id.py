"""Names of tracks and albums. They follow from content, so the same input has the same name."""

import hashlib
from typing import Final

from drm.base62 import encode_base62, is_base62_of_128_bits

_ID_BYTES: Final = 16


def track_id_of(master_sha256: str) -> str:
    """Name of the track whose master has this SHA-256 (64 hexadecimal digits)."""
    digest = bytes.fromhex(master_sha256)
    assert len(digest) == hashlib.sha256().digest_size
    return encode_base62(digest[:_ID_BYTES])


def album_id_of(*, artist: str, title: str, label: str = "") -> str:
    """Name of a label's album with this album artist and title; case does not matter.

    What a label names like the album of another is an album of its own. Each part goes in with its
    length in front, so that no two run into one.
    """
    digest = hashlib.sha256()
    for part in (artist, title, label) if label else (artist, title):
        data = part.casefold().encode()
        digest.update(len(data).to_bytes(4, "big") + data)
    return encode_base62(digest.digest()[:_ID_BYTES])


def is_id(text: str) -> bool:
    """Whether `text` can be the name of a track or an album."""
    return is_base62_of_128_bits(text)
