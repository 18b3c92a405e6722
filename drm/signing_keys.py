"""Keys that sign playback tokens: Ed25519 (RFC 8032), published as JWKs (RFC 8037 section 2).

Several keys are live at once. The newest signs, all of them verify, so that a key can be rotated
without refusing a single token. No I/O and no randomness: seeds are handed in.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from drm.base64url import decode_base64url, encode_base64url

SEED_BYTES: Final = 32
PUBLIC_KEY_BYTES: Final = 32

# Enough for monthly rotation with keys that live for a year; an edge holds all of them.
KEYS_MAX: Final = 16
KEY_SET_BYTES_MAX: Final = 8 * 1024

# 96 bits of the thumbprint tell keys apart; the token carries them in every request.
_KID_BYTES: Final = 12

_JWK_FIXED: Final = {"alg": "EdDSA", "crv": "Ed25519", "kty": "OKP", "use": "sig"}


def kid_of(public_key: bytes) -> str:
    """Key identifier: the start of the JWK thumbprint (RFC 7638 section 3)."""
    members = {"crv": "Ed25519", "kty": "OKP", "x": encode_base64url(public_key)}
    thumbprint = hashlib.sha256(orjson.dumps(members, option=orjson.OPT_SORT_KEYS)).digest()
    return encode_base64url(thumbprint[:_KID_BYTES])


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """The public half of a signing key: checks tokens, cannot make them."""

    kid: str
    public_key: bytes

    def __post_init__(self) -> None:
        if len(self.public_key) != PUBLIC_KEY_BYTES or self.kid != kid_of(self.public_key):
            raise ValueError("not an Ed25519 public key under its own kid")


@dataclass(frozen=True, slots=True)
class SigningKey:
    """Signs tokens.

    Args:
        seed: the private key of RFC 8032 section 5.1.5, 32 random bytes.
    """

    seed: bytes = field(repr=False)
    kid: str = field(init=False)
    verification_key: VerificationKey = field(init=False, repr=False)
    _private_key: Ed25519PrivateKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        private_key = Ed25519PrivateKey.from_private_bytes(self.seed)
        public_key = private_key.public_key().public_bytes_raw()
        verification_key = VerificationKey(kid_of(public_key), public_key)
        object.__setattr__(self, "kid", verification_key.kid)
        object.__setattr__(self, "verification_key", verification_key)
        object.__setattr__(self, "_private_key", private_key)

    def sign(self, data: bytes) -> bytes:
        """Signature over `data`, 64 bytes."""
        return self._private_key.sign(data)


@dataclass(frozen=True, slots=True)
class KeySet:
    """What an edge needs for checking tokens.

    Attributes:
        keys: all that are live, by kid.
        not_issued_before_s: the revocation epoch, in seconds since the epoch: tokens issued
            before it are refused.
    """

    keys: Mapping[str, VerificationKey]
    not_issued_before_s: int = 0


def key_set_of(keys: Iterable[VerificationKey], *, not_issued_before_s: int = 0) -> KeySet:
    """Key set of `keys`."""
    return KeySet({key.kid: key for key in keys}, not_issued_before_s)


def encode_key_set(key_set: KeySet) -> bytes:
    """Write a JWK set (RFC 7517 section 5) with our revocation epoch beside it."""
    keys = [
        {**_JWK_FIXED, "kid": key.kid, "x": encode_base64url(key.public_key)}
        for key in key_set.keys.values()
    ]
    return orjson.dumps({"keys": keys, "not_issued_before_s": key_set.not_issued_before_s})


def decode_key_set(data: bytes) -> KeySet:
    """Read what `encode_key_set` wrote.

    Raises:
        ValueError: it is not such a set, is too long, or names a key twice.
    """
    if len(data) > KEY_SET_BYTES_MAX:
        raise ValueError(f"a key set of over {KEY_SET_BYTES_MAX} bytes")
    document: object = orjson.loads(data)
    match document:
        case {"keys": list() as entries, "not_issued_before_s": int() as epoch_s} if epoch_s >= 0:
            pass
        case _:
            raise ValueError("not a set of token keys")
    if len(entries) > KEYS_MAX:
        raise ValueError(f"more than {KEYS_MAX} keys")
    keys = [_decode_jwk(entry) for entry in entries]
    if len({key.kid for key in keys}) != len(keys):
        raise ValueError("a key is named twice")
    return key_set_of(keys, not_issued_before_s=int(epoch_s))


def _decode_jwk(entry: object) -> VerificationKey:
    match entry:
        case {"kty": "OKP", "crv": "Ed25519", "kid": str() as kid, "x": str() as x}:
            return VerificationKey(kid, decode_base64url(x))
        case _:
            raise ValueError("not an Ed25519 JWK")
