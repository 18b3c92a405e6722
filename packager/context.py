"""Context: what surrounds a master in its album, for codecs whose frames overlap.

A lossy encoder is warmed up with the end of the track before, and its last frame is filled up with
the beginning of the next one, so that a join decodes as the one recording that it was. The context
is never heard as part of the track: what comes before is dropped as priming, what comes after is
cut off.
"""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from packager.edges import CONTEXT_MS
from packager.errors import ScratchError
from packager.pcm import FloatBlock

_SAMPLE_BYTES: Final = 4


def _no_samples() -> FloatBlock:
    return np.empty((0, 0), np.float32)


@dataclass(frozen=True, slots=True)
class Context:
    """Samples around a master, at its rate and with its channels; either may be empty."""

    before: FloatBlock = field(default_factory=_no_samples, repr=False)
    after: FloatBlock = field(default_factory=_no_samples, repr=False)


NO_CONTEXT: Final = Context()


def edge_frames_max(sample_rate_hz: int) -> int:
    """How many frames an edge has at most: more than any encoder here asks for."""
    return sample_rate_hz * CONTEXT_MS // 1000


def read_context(
    before: Path | None, after: Path | None, *, sample_rate_hz: int, channels: int
) -> Context:
    """Read the edges of the neighbors: 32-bit floating point, little-endian, interleaved.

    Raises:
        ScratchError: a file cannot be read, or is no edge of such a master.
    """
    return Context(
        *(
            _no_samples() if path is None else _read_edge(path, sample_rate_hz, channels)
            for path in (before, after)
        )
    )


def lead_frames(available: int, *, from_hz: int, to_hz: int, wanted: int) -> tuple[int, int]:
    """How much of the context before is to be used.

    After resampling it has to be a whole number of samples, or else what follows would start
    between two of them.

    Args:
        available: frames that there are.
        from_hz: their rate.
        to_hz: rate of the encoder.
        wanted: samples that the encoder asks for, at its own rate.

    Returns:
        Frames of the context, and samples that they become: the fewest that are enough, or the
        most that there are.
    """
    divisor = math.gcd(from_hz, to_hz)
    step, step_after = from_hz // divisor, to_hz // divisor
    steps = min(-(-wanted // step_after), available // step)
    return steps * step, steps * step_after


def _read_edge(path: Path, sample_rate_hz: int, channels: int) -> FloatBlock:
    frame_bytes = _SAMPLE_BYTES * channels
    bytes_max = edge_frames_max(sample_rate_hz) * frame_bytes
    try:
        with path.open("rb") as file:
            data = file.read(bytes_max + 1)
    except OSError as error:
        raise ScratchError(f"reading the context {path} failed: {error}") from error
    if len(data) > bytes_max or len(data) % frame_bytes:
        raise ScratchError(f"{path} is not the edge of a neighbor of this master")
    samples = np.frombuffer(data, "<f4").reshape(-1, channels)
    if not np.isfinite(samples).all():
        raise ScratchError(f"{path} holds samples that are infinite or no number")
    return samples.astype(np.float32, copy=False)
