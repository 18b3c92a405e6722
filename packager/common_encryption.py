"""Common Encryption of audio samples (ISO/IEC 23001-7), schemes `cbcs` and `cenc`.

Audio is encrypted without subsamples, and a sample keeps its size:

* `cbcs` (sections 9.7 and 10.4): AES-CBC without a pattern, of every sample all whole blocks of 16
  bytes, chained from the constant IV anew; the remainder stays clear. Nothing is stored beside it.
* `cenc` (sections 9.3 and 10.1): AES-CTR of the whole sample. Each has an IV of 8 bytes, stored in
  its fragment: the upper half of the counter, of which the lower half counts the sample's blocks
  from 0. The IV of the next sample is one more.
"""

import struct
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from packager.boxes import encode_box, encode_full_box
from packager.content_key import ContentKey
from packager.renditions import Protection

W3C_COMMON_SYSTEM_ID: Final = uuid.UUID("1077efec-c0b2-4d02-ace3-3c1e52e2fb4b")
"""System ID of `pssh` boxes that name nothing but KIDs (W3C "cenc" Initialization Data Format)."""

CONSTANT_IV_SIZE: Final = 16
SAMPLE_IV_SIZE: Final = 8

IV_SIZES: Final[Mapping[Protection, int]] = MappingProxyType(
    {Protection.CBCS: CONSTANT_IV_SIZE, Protection.CENC: SAMPLE_IV_SIZE}
)
"""Bytes of the IV that a file starts with, by scheme."""

_BLOCK: Final = 16
_BLOCK_MASK: Final = ~(_BLOCK - 1)
_SCHEME_VERSION: Final = 0x0001_0000
_KID_COUNT: Final = struct.Struct(">I")
_SAMPLE_IVS: Final = 1 << 64
_LOWER_HALF: Final = 64


@dataclass(frozen=True, slots=True)
class CommonEncryption:
    """How one track is encrypted.

    Attributes:
        iv: for `cbcs` the constant IV of all samples, 16 bytes; for `cenc` that of the first one, 8
            bytes.
    """

    key: ContentKey
    iv: bytes = field(repr=False)
    scheme: Protection = Protection.CBCS

    def __post_init__(self) -> None:
        if self.scheme not in IV_SIZES:
            raise ValueError(f"{self.scheme} is not a scheme of Common Encryption for fMP4")
        if len(self.iv) != IV_SIZES[self.scheme]:
            raise ValueError(f"an IV has {IV_SIZES[self.scheme]} bytes, not {len(self.iv)}")

    @property
    def has_sample_ivs(self) -> bool:
        """Whether each sample has an IV of its own, which its fragment tells."""
        return self.scheme is Protection.CENC

    def sample_ivs(self, first: int, count: int) -> bytes:
        """The IVs of `count` samples, counted through the file from `first` on."""
        start = int.from_bytes(self.iv, "big") + first
        return b"".join(
            (iv % _SAMPLE_IVS).to_bytes(SAMPLE_IV_SIZE, "big") for iv in range(start, start + count)
        )


def encode_sinf(protection: CommonEncryption, original_format: bytes) -> bytes:
    """`sinf`, which goes at the end of a protected sample entry (ISO/IEC 14496-12 section 8.12)."""
    return encode_box(
        b"sinf",
        encode_box(b"frma", original_format),
        encode_full_box(
            b"schm", protection.scheme.value.encode(), _SCHEME_VERSION.to_bytes(4, "big")
        ),
        encode_box(b"schi", _encode_tenc(protection)),
    )


def _encode_tenc(protection: CommonEncryption) -> bytes:
    """`tenc` (ISO/IEC 23001-7 section 8.2): version 1 with a constant IV, else version 0."""
    reserved_and_pattern = b"\0\0"
    is_protected = b"\x01"
    sample_iv_size, constant_iv = SAMPLE_IV_SIZE, b""
    if not protection.has_sample_ivs:
        sample_iv_size, constant_iv = 0, bytes((CONSTANT_IV_SIZE,)) + protection.iv
    return encode_full_box(
        b"tenc",
        reserved_and_pattern,
        is_protected,
        bytes((sample_iv_size,)),
        protection.key.kid.bytes,
        constant_iv,
        version=0 if protection.has_sample_ivs else 1,
    )


def encode_pssh(kids: Sequence[uuid.UUID]) -> bytes:
    """`pssh` version 1 of the W3C common system: the KIDs and no data of a DRM system."""
    return encode_full_box(
        b"pssh",
        W3C_COMMON_SYSTEM_ID.bytes,
        _KID_COUNT.pack(len(kids)),
        *(kid.bytes for kid in kids),
        bytes(4),  # size of the system's own data
        version=1,
    )


def encrypt_samples(
    protection: CommonEncryption, samples: bytes, sizes: Iterable[int], *, first: int = 0
) -> bytes:
    """Encrypt samples that lie one after another.

    Args:
        protection: the scheme, with its key and IV.
        samples: their bytes.
        sizes: the size of each; they add up to the size of `samples`.
        first: how many samples of the file precede them.
    """
    if protection.has_sample_ivs:
        parts = _encrypt_cenc(protection, samples, sizes, first)
    else:
        parts = _encrypt_cbcs(protection, samples, sizes)
    encrypted = b"".join(parts)
    assert len(encrypted) == len(samples)
    return encrypted


def _encrypt_cbcs(
    protection: CommonEncryption, samples: bytes, sizes: Iterable[int]
) -> Iterator[bytes]:
    # A context costs more than the encryption of an AAC sample, so one serves for all: CBC mixes
    # the last encrypted block into the next one, and where a sample begins, that is undone and the
    # IV mixed in instead.
    cipher = Cipher(algorithms.AES(protection.key.key), modes.CBC(protection.iv))
    update, from_bytes = cipher.encryptor().update, int.from_bytes
    iv = from_bytes(protection.iv, "big")
    undo = start = 0
    for size in sizes:
        body, end = start + _BLOCK, start + (size & _BLOCK_MASK)
        if end > start:
            head = from_bytes(samples[start:body], "big") ^ undo
            encrypted = update(head.to_bytes(_BLOCK, "big") + samples[body:end])
            yield encrypted
            undo = from_bytes(encrypted[-_BLOCK:], "big") ^ iv
        start += size
        yield samples[end:start]


def _encrypt_cenc(
    protection: CommonEncryption, samples: bytes, sizes: Iterable[int], first: int
) -> Iterator[bytes]:
    # One context for all here too, with another nonce for each sample.
    cipher = Cipher(algorithms.AES(protection.key.key), modes.CTR(bytes(_BLOCK)))
    context = cipher.encryptor()
    reset_nonce, update = context.reset_nonce, context.update
    start = 0
    for iv, size in enumerate(sizes, start=int.from_bytes(protection.iv, "big") + first):
        reset_nonce((iv % _SAMPLE_IVS << _LOWER_HALF).to_bytes(_BLOCK, "big"))
        yield update(samples[start : start + size])
        start += size


def decrypt_cbcs(key: bytes, constant_iv: bytes, samples: Sequence[bytes]) -> list[bytes]:
    """Undo `cbcs`; a wrong key or IV yields other bytes, which nothing here can tell."""
    # All in one pass: before each sample the IV stands as if it were a block of the stream. Its own
    # decryption is of no use and is skipped.
    stream = b"".join(
        part for sample in samples for part in (constant_iv, sample[: len(sample) & _BLOCK_MASK])
    )
    cipher = Cipher(algorithms.AES(key), modes.CBC(constant_iv))
    clear = cipher.decryptor().update(stream)
    found = []
    position = 0
    for sample in samples:
        whole = len(sample) & _BLOCK_MASK
        position += _BLOCK
        found.append(clear[position : position + whole] + sample[whole:])
        position += whole
    return found


def decrypt_cenc(key: bytes, ivs: Sequence[bytes], samples: Sequence[bytes]) -> list[bytes]:
    """Undo `cenc`; a wrong key or IV yields other bytes, which nothing here can tell.

    Args:
        key: the content key.
        ivs: 8 bytes for each sample.
        samples: as they are stored.
    """
    context = Cipher(algorithms.AES(key), modes.CTR(bytes(_BLOCK))).encryptor()
    found = []
    for iv, sample in zip(ivs, samples, strict=True):
        context.reset_nonce(iv + bytes(_BLOCK - SAMPLE_IV_SIZE))
        found.append(context.update(sample))
    return found
