"""Fields of requests to the ingest API: tus 1.0 and `Idempotency-Key`. No I/O."""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol

from origin.intake.errors import UploadFieldError

CONTENT_TYPE: Final = "application/offset+octet-stream"
EXTENSIONS: Final = "creation,creation-with-upload,checksum,expiration,termination"

# 18 digits stay below 2 ** 63.
_NUMBER: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
_CHECKSUM: Final = re.compile(r"([a-z0-9]{1,16}) ([A-Za-z0-9+/]{1,88}={0,2})", re.ASCII)

# draft-ietf-httpapi-idempotency-key-header: a string of structured fields; many send it bare.
_KEY: Final = re.compile(
    r'"([\x20\x21\x23-\x5b\x5d-\x7e]{1,255})"|([\x21\x23-\x7e]{1,255})', re.ASCII
)


class Hasher(Protocol):
    """A digest under way."""

    def update(self, data: bytes, /) -> None:
        """Add bytes."""
        ...

    def digest(self) -> bytes:
        """The digest of all so far."""
        ...


def _sha1() -> Hasher:
    # Against accidents on the way, as clients of tus know it; nothing is trusted for it.
    return hashlib.sha1(usedforsecurity=False)


_ALGORITHMS: Final[Mapping[str, Callable[[], Hasher]]] = MappingProxyType(
    {"sha256": hashlib.sha256, "sha1": _sha1}
)
CHECKSUM_ALGORITHMS: Final = ",".join(_ALGORITHMS)


@dataclass(frozen=True, slots=True)
class Checksum:
    """What the content of a request should hash to."""

    algorithm: str
    digest: bytes

    def start(self) -> Hasher:
        """A digest of this algorithm."""
        return _ALGORITHMS[self.algorithm]()


def parse_number(field: str, value: str | None) -> int:
    """A number of bytes such as `Upload-Length` and `Upload-Offset`.

    Raises:
        UploadFieldError: it is missing or no number.
    """
    if value is None:
        raise UploadFieldError(field, "it is missing")
    if _NUMBER.fullmatch(value) is None:
        raise UploadFieldError(field, "it is no number of bytes")
    return int(value)


def parse_checksum(value: str | None) -> Checksum | None:
    """The value of `Upload-Checksum`; None if there is none.

    Raises:
        UploadFieldError: it is malformed, or names an algorithm that is not known.
    """
    if value is None:
        return None
    match = _CHECKSUM.fullmatch(value)
    if match is None:
        raise UploadFieldError("Upload-Checksum", "it is no algorithm with a digest in Base64")
    algorithm = match[1]
    if algorithm not in _ALGORITHMS:
        raise UploadFieldError("Upload-Checksum", f"the algorithms are {CHECKSUM_ALGORITHMS}")
    try:
        digest = base64.b64decode(match[2], validate=True)
    except binascii.Error:
        digest = b""
    checksum = Checksum(algorithm, digest)
    if len(digest) != len(checksum.start().digest()):
        raise UploadFieldError("Upload-Checksum", f"it is no digest of {algorithm}")
    return checksum


def parse_idempotency_key(value: str | None) -> str | None:
    """The value of `Idempotency-Key`, with or without its quotes; None if there is none.

    Raises:
        UploadFieldError: it is empty, too long, or has characters that it must not have.
    """
    if value is None:
        return None
    match = _KEY.fullmatch(value.strip())
    if match is None:
        raise UploadFieldError("Idempotency-Key", "it is not 1 to 255 visible ASCII characters")
    return match[1] or match[2]
