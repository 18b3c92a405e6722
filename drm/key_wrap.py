"""Keys at rest: wrapped with AES-256-GCM under the key-encryption key. No I/O, no randomness.

A wrapped key is bound to its place: what it is for is authenticated with it, so that a row that was
moved or relabelled in the database is refused as much as one whose bytes were changed. Nonces are
random; NIST SP 800-38D section 8.3 allows 2**32 of them under one key, ten times more than 100
million tracks need.
"""

import hmac
import uuid
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from drm.errors import KekError, VaultDamagedError
from packager.renditions import KeyClass

KEK_BYTES: Final = 32
NONCE_BYTES: Final = 12

_TAG_BYTES: Final = 16
_CHECK_PLACE: Final = b"attacca kek check 1"
_CHECK_SECRET: Final = bytes(16)


@dataclass(frozen=True, slots=True)
class KeyEncryptionKey:
    """Wraps and unwraps the keys of the vault.

    Raises:
        KekError: it does not have 32 bytes.
    """

    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.key) != KEK_BYTES:
            raise KekError(f"a key-encryption key has {KEK_BYTES} bytes, in base64")

    def wrap(self, secret: bytes, *, nonce: bytes, place: bytes) -> bytes:
        """Wrap `secret` for `place`; `nonce` is fresh random bytes, never used before."""
        assert len(nonce) == NONCE_BYTES
        return nonce + AESGCM(self.key).encrypt(nonce, secret, place)

    def unwrap(self, wrapped: bytes, *, place: bytes) -> bytes:
        """Undo `wrap`.

        Raises:
            VaultDamagedError: it was altered, is from another place, or under another key.
        """
        if len(wrapped) < NONCE_BYTES + _TAG_BYTES:
            raise VaultDamagedError("a stored key is too short; restore the vault from a backup")
        try:
            return AESGCM(self.key).decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], place)
        except InvalidTag:
            raise VaultDamagedError(
                "a stored key was altered or moved; restore the vault from a backup"
            ) from None

    def encode_check(self, *, nonce: bytes) -> bytes:
        """What a vault keeps to know this key again."""
        return self.wrap(_CHECK_SECRET, nonce=nonce, place=_CHECK_PLACE)

    def fits(self, check: bytes) -> bool:
        """Whether `check` was made by this key."""
        try:
            return hmac.compare_digest(self.unwrap(check, place=_CHECK_PLACE), _CHECK_SECRET)
        except VaultDamagedError:
            return False


def encode_kek(kek: KeyEncryptionKey) -> str:
    """Base64 with padding (RFC 4648 section 4), as files and variables hold it. It is secret."""
    return b64encode(kek.key).decode("ascii")


def decode_kek(text: str) -> KeyEncryptionKey:
    """Read what `encode_kek` wrote; white space around it does not matter.

    Raises:
        KekError: it is not the base64 of 32 bytes.
    """
    try:
        key = b64decode(text.strip(), validate=True)
    except (Base64Error, ValueError):
        raise KekError(f"a key-encryption key is {KEK_BYTES} bytes in base64") from None
    return KeyEncryptionKey(key)


def place_of_content_key(
    kid: uuid.UUID, *, track_id: str, key_class: KeyClass, key_version: int
) -> bytes:
    """What a content key is bound to. No part can hold the separator.

    A row that was tampered with may hold any text: it makes a place where no key was ever wrapped.
    """
    return f"attacca content key 1|{kid}|{track_id}|{key_class}|{key_version}".encode()


def place_of_signing_key(kid: str) -> bytes:
    """What a signing key is bound to."""
    return f"attacca signing key 1|{kid}".encode()
