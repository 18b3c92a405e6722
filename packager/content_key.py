"""Content keys, and the initialization vectors derived from them."""

import uuid
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_SIZE: Final = 16
IV_SIZE: Final = 16

# Keeps these vectors apart from anything else that may ever be derived from a content key.
_PURPOSE: Final = b"attacca content iv 1"


@dataclass(frozen=True, slots=True)
class ContentKey:
    """An AES-128 key and the name by which players ask for it.

    Attributes:
        kid: the key's identifier, public.
        key: 16 bytes, secret: it stays out of `repr`.
    """

    kid: uuid.UUID
    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.key) != KEY_SIZE:
            raise ValueError(f"a content key has {KEY_SIZE} bytes, not {len(self.key)}")


def derive_iv(key: ContentKey, *, version: str, rendition: str, clear_sha256: bytes) -> bytes:
    """Initialization vector of one protected file: HKDF-SHA256 (RFC 5869), 16 bytes.

    The digest of the clear file takes part, so that other plaintext always gets another vector and
    no counter block is ever used twice under one key. `clear_sha256` is the digest's 32 bytes, not
    their hexadecimal form.
    """
    if len(clear_sha256) != SHA256.digest_size:
        raise ValueError(f"a SHA-256 has {SHA256.digest_size} bytes, not {len(clear_sha256)}")
    parts = (_PURPOSE, version.encode(), rendition.encode(), clear_sha256)
    # The lengths make the join unambiguous: ("a", "bc") and ("ab", "c") differ.
    info = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return HKDF(algorithm=SHA256(), length=IV_SIZE, salt=None, info=info).derive(key.key)
