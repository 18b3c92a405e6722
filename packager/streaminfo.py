"""STREAMINFO of FLAC (RFC 9639 section 8.2), and the MD5 of its samples. No I/O."""

import hashlib
from dataclasses import dataclass
from typing import Final

import numpy as np

from packager.encoded_track import STREAMINFO_SIZE
from packager.pcm import Block

# A block of less is only allowed at the end of a stream (section 8.2), and STREAMINFO's bounds do
# not count that one.
_BLOCK_SAMPLES_MIN: Final = 16

_UNKNOWN_MD5: Final = bytes(16)


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """The facts of a FLAC stream.

    Attributes:
        block_samples_min: of all blocks but the last one.
        block_samples_max: likewise.
        frame_bytes_min: size of the smallest frame, 0 if unknown.
        frame_bytes_max: size of the largest frame, 0 if unknown.
        bits: per sample, as coded.
        samples: per channel, 0 if unknown.
        md5: of the samples, zeros if unknown.
    """

    block_samples_min: int
    block_samples_max: int
    frame_bytes_min: int
    frame_bytes_max: int
    sample_rate_hz: int
    channels: int
    bits: int
    samples: int
    md5: bytes

    @property
    def has_md5(self) -> bool:
        """Whether the encoder has noted the MD5 of the samples."""
        return self.md5 != _UNKNOWN_MD5


def encode_streaminfo(info: StreamInfo) -> bytes:
    """The 34 bytes of the metadata block's content."""
    packed = (
        info.sample_rate_hz << 44 | (info.channels - 1) << 41 | (info.bits - 1) << 36 | info.samples
    )
    return b"".join(
        (
            max(info.block_samples_min, _BLOCK_SAMPLES_MIN).to_bytes(2, "big"),
            max(info.block_samples_max, _BLOCK_SAMPLES_MIN).to_bytes(2, "big"),
            info.frame_bytes_min.to_bytes(3, "big"),
            info.frame_bytes_max.to_bytes(3, "big"),
            packed.to_bytes(8, "big"),
            info.md5,
        )
    )


def decode_streaminfo(data: bytes) -> StreamInfo | None:
    """Read the content of a STREAMINFO block; None if `data` cannot be one."""
    if len(data) != STREAMINFO_SIZE:
        return None
    packed = int.from_bytes(data[10:18], "big")
    return StreamInfo(
        block_samples_min=int.from_bytes(data[0:2], "big"),
        block_samples_max=int.from_bytes(data[2:4], "big"),
        frame_bytes_min=int.from_bytes(data[4:7], "big"),
        frame_bytes_max=int.from_bytes(data[7:10], "big"),
        sample_rate_hz=packed >> 44,
        channels=(packed >> 41 & 0x7) + 1,
        bits=(packed >> 36 & 0x1F) + 1,
        samples=packed & 0xF_FFFF_FFFF,
        md5=data[18:34],
    )


class FlacMd5:
    """The MD5 of a stream's samples, as STREAMINFO has it.

    It counts interleaved little-endian samples at their own depth, sign-extended to whole bytes;
    decoders return them left-aligned in 16 or 32 bits.

    Args:
        bits: depth of the coded samples.
    """

    def __init__(self, bits: int) -> None:
        self._bits = bits
        self._bytes = -(-bits // 8)
        # The format asks for MD5; it guards against damage here, not against an attacker.
        self._md5 = hashlib.md5(usedforsecurity=False)

    def update(self, block: Block) -> None:
        """Take in the next samples: an array of left-aligned 16-bit or 32-bit integers."""
        width = block.dtype.itemsize
        aligned = np.ascontiguousarray(block >> (8 * width - self._bits))
        if self._bytes == width:
            self._md5.update(aligned.astype(f"<i{width}", copy=False).data)
            return
        octets = aligned.astype(f"<i{width}", copy=False).view(np.uint8).reshape(-1, width)
        self._md5.update(np.ascontiguousarray(octets[:, : self._bytes]).data)

    def digest(self) -> bytes:
        """The 16 bytes for what was taken in so far."""
        return self._md5.digest()
