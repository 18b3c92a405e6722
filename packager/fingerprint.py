"""Acoustic fingerprints as Chromaprint makes them by default, and how alike two of them are.

The algorithm is the one that AcoustID's data are of (`CHROMAPRINT_ALGORITHM_TEST2`): mono at 11025
Hz, overlapping spectra folded into the twelve notes of the octave, smoothed over time and
normalized; sixteen rectangles of that picture are compared within themselves, two bits each. A
number of 32 bits for each eighth of a second says how the harmony moves, whatever the codec, the
level and the equalizer. No I/O.
"""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt
import soxr

from packager.format_error import FormatError
from packager.pcm import FloatBlock

DUPLICATE_SIMILARITY: Final = 0.8
"""From here on two masters are taken for the same recording."""

DURATION_S: Final = 120
"""How much of the beginning a fingerprint is of."""

ITEMS_MAX: Final = 1000

_RATE_HZ: Final = 11_025
_FRAME: Final = 4096
_HOP: Final = _FRAME // 3
_NOTES: Final = 12

# Spectral lines from 28 to 3520 Hz, and the frequency of the note A that octaves are counted from.
_LINES: Final = slice(round(28 * _FRAME / _RATE_HZ), round(3520 * _FRAME / _RATE_HZ))
_LOWEST_A_HZ: Final = 27.5

_SMOOTHING: Final = (0.25, 0.75, 1.0, 0.75, 0.25)
_SILENT_NORM: Final = 0.01

# Transforms at a time: what bounds the memory.
_FRAMES_AT_ONCE: Final = 64

# Ten seconds: silence or applause that one of two releases has before the music.
_SHIFT_MAX: Final = 80
_BITS: Final = 32

# Bits that differ between unrelated items.
_NOISE_BITS: Final = 16

Picture = npt.NDArray[np.float64]
Areas = Callable[[int, int, int, int], Picture]


@dataclass(frozen=True, slots=True)
class _Rectangle:
    """A part of the picture that is compared within itself.

    Attributes:
        shape: which of its parts are set against which, see `_CONTRASTS`.
        note: the lowest one.
        notes: how many.
        frames: how many, from the item's own on.
        steps: three limits between the four values.
    """

    shape: int
    note: int
    notes: int
    frames: int
    steps: tuple[float, float, float]


# The highest two bits come first.
_RECTANGLES: Final = (
    _Rectangle(0, 4, 3, 15, (1.98215, 2.35817, 2.63523)),
    _Rectangle(4, 4, 6, 15, (-1.03809, -0.651211, -0.282167)),
    _Rectangle(1, 0, 4, 16, (-0.298702, 0.119262, 0.558497)),
    _Rectangle(3, 8, 2, 12, (-0.105439, 0.0153946, 0.135898)),
    _Rectangle(3, 4, 4, 8, (-0.142891, 0.0258736, 0.200632)),
    _Rectangle(4, 0, 3, 5, (-0.826319, -0.590612, -0.368214)),
    _Rectangle(1, 2, 2, 9, (-0.557409, -0.233035, 0.0534525)),
    _Rectangle(2, 7, 3, 4, (-0.0646826, 0.00620476, 0.0784847)),
    _Rectangle(2, 6, 2, 16, (-0.192387, -0.029699, 0.215855)),
    _Rectangle(2, 1, 3, 2, (-0.0397818, -0.00568076, 0.0292026)),
    _Rectangle(5, 10, 1, 15, (-0.53823, -0.369934, -0.190235)),
    _Rectangle(3, 6, 2, 10, (-0.124877, 0.0296483, 0.139239)),
    _Rectangle(2, 1, 1, 14, (-0.101475, 0.0225617, 0.231971)),
    _Rectangle(3, 5, 6, 4, (-0.0799915, -0.00729616, 0.063262)),
    _Rectangle(1, 9, 2, 12, (-0.272556, 0.019424, 0.302559)),
    _Rectangle(3, 4, 2, 14, (-0.164292, -0.0321188, 0.0846339)),
)
_WIDEST: Final = max(rectangle.frames for rectangle in _RECTANGLES)
_GRAY_CODE: Final = np.array([0, 1, 3, 2], np.uint32)

_SAMPLES_MAX: Final = DURATION_S * _RATE_HZ


class FingerprintError(FormatError):
    """Bytes that are no fingerprint."""

    reason: ClassVar[str] = "fingerprint"


class Fingerprinter:
    """Takes a master's samples in order and makes the fingerprint of its beginning.

    Args:
        sample_rate_hz: of the samples.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        self._missing = DURATION_S * sample_rate_hz
        self._mono: list[FloatBlock] = []
        self._resampler = soxr.ResampleStream(
            sample_rate_hz, _RATE_HZ, 1, dtype="float32", quality="HQ"
        )

    def add(self, block: FloatBlock) -> None:
        """Take the next samples; what comes after the first `DURATION_S` is passed over."""
        if self._missing > 0:
            heard = block[: self._missing]
            self._missing -= len(heard)
            mono = heard.mean(axis=1, dtype=np.float32)
            self._mono.append(self._resampler.resample_chunk(mono))

    def finish(self) -> tuple[int, ...]:
        """The fingerprint; empty for what is shorter than 2.8 s. Takes no more."""
        self._mono.append(self._resampler.resample_chunk(np.zeros(0, np.float32), last=True))
        mono = np.concatenate(self._mono)[:_SAMPLES_MAX]
        return _items_of(_picture_of(mono))


def similarity(one: Sequence[int], other: Sequence[int]) -> float:
    """How alike two fingerprints are: the share of bits that agree in the best alignment.

    They are shifted against each other by up to ten seconds. What the longer one has beyond the
    other counts as noise, half of whose bits agree: half of a recording is not the same recording.

    Returns:
        1 for equal ones, about 0.5 for any two recordings, 0 if there is nothing to compare.
    """
    if not one or not other:
        return 0.0
    first, second = np.asarray(one, np.uint32), np.asarray(other, np.uint32)
    longer = max(len(first), len(second))
    fewest = min(
        _differing_bits(first[max(0, shift) :], second[max(0, -shift) :], longer)
        for shift in range(-_SHIFT_MAX, _SHIFT_MAX + 1)
    )
    return 1.0 - fewest / (_BITS * longer)


def encode_fingerprint(items: Sequence[int]) -> bytes:
    """A fingerprint as a file: numbers of 32 bits, little-endian."""
    return struct.pack(f"<{len(items)}I", *items)


def decode_fingerprint(data: bytes) -> tuple[int, ...]:
    """Undo `encode_fingerprint`.

    Raises:
        FingerprintError: these are other bytes.
    """
    if len(data) % 4 or len(data) > 4 * ITEMS_MAX:
        raise FingerprintError(f"{len(data)} bytes are no fingerprint")
    return struct.unpack(f"<{len(data) // 4}I", data)


def _differing_bits(
    first: npt.NDArray[np.uint32], second: npt.NDArray[np.uint32], longer: int
) -> int:
    overlap = min(len(first), len(second))
    differing = int(np.bitwise_count(first[:overlap] ^ second[:overlap]).sum())
    return differing + _NOISE_BITS * (longer - overlap)


def _picture_of(mono: FloatBlock) -> Picture:
    """Rows of the twelve notes' energies, smoothed over five frames, each of norm 1 or silent."""
    if len(mono) < _FRAME + (len(_SMOOTHING) - 1) * _HOP:
        return np.zeros((0, _NOTES))
    frames = np.lib.stride_tricks.sliding_window_view(mono, _FRAME)[::_HOP]
    notes = np.concatenate(
        [
            _notes_of(frames[start : start + _FRAMES_AT_ONCE])
            for start in range(0, len(frames), _FRAMES_AT_ONCE)
        ]
    )
    rows = len(notes) - len(_SMOOTHING) + 1
    smooth = sum(
        (weight * notes[k : k + rows] for k, weight in enumerate(_SMOOTHING)),
        start=np.zeros((rows, _NOTES)),
    )
    norms = np.sqrt((smooth**2).sum(axis=1, keepdims=True))
    is_heard = norms >= _SILENT_NORM
    return np.where(is_heard, smooth / np.where(is_heard, norms, 1.0), 0.0)


def _notes_of(frames: FloatBlock) -> Picture:
    """Energy of each note in each frame."""
    angles = 2 * np.pi * np.arange(_FRAME) / (_FRAME - 1)
    spectra = np.fft.rfft(frames * (0.54 - 0.46 * np.cos(angles)))[:, _LINES]
    energies = spectra.real**2 + spectra.imag**2
    octaves = np.log2(np.arange(_FRAME)[_LINES] * _RATE_HZ / _FRAME / _LOWEST_A_HZ)
    note_of_line = np.floor(_NOTES * (octaves % 1.0)).astype(int)
    notes = np.zeros((len(frames), _NOTES))
    for note in range(_NOTES):
        notes[:, note] = energies[:, note_of_line == note].sum(axis=1)
    return notes


def _items_of(picture: Picture) -> tuple[int, ...]:
    count = len(picture) - _WIDEST + 1
    if count <= 0:
        return ()
    corners = np.zeros((len(picture) + 1, _NOTES + 1))
    corners[1:, 1:] = picture.cumsum(axis=0).cumsum(axis=1)

    def areas(frame: int, frame_end: int, note: int, note_end: int) -> Picture:
        """The sum over a rectangle, for each item's own frame."""
        upper, lower = corners[frame : frame + count], corners[frame_end : frame_end + count]
        return lower[:, note_end] - upper[:, note_end] - lower[:, note] + upper[:, note]

    items = np.zeros(count, np.uint32)
    for rectangle in _RECTANGLES:
        level = np.searchsorted(rectangle.steps, _contrast(areas, rectangle), side="right")
        items = items << np.uint32(2) | _GRAY_CODE[level]
    return tuple(items.tolist())


def _contrast(areas: Areas, rectangle: _Rectangle) -> Picture:
    """How much louder some parts of a rectangle are than the rest, as a logarithm."""
    width, low, high = rectangle.frames, rectangle.note, rectangle.note + rectangle.notes
    half, third = width // 2, width // 3
    middle, step = low + rectangle.notes // 2, rectangle.notes // 3
    whole = areas(0, width, low, high)
    match rectangle.shape:
        case 0:
            louder = whole
        case 1:  # The upper half of the notes.
            louder = areas(0, width, middle, high)
        case 2:  # The later half.
            louder = areas(half, width, low, high)
        case 3:  # Two quarters that touch at a corner.
            louder = areas(0, half, middle, high) + areas(half, width, low, middle)
        case 4:  # The middle third of the notes.
            louder = areas(0, width, low + step, low + 2 * step)
        case _:  # The middle third of the time.
            louder = areas(third, 2 * third, low, high)
    rest = whole - louder
    return np.asarray(np.log1p(louder) - np.log1p(rest))
