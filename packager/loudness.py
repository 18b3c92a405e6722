"""Loudness after EBU R 128: of a track, of an album, and the gain that follows. No I/O.

A track keeps a histogram of its gating blocks (400 ms, ITU-R BS.1770-4 annex 1): those of several
tracks added together give the loudness of the album, as if it had been measured in one go.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from packager.json_fields import JsonFields

SILENCE_LUFS: Final = -70.0
"""What is quieter is not counted (the absolute gate of BS.1770)."""

ABSOLUTE_GATE_TENTHS: Final = -700

SILENCE_DBTP: Final = -144.0
"""True peak of digital silence, whose logarithm is none: the step of 24 bits."""

TARGET_LUFS: Final = -14.0
"""What players aim at unless they are told otherwise."""

PEAK_MAX_DBTP: Final = -1.0
"""What no gain may lift a peak above: lossy codecs and converters overshoot."""

_RELATIVE_GATE_LU: Final = 10.0
_REPLAYGAIN_LUFS: Final = -18.0
_R128_LUFS: Final = -23.0

# Floating point reaches 770 dB above full scale.
_DECIBELS_MAX: Final = 1000.0
_BLOCKS_MAX: Final = 12_000


@dataclass(frozen=True, slots=True)
class Loudness:
    """Loudness of one track, at the level of its master.

    Attributes:
        integrated_lufs: -70 for a track that is silent to the gate, or shorter than a block.
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


@dataclass(frozen=True, slots=True)
class AlbumLoudness:
    """Loudness of several tracks as one.

    Attributes:
        integrated_lufs: -70 for an album that is silent to the gate.
        true_peak_dbtp: the highest one.
    """

    integrated_lufs: float
    true_peak_dbtp: float


def album_loudness(tracks: Sequence[Loudness]) -> AlbumLoudness:
    """Loudness of `tracks` played one after another; the result does not hang on their order."""
    blocks: Counter[int] = Counter()
    for track in tracks:
        for tenths, count in track.blocks:
            blocks[tenths] += count
    peaks = [track.true_peak_dbtp for track in tracks]
    return AlbumLoudness(
        integrated_lufs=integrated_lufs(blocks.items()),
        true_peak_dbtp=max(peaks, default=SILENCE_DBTP),
    )


def integrated_lufs(blocks: Iterable[tuple[int, int]]) -> float:
    """Integrated loudness of a histogram as in `Loudness.blocks`, gated relatively (BS.1770-4)."""
    ordered = sorted(blocks)
    if not ordered:
        return SILENCE_LUFS
    gate_tenths = 10 * (_mean_lufs(ordered) - _RELATIVE_GATE_LU)
    return round(_mean_lufs([block for block in ordered if block[0] > gate_tenths]), 2)


def _mean_lufs(blocks: Sequence[tuple[int, int]]) -> float:
    # Relative to the loudest one, so that no power leaves the range of a float.
    loudest = max(tenths for tenths, _ in blocks)
    energy = math.fsum(count * 10 ** ((tenths - loudest) / 100) for tenths, count in blocks)
    count = sum(count for _, count in blocks)
    return loudest / 10 + 10 * math.log10(energy / count)


def gain_db(
    integrated_lufs: float,
    true_peak_dbtp: float,
    *,
    target_lufs: float = TARGET_LUFS,
    peak_max_dbtp: float = PEAK_MAX_DBTP,
) -> float:
    """What to add in playback: up to the target, and no further than the peak allows.

    What is silent to the gate is not lifted.
    """
    wanted_db = target_lufs - integrated_lufs if integrated_lufs > SILENCE_LUFS else 0.0
    return min(wanted_db, peak_max_dbtp - true_peak_dbtp)


def replaygain_gain_text(integrated_lufs: float) -> str:
    """Value of `REPLAYGAIN_TRACK_GAIN` and `REPLAYGAIN_ALBUM_GAIN` (ReplayGain 2.0)."""
    return f"{_reference_gain_db(integrated_lufs, _REPLAYGAIN_LUFS):+.2f} dB"


def replaygain_peak_text(true_peak_dbtp: float) -> str:
    """Value of `REPLAYGAIN_TRACK_PEAK` and `REPLAYGAIN_ALBUM_PEAK`: linear, full scale is 1."""
    return f"{10 ** (true_peak_dbtp / 20):.6f}"


def r128_gain(integrated_lufs: float) -> int:
    """Value of `R128_TRACK_GAIN` and `R128_ALBUM_GAIN`: Q7.8 (RFC 7845 section 5.2.1)."""
    gain = round(256 * _reference_gain_db(integrated_lufs, _R128_LUFS))
    return max(-(1 << 15), min((1 << 15) - 1, gain))


def _reference_gain_db(integrated_lufs: float, reference_lufs: float) -> float:
    return reference_lufs - integrated_lufs if integrated_lufs > SILENCE_LUFS else 0.0


def loudness_to_json(loudness: Loudness) -> dict[str, object]:
    """`loudness` as objects that any JSON encoder takes."""
    return {
        "integrated_lufs": loudness.integrated_lufs,
        "range_lu": loudness.range_lu,
        "true_peak_dbtp": loudness.true_peak_dbtp,
        "blocks": [list(block) for block in loudness.blocks],
    }


def loudness_from_json(fields: JsonFields) -> Loudness:
    """Undo `loudness_to_json`.

    Raises:
        Exception: the error of `fields`, for a member that is missing, unknown or wrong.
    """
    loudness = Loudness(
        integrated_lufs=fields.number("integrated_lufs", SILENCE_LUFS, _DECIBELS_MAX),
        range_lu=fields.number("range_lu", 0.0, _DECIBELS_MAX),
        true_peak_dbtp=fields.number("true_peak_dbtp", SILENCE_DBTP, _DECIBELS_MAX),
        blocks=fields.pairs("blocks", count_max=_BLOCKS_MAX),
    )
    steps = [tenths for tenths, _ in loudness.blocks]
    if steps != sorted(set(steps)) or any(count < 1 for _, count in loudness.blocks):
        raise fields.error("blocks", "is not a rising histogram")
    if steps and steps[0] <= ABSOLUTE_GATE_TENTHS:
        raise fields.error("blocks", "goes below the absolute gate")
    fields.finish()
    return loudness
