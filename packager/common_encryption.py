"""Common Encryption of audio samples (ISO/IEC 23001-7), scheme `cbcs`.

Audio is encrypted without a pattern and without subsamples: of every sample all whole blocks of 16
bytes, chained from the constant IV anew; the remainder stays clear (section 9.7 and 10.4). So a
sample keeps its size, and nothing is to be stored beside it (section 7.2).
"""

import struct
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from packager.boxes import encode_box, encode_full_box
from packager.content_key import IV_SIZE, ContentKey
from packager.renditions import Protection

W3C_COMMON_SYSTEM_ID: Final = uuid.UUID("1077efec-c0b2-4d02-ace3-3c1e52e2fb4b")
"""System ID of `pssh` boxes that name nothing but KIDs (W3C "cenc" Initialization Data Format)."""

_BLOCK: Final = 16
_BLOCK_MASK: Final = ~(_BLOCK - 1)
_SCHEME_VERSION: Final = 0x0001_0000
_KID_COUNT: Final = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class CommonEncryption:
    """How one track is encrypted.

    Attributes:
        iv: 16 bytes; for `cbcs` the constant IV of all samples.
    """

    key: ContentKey
    iv: bytes = field(repr=False)
    scheme: Protection = Protection.CBCS

    def __post_init__(self) -> None:
        if len(self.iv) != IV_SIZE:
            raise ValueError(f"an IV has {IV_SIZE} bytes, not {len(self.iv)}")
        if self.scheme is not Protection.CBCS:
            raise ValueError(f"{self.scheme} is not a scheme of Common Encryption for fMP4")

    def cipher(self) -> Cipher[modes.CBC]:
        """AES-CBC from the constant IV."""
        return Cipher(algorithms.AES(self.key.key), modes.CBC(self.iv))


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
    """`tenc` version 1 (ISO/IEC 23001-7 section 8.2): pattern 0:0, no IV for each sample."""
    reserved_and_pattern = b"\0\0"
    is_protected = b"\x01"
    per_sample_iv_size = b"\0"
    return encode_full_box(
        b"tenc",
        reserved_and_pattern,
        is_protected,
        per_sample_iv_size,
        protection.key.kid.bytes,
        bytes((IV_SIZE,)),
        protection.iv,
        version=1,
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


def encrypt_samples(protection: CommonEncryption, samples: bytes, sizes: Iterable[int]) -> bytes:
    """Encrypt samples that lie one after another.

    Args:
        protection: the scheme, with its key and IV.
        samples: their bytes.
        sizes: the size of each; they add up to the size of `samples`.
    """
    # `update_into` asks for a block less one of room, which it does not use.
    buffer = bytearray(len(samples) + _BLOCK - 1)
    buffer[: len(samples)] = samples
    view = memoryview(buffer)
    # A context costs more than the encryption of an AAC sample, so one serves for all: CBC mixes
    # the last encrypted block into the next one, and where a sample begins, that is undone and the
    # IV mixed in instead.
    update_into = protection.cipher().encryptor().update_into
    iv = chained = int.from_bytes(protection.iv, "big")
    start = 0
    for size in sizes:
        end = start + (size & _BLOCK_MASK)
        if end > start:
            first = view[start : start + _BLOCK]
            first[:] = (int.from_bytes(first, "big") ^ chained ^ iv).to_bytes(_BLOCK, "big")
            update_into(view[start:end], view[start : end + _BLOCK - 1])
            chained = int.from_bytes(view[end - _BLOCK : end], "big")
        start += size
    assert start == len(samples)
    return bytes(view[:start])


def decrypt_samples(protection: CommonEncryption, samples: Sequence[bytes]) -> list[bytes]:
    """Undo `encrypt_samples`; a wrong key or IV yields other bytes, which nothing here can tell."""
    # All in one pass: before each sample the IV stands as if it were a block of the stream. Its own
    # decryption is of no use and is skipped.
    stream = b"".join(
        part for sample in samples for part in (protection.iv, sample[: len(sample) & _BLOCK_MASK])
    )
    clear = protection.cipher().decryptor().update(stream)
    found = []
    position = 0
    for sample in samples:
        whole = len(sample) & _BLOCK_MASK
        position += _BLOCK
        found.append(clear[position : position + whole] + sample[whole:])
        position += whole
    return found
