"""Loudness after EBU R 128: of a track, of an album, and the gain that follows. No I/O.

A track keeps a histogram of its gating blocks (400 ms, ITU-R BS.1770-4 annex 1): those of several
tracks added together give the loudness of the album, as if it had been measured in one go.
"""

from dataclasses import dataclass
from typing import Final

SILENCE_LUFS: Final = -70.0
"""What is quieter is not counted (the absolute gate of BS.1770)."""

SILENCE_DBTP: Final = -144.0
"""True peak of digital silence, whose logarithm is none: the step of 24 bits."""


@dataclass(frozen=True, slots=True)
class Loudness:
    """Loudness of one track, at the level of its master.

    Attributes:
        integrated_lufs: -70 for a track that is silent to the gate.
        range_lu: loudness range (EBU Tech 3342).
        true_peak_dbtp: highest of all channels, oversampled; may be above 0.
        blocks: how many gating blocks have which loudness: (tenths of LUFS, count), rising; those
            at or below the absolute gate are left out.
    """

    integrated_lufs: float
    range_lu: float
    true_peak_dbtp: float
    blocks: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class TrackGain:
    """What a packaged file embeds of its track's loudness: all that is fixed at ingest.

    Attributes:
        integrated_lufs: of what the file holds.
        true_peak_dbtp: likewise.
    """

    integrated_lufs: float
    true_peak_dbtp: float
