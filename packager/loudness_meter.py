"""Measuring loudness after EBU R 128 while a master is decoded.

FFmpeg's `ebur128` filter does the weighting and the gating (ITU-R BS.1770-4 annex 1, EBU Tech
3342); it knows which channels count how much. Its true peak has three decimals of a linear scale,
which is nothing for quiet music, so that is measured here (annex 2), at half the cost.

Values are rounded, so that what is recorded is the same wherever it is measured.
"""

import math
from collections import Counter
from fractions import Fraction
from typing import Final

import av
import numpy as np
import soxr

from packager.loudness import ABSOLUTE_GATE_TENTHS, SILENCE_DBTP, SILENCE_LUFS, Loudness
from packager.pcm import FloatBlock

# BS.1770-4 annex 2: four times 48 kHz, and less of what is higher already.
_PEAK_RATE_HZ: Final = 192_000
_OVERSAMPLING_MAX: Final = 4

_DECIMALS: Final = 2

# The filter counts in its own frames of 100 ms, and tells its values with each of them.
_FILTER: Final = "metadata=1:framelog=quiet"


class LoudnessMeter:
    """Takes a master's samples in order and measures them.

    Args:
        sample_rate_hz: of the samples.
        layout: of their channels, in FFmpeg's words.
    """

    def __init__(self, sample_rate_hz: int, layout: str) -> None:
        self._rate_hz = sample_rate_hz
        self._layout = layout
        self._peak = _TruePeak(sample_rate_hz, av.AudioLayout(layout).nb_channels)
        self._blocks: Counter[int] = Counter()
        self._last: dict[str, str] = {}
        self._frames = 0
        self._graph = av.filter.Graph()
        source = self._graph.add_abuffer(
            sample_rate=sample_rate_hz,
            format="flt",
            layout=layout,
            time_base=Fraction(1, sample_rate_hz),
        )
        meter, sink = self._graph.add("ebur128", _FILTER), self._graph.add("abuffersink")
        source.link_to(meter)
        meter.link_to(sink)
        self._graph.configure()

    def add(self, block: FloatBlock) -> None:
        """Take the next samples."""
        self._peak.add(block)
        packed = np.ascontiguousarray(block).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=self._layout)
        frame.sample_rate, frame.pts = self._rate_hz, self._frames
        frame.time_base = Fraction(1, self._rate_hz)
        self._frames += len(block)
        self._graph.push(frame)
        self._collect()

    def finish(self) -> Loudness:
        """The loudness of all samples. Takes no more."""
        self._graph.push(None)
        self._collect()
        return Loudness(
            integrated_lufs=self._last_value("lavfi.r128.I", SILENCE_LUFS),
            range_lu=self._last_value("lavfi.r128.LRA", 0.0),
            true_peak_dbtp=self._peak.finish_dbtp(),
            blocks=tuple(sorted(self._blocks.items())),
        )

    def _collect(self) -> None:
        while True:
            try:
                frame = self._graph.pull()
            except (av.BlockingIOError, av.EOFError):
                return
            if "lavfi.r128.M" in frame.metadata:  # A last frame that is shorter has none.
                self._last = frame.metadata
                self._count(float(self._last["lavfi.r128.M"]))

    def _count(self, momentary_lufs: float) -> None:
        """Count a gating block: what was heard within 400 ms, of which one ends every 100 ms.

        Before the first one is full, the filter tells a value far below the gate. In digital
        silence after music it may tell none: the rest of its running sum is then below zero.
        """
        if math.isnan(momentary_lufs):
            return
        tenths = round(10 * momentary_lufs)
        if tenths > ABSOLUTE_GATE_TENTHS:
            self._blocks[tenths] += 1

    def _last_value(self, name: str, least: float) -> float:
        value = float(self._last.get(name, least))
        return round(max(least, value), _DECIMALS)


class _TruePeak:
    """The highest absolute value between the samples, too."""

    def __init__(self, sample_rate_hz: int, channels: int) -> None:
        factor = min(_OVERSAMPLING_MAX, math.ceil(_PEAK_RATE_HZ / sample_rate_hz))
        self._channels = channels
        self._peak = 0.0
        self._resampler = (
            soxr.ResampleStream(
                sample_rate_hz, factor * sample_rate_hz, channels, dtype="float32", quality="HQ"
            )
            if factor > 1
            else None
        )

    def add(self, block: FloatBlock) -> None:
        self._note(block)
        if self._resampler is not None:
            self._note(self._resampler.resample_chunk(np.ascontiguousarray(block)))

    def finish_dbtp(self) -> float:
        if self._resampler is not None:
            nothing = np.zeros((0, self._channels), np.float32)
            self._note(self._resampler.resample_chunk(nothing, last=True))
        if self._peak <= 10 ** (SILENCE_DBTP / 20):
            return SILENCE_DBTP
        return round(20 * math.log10(self._peak), _DECIMALS)

    def _note(self, samples: FloatBlock) -> None:
        self._peak = max(
            self._peak, float(samples.max(initial=0.0)), -float(samples.min(initial=0.0))
        )
