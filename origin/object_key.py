"""Object keys: what is allowed as one, and where the origin keeps what.

masters/{track_id}/{sha256}.{ext}                  as handed in, never touched
tracks/{track_id}.json                             the track's record
renditions/{track_id}/{version}/{rendition}.{ext}  packaged; `.json` is the seek index
albums/{album_id}.json                             the album's record
contexts/{sha256}.f32                              first or last samples of masters
covers/{digest}-{size}.{ext}                       pictures, as they are served
cover-tracks/{digest}/{track_id}.json              that a track has a cover; nothing is in it
fingerprints/{track_id}.bin                        Chromaprint of a master
claims/{name}.json                                 who is doing what
outbox/{id}.json                                   what edges are still to be told
"""

import re
from typing import Final

from origin.errors import ObjectKeyError

TRACKS_PREFIX: Final = "tracks/"
ALBUMS_PREFIX: Final = "albums/"
CLAIMS_PREFIX: Final = "claims/"
CONTEXTS_PREFIX: Final = "contexts/"
COVERS_PREFIX: Final = "covers/"
COVER_TRACKS_PREFIX: Final = "cover-tracks/"
FINGERPRINTS_PREFIX: Final = "fingerprints/"
MASTERS_PREFIX: Final = "masters/"
RENDITIONS_PREFIX: Final = "renditions/"
OUTBOX_PREFIX: Final = "outbox/"

# S3 allows 1024 bytes; a file name 255, of which an adapter may need some for itself.
KEY_LENGTH_MAX: Final = 512
SEGMENT_LENGTH_MAX: Final = 200

# A leading dot is left to adapters; it also keeps "." and ".." out.
_SEGMENT = r"[A-Za-z0-9_-][A-Za-z0-9._-]*"
_KEY: Final = re.compile(rf"{_SEGMENT}(?:/{_SEGMENT})*", re.ASCII)
_PREFIX: Final = re.compile(rf"(?:{_SEGMENT}/)*", re.ASCII)


def check_key(key: str) -> str:
    """Return `key` if it is one.

    Raises:
        ObjectKeyError: it has a character, a length or a segment that is not allowed.
    """
    if len(key) > KEY_LENGTH_MAX or _KEY.fullmatch(key) is None:
        raise ObjectKeyError(f"no object key: {key[:80]!r}")
    if any(len(segment) > SEGMENT_LENGTH_MAX for segment in key.split("/")):
        raise ObjectKeyError(f"a segment of the object key is too long: {key[:80]!r}")
    return key


def check_prefix(prefix: str) -> str:
    """Return `prefix` if keys can begin with it: empty, or whole segments with their slashes.

    Raises:
        ObjectKeyError: they cannot.
    """
    if len(prefix) > KEY_LENGTH_MAX or _PREFIX.fullmatch(prefix) is None:
        raise ObjectKeyError(f"no prefix of object keys: {prefix[:80]!r}")
    return prefix


def master_key(track_id: str, *, sha256: str, extension: str) -> str:
    """Key of a master as it was handed in."""
    return check_key(f"masters/{track_id}/{sha256}.{extension}")


def track_key(track_id: str) -> str:
    """Key of a track's record."""
    return check_key(f"{TRACKS_PREFIX}{track_id}.json")


def album_key(album_id: str) -> str:
    """Key of an album's record."""
    return check_key(f"{ALBUMS_PREFIX}{album_id}.json")


def rendition_key(track_id: str, *, version: str, rendition: str, extension: str) -> str:
    """Key of a packaged rendition, or of its seek index with the extension `json`."""
    return check_key(f"renditions/{track_id}/{version}/{rendition}.{extension}")


def context_key(sha256: str) -> str:
    """Key of the first or last samples of a master."""
    return check_key(f"contexts/{sha256}.f32")


def cover_key(digest: str, *, size: int, extension: str) -> str:
    """Key of a cover in one size."""
    return check_key(f"covers/{digest}-{size}.{extension}")


def cover_tracks_prefix(digest: str) -> str:
    """What the keys of the tracks with a cover begin with."""
    return check_prefix(f"{COVER_TRACKS_PREFIX}{digest}/")


def cover_track_key(digest: str, track_id: str) -> str:
    """Key of the note that a track has a cover."""
    return check_key(f"{cover_tracks_prefix(digest)}{track_id}.json")


def fingerprint_key(track_id: str) -> str:
    """Key of a master's fingerprint: 32-bit numbers, little-endian."""
    return check_key(f"fingerprints/{track_id}.bin")


def claim_key(name: str) -> str:
    """Key of a claim; a name may have several segments."""
    return check_key(f"{CLAIMS_PREFIX}{name}.json")


def parse_claim_key(key: str) -> str | None:
    """The name of the claim with this key; None if it is not that of a claim."""
    is_claim = key.startswith(CLAIMS_PREFIX) and key.endswith(".json")
    return key.removeprefix(CLAIMS_PREFIX).removesuffix(".json") if is_claim else None


def outbox_key(note_id: str) -> str:
    """Key of a note to the edges."""
    return check_key(f"{OUTBOX_PREFIX}{note_id}.json")
