"""From notes to 16-bit samples, block by block, so that memory does not grow with the length."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from demonstration.instruments import play_note
from demonstration.oscillators import SAMPLE_RATE_HZ, Samples, ramp
from demonstration.room import Room
from demonstration.score import Note, cuts, performance

Pcm = NDArray[np.int16]

_BLOCK: Final = 1 << 17
# The longest note: the lowest string of the harp in the last chord, with what it rings.
_NOTE_MAX: Final = 16 * SAMPLE_RATE_HZ
_FADE_S: Final = 2.5
_ROOM_LEVEL: Final = 0.21
# Brings the piece to about -17 LUFS with the loudest peak well under full scale.
_MASTER_GAIN: Final = 0.45
_FULL_SCALE: Final = 32_767.0


def render(seed: int) -> Iterator[Pcm]:
    """The whole piece as blocks of interleaved `(n, 2)` samples."""
    total = cuts()[-1]
    notes = performance(seed)
    room = Room()
    noise = np.random.PCG64(seed)
    pending = np.zeros((_BLOCK + _NOTE_MAX, 2))
    place = 0
    for start in range(0, total, _BLOCK):
        while place < len(notes) and notes[place].start < start + _BLOCK:
            _mix(pending, notes[place], notes[place].start - start)
            place += 1
        dry = pending[:_BLOCK]
        mixed = (dry + _ROOM_LEVEL * room.run(dry)) * _MASTER_GAIN
        mixed = mixed[: total - start]
        yield _quantized(mixed, noise, remaining=total - start)
        pending[:-_BLOCK] = pending[_BLOCK:].copy()
        pending[-_BLOCK:] = 0.0


def _mix(pending: Samples, note: Note, offset: int) -> None:
    sound = play_note(
        note.instrument,
        note.pitch,
        samples=note.samples,
        variant=note.variant,
        fade_samples=note.fade_samples,
    )
    # Equal power: the square root keeps the sum of squares of both sides.
    for side, share in enumerate((1.0 - note.pan, note.pan)):
        gain = note.gain * float(np.sqrt(2.0 * share))
        pending[offset : offset + len(sound), side] += sound * gain


def _quantized(mixed: Samples, noise: np.random.PCG64, *, remaining: int) -> Pcm:
    """Round to 16 bits with triangular dither, faded out at the very end of the piece."""
    # The raw output of a bit generator is fixed for good; its distributions are not.
    raw = noise.random_raw(mixed.size).reshape(mixed.shape)
    low = (raw & np.uint64(0xFFFF)).astype(np.float64)
    high = (raw >> np.uint64(48)).astype(np.float64)
    scaled = mixed * _FULL_SCALE
    scaled += (low - high) * (1.0 / 65_536.0)
    fade = int(_FADE_S * SAMPLE_RATE_HZ)
    first = max(0, remaining - fade)
    if first < len(mixed):
        falling = 1.0 - ramp(fade)
        begin = first + fade - remaining
        scaled[first:] *= falling[begin : begin + len(mixed) - first, None]
    return np.clip(np.rint(scaled), -_FULL_SCALE - 1.0, _FULL_SCALE).astype(np.int16)
