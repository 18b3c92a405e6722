"""The gain that playback adds so that all tracks, or all albums, are about as loud. No I/O.

What is decoded stays what it is: the gain is for what is heard, and the digest of a play is taken
before it.
"""

import enum
import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from packager.loudness import PEAK_MAX_DBTP, TARGET_LUFS, gain_db
from player.decoder import Pcm, PcmFormat

_STEPS_PER_DB: Final = 100
# The same play writes the same file.
_DITHER_SEED: Final = 0x41545441
_LOW_BYTE: Final = 256


class GainMode(enum.StrEnum):
    """What is to be equally loud."""

    TRACK = "track"
    ALBUM = "album"
    """Tracks keep their distances within an album."""
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Level:
    """How loud something is.

    Attributes:
        integrated_lufs: -70 for silence.
        true_peak_dbtp: highest of all channels.
    """

    integrated_lufs: float
    true_peak_dbtp: float


@dataclass(frozen=True, slots=True)
class TrackLevels:
    """How loud a track is, and the album that it belongs to.

    Attributes:
        track: the track by itself.
        album: None where it belongs to none.
        stereo: the same of what renditions in stereo hold of a master with more channels; None
            where they hold the master.
    """

    track: Level
    album: Level | None = None
    stereo: "TrackLevels | None" = None


@dataclass(frozen=True, slots=True)
class GainChoice:
    """How a listener wants to be played to.

    Attributes:
        mode: what is to be equally loud.
        target_lufs: how loud.
        peak_max_dbtp: what no peak is lifted above; a track that would be is played softer.
    """

    mode: GainMode = GainMode.TRACK
    target_lufs: float = TARGET_LUFS
    peak_max_dbtp: float = PEAK_MAX_DBTP

    def gain_db(self, levels: TrackLevels | None, *, is_mixed_down: bool) -> float:
        """What to add to a rendition.

        Args:
            levels: of the track; None where nobody knows, and nothing is added.
            is_mixed_down: the rendition is lossy, and so in stereo whatever the master is.
        """
        if levels is None or self.mode is GainMode.OFF:
            return 0.0
        level = self._level(levels, is_mixed_down=is_mixed_down)
        exact_db = gain_db(
            level.integrated_lufs,
            level.true_peak_dbtp,
            target_lufs=self.target_lufs,
            peak_max_dbtp=self.peak_max_dbtp,
        )
        # Downwards: the peak is a bound.
        return math.floor(exact_db * _STEPS_PER_DB) / _STEPS_PER_DB

    def _level(self, levels: TrackLevels, *, is_mixed_down: bool) -> Level:
        heard = levels.stereo if is_mixed_down and levels.stereo is not None else levels
        if self.mode is not GainMode.ALBUM:
            return heard.track
        if heard.album is None and levels.album is not None:
            # The album as it is in all its channels: its tracks keep their distances.
            peak_dbtp = max(levels.album.true_peak_dbtp, heard.track.true_peak_dbtp)
            return Level(levels.album.integrated_lufs, peak_dbtp)
        return heard.album or heard.track


class PlaybackGain:
    """Applies a gain to samples; integers are dithered, since they lose bits by it.

    Args:
        amount_db: 0 leaves all samples as they are.
        pcm_format: of the samples, before and after.
    """

    def __init__(self, amount_db: float, pcm_format: PcmFormat) -> None:
        self._factor = 10.0 ** (amount_db / 20.0)
        self._format = pcm_format
        self._random = np.random.default_rng(_DITHER_SEED)

    def apply(self, samples: Pcm) -> Pcm:
        """The next samples as they are heard."""
        if self._factor == 1.0:
            return samples
        match self._format:
            case PcmFormat.F32:
                louder: Pcm = (samples.astype(np.float64) * self._factor).astype(np.float32)
                return louder
            case PcmFormat.S16:
                return self._requantized(samples, bits=16).astype(np.int16)
            case PcmFormat.S32:
                deep = samples.astype(np.int64) // _LOW_BYTE
                return (self._requantized(deep, bits=24) * _LOW_BYTE).astype(np.int32)

    def _requantized(self, samples: Pcm, *, bits: int) -> NDArray[np.int64]:
        # Triangular, two steps wide: neither mean nor power of the error then hangs on the music.
        dither = self._random.triangular(-1.0, 0.0, 1.0, size=samples.shape)
        exact = samples.astype(np.float64) * self._factor + dither
        full = 1 << (bits - 1)
        whole: NDArray[np.int64] = np.clip(np.rint(exact), -full, full - 1).astype(np.int64)
        return whole
