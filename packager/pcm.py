"""PCM samples as arrays: their kinds, the quantizing that makes 16 or 24 bits of them, and blocks.

A block is an array of shape (frames, channels), interleaved in memory. Quantized samples are what
`pcm_sha256` counts: 16 bits as little-endian 16-bit integers, 24 bits as little-endian 32-bit
integers whose low byte is zero.

Samples that 24 bits cannot hold get dither with a triangular density of two quantization steps,
drawn from a generator that is seeded by the caller: equal masters give equal samples. No I/O.
"""

import enum
from collections.abc import Iterable, Iterator
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

LAYOUTS: Final = ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")
"""FFmpeg's layout for each number of channels, as FLAC orders them (RFC 9639 section 9.1.3)."""

Block = npt.NDArray[Any]
FloatBlock = npt.NDArray[np.float32]

_STEPS_24: Final = 1 << 23
_FLOAT_MAX: Final = float(np.finfo(np.float32).max)


class SampleKind(enum.StrEnum):
    """What the samples of a master are, as its decoder returns them."""

    U8 = "u8"
    S16 = "s16"
    S24 = "s24"
    """32-bit integers whose low byte is zero."""
    S32 = "s32"
    FLOAT = "float"

    @property
    def bits(self) -> int:
        """Depth of the samples after quantizing: 16 or 24."""
        return 16 if self in (SampleKind.U8, SampleKind.S16) else 24

    @property
    def silence(self) -> int:
        """What samples are where nothing is heard."""
        return 128 if self is SampleKind.U8 else 0

    @property
    def is_kept(self) -> bool:
        """Whether quantizing loses nothing."""
        return self not in (SampleKind.S32, SampleKind.FLOAT)


class HiddenDepthError(Exception):
    """Samples that were taken for 24 bits use all 32."""


class NotFiniteError(Exception):
    """A sample is infinite in single precision, or no number.

    Attributes:
        frame: its position within the block.
    """

    def __init__(self, frame: int) -> None:
        super().__init__(f"frame {frame} is not finite")
        self.frame = frame


class Quantizer(Protocol):
    """Turns blocks as decoded into quantized ones, in order."""

    def quantize(self, block: Block) -> Block:
        """Quantize the next block.

        Raises:
            HiddenDepthError: see there.
            NotFiniteError: see there.
        """
        ...


def quantizer_of(kind: SampleKind, *, seed: bytes, silent: tuple[int, ...] = ()) -> Quantizer:
    """The quantizer for one pass over samples of `kind`.

    Args:
        kind: of the blocks that will be passed in.
        seed: determines the dither, where one is needed.
        silent: positions of channels that hold nothing but silence, and get no dither.
    """
    if kind.is_kept:
        return _ExactQuantizer(kind)
    return _DitheringQuantizer(seed, silent)


class _ExactQuantizer:
    """For integers of up to 24 bits."""

    def __init__(self, kind: SampleKind) -> None:
        self._kind = kind

    def quantize(self, block: Block) -> Block:
        """See `Quantizer.quantize`."""
        if self._kind is SampleKind.U8:
            return ((block.astype("<i2") - 128) * 256).astype("<i2")
        if self._kind is SampleKind.S16:
            return block.astype("<i2", copy=False)
        if (block & 0xFF).any():
            raise HiddenDepthError
        return block.astype("<i4", copy=False)


class _DitheringQuantizer:
    """For floating point, and for integers of 32 bits."""

    def __init__(self, seed: bytes, silent: tuple[int, ...]) -> None:
        self._silent = list(silent)
        # The raw output of this generator is fixed for good, unlike that of numpy's distributions.
        self._generator = np.random.PCG64(int.from_bytes(seed, "big"))

    def quantize(self, block: Block) -> Block:
        """See `Quantizer.quantize`."""
        if block.dtype.kind == "f":
            refuse_not_finite(block)
            scaled = block.astype(np.float64) * _STEPS_24
        else:
            scaled = block.astype(np.float64) / 256
        scaled += self._dither(block.size).reshape(block.shape)
        np.rint(scaled, out=scaled)
        np.clip(scaled, -_STEPS_24, _STEPS_24 - 1, out=scaled)
        scaled[:, self._silent] = 0
        return scaled.astype("<i4") << 8

    def _dither(self, count: int) -> npt.NDArray[np.float64]:
        """Differences of two uniform numbers: a triangular density from -1 to 1."""
        raw = self._generator.random_raw(count)
        high = (raw >> np.uint64(32)).astype(np.float64)
        low = (raw & np.uint64(0xFFFFFFFF)).astype(np.float64)
        return (high - low) * 2.0**-32


def refuse_not_finite(block: Block) -> None:
    """Raise `NotFiniteError` if a sample of a floating-point block is as it says.

    Whatever is measured and encoded, is so in single precision.
    """
    finite = np.abs(block) <= _FLOAT_MAX
    if not finite.all():
        raise NotFiniteError(int(np.argmin(finite.all(axis=1))))


def to_float(block: Block, kind: SampleKind) -> FloatBlock:
    """Samples as decoded, scaled so that full scale is 1; nothing is clipped."""
    match kind:
        case SampleKind.U8:
            return (block.astype(np.float32) - 128) / np.float32(128)
        case SampleKind.S16:
            return block.astype(np.float32) * np.float32(2.0**-15)
        case SampleKind.S24 | SampleKind.S32:
            return block.astype(np.float32) * np.float32(2.0**-31)
        case SampleKind.FLOAT:
            return block.astype(np.float32, copy=False)


def rechunk(blocks: Iterable[Block], frames: int) -> Iterator[Block]:
    """The same samples in blocks of `frames` frames, the last of which may be shorter."""
    assert frames > 0
    held: list[Block] = []
    held_frames = 0
    for block in blocks:
        held.append(block)
        held_frames += len(block)
        if held_frames < frames:
            continue
        joined = np.concatenate(held) if len(held) > 1 else block
        whole = held_frames - held_frames % frames
        for start in range(0, whole, frames):
            yield joined[start : start + frames]
        held = [joined[whole:]] if whole < held_frames else []
        held_frames -= whole
    if held:
        yield np.concatenate(held)
