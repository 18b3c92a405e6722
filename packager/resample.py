"""What the lossy encoders are fed: floating point, one or two channels, at 44.1 or 48 kHz.

The samples come from the decoder without dither and are never clipped. More than two channels are
mixed down with coefficients that cannot exceed full scale. Resampling is libswresample's, whose
output is aligned with its input: sample k of the output is at the time of k / rate.
"""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Final

import av
import numpy as np

from packager.pcm import Block, FloatBlock, SampleKind, to_float

_FAMILY_OF_44100: Final = frozenset({11_025, 22_050, 44_100, 88_200, 176_400})

CHANNELS_MAX: Final = 2

# 64 taps at the lower rate, an exact rational step where the phases allow it, the pass band up to
# 0.97 of the lower Nyquist frequency; and a matrix whose sums do not exceed 1.
_OPTIONS: Final = {
    "filter_size": "64",
    "phase_shift": "10",
    "exact_rational": "1",
    "cutoff": "0.97",
    "internal_sample_fmt": "fltp",
    "rematrix_maxval": "1.0",
}

# Silence after the end, more than half of the longest filter: it pushes the last samples out.
_TAIL_FRAMES: Final = 4096


def lossy_rate_hz(master_rate_hz: int) -> int:
    """The sample rate of the lossy rungs for a master of `master_rate_hz`."""
    return 44_100 if master_rate_hz in _FAMILY_OF_44100 else 48_000


def lossy_channels(master_channels: int) -> int:
    """How many channels the lossy rungs have: mono stays mono, all else becomes stereo."""
    return min(master_channels, CHANNELS_MAX)


def resampled_length(samples: int, *, from_hz: int, to_hz: int) -> int:
    """round(samples * to_hz / from_hz), half up, in integers."""
    return (2 * samples * to_hz + from_hz) // (2 * from_hz)


def lossy_blocks(
    blocks: Iterable[Block], kind: SampleKind, *, layout: str, rate_hz: int
) -> Iterator[FloatBlock]:
    """Samples of `kind` as the lossy encoders take them.

    Args:
        blocks: as decoded.
        kind: of these samples.
        layout: of their channels, in FFmpeg's words.
        rate_hz: their sample rate.
    """
    floats = (to_float(block, kind) for block in blocks)
    channels = av.AudioLayout(layout).nb_channels
    if rate_hz == lossy_rate_hz(rate_hz) and channels <= CHANNELS_MAX:
        return floats
    return _converted(floats, layout, rate_hz)


def _converted(floats: Iterable[FloatBlock], layout: str, rate_hz: int) -> Iterator[FloatBlock]:
    channels = av.AudioLayout(layout).nb_channels
    out_channels, out_hz = lossy_channels(channels), lossy_rate_hz(rate_hz)
    resampler = av.AudioResampler(
        format="flt",
        layout="mono" if out_channels == 1 else "stereo",
        rate=out_hz,
        options=_OPTIONS,
    )
    taken = given = 0
    for block in floats:
        frame = _frame_of(block, layout, rate_hz, position=taken)
        taken += len(block)
        for converted in _blocks_of(resampler.resample(frame), out_channels):
            given += len(converted)
            yield converted
    missing = resampled_length(taken, from_hz=rate_hz, to_hz=out_hz) - given
    tail = _frame_of(np.zeros((_TAIL_FRAMES, channels), np.float32), layout, rate_hz, taken)
    rest = [*resampler.resample(tail), *resampler.resample(None)]
    yield np.concatenate(list(_blocks_of(rest, out_channels)))[:missing]


def _frame_of(block: FloatBlock, layout: str, rate_hz: int, position: int) -> av.AudioFrame:
    packed = np.ascontiguousarray(block).reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=layout)
    frame.sample_rate = rate_hz
    frame.pts = position
    frame.time_base = Fraction(1, rate_hz)
    return frame


def _blocks_of(frames: Iterable[av.AudioFrame], channels: int) -> Iterator[FloatBlock]:
    for frame in frames:
        yield frame.to_ndarray().reshape(-1, channels).astype(np.float32, copy=False)
