"""The instruments of the ensemble: a harp, a double bass plucked, a string section and a solo viol.

Each note is a mono array at unit velocity. Plucked notes are sums of damped partials, the higher
ones fading sooner; bowed notes read a wave table of harmonics with vibrato.
"""

import enum
import functools
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from demonstration.oscillators import (
    PI,
    SAMPLE_RATE_HZ,
    Samples,
    damped_sine,
    frequency_hz,
    ramp,
    read_table,
    rotation,
    steady_increments,
    wave_table,
)

_Kept = NDArray[np.float32]


class Instrument(enum.StrEnum):
    """Who plays a note."""

    HARP = "harp"
    BASS = "bass"
    STRINGS = "strings"
    VIOL = "viol"


@dataclass(frozen=True, slots=True)
class _Pluck:
    """How a string sounds after it was plucked.

    Attributes:
        ring_s: time constant of the fundamental at middle C; lower strings ring longer.
        partials_max: how many partials are heard at most.
        position: where along its length the string is plucked; partials with a node there are mute.
        softness_hz: above this frequency partials are weaker.
        stiffness: how far partials are stretched, as in B of f sqrt(1 + B k^2).
    """

    ring_s: float
    partials_max: int
    position: float
    softness_hz: float
    stiffness: float


@dataclass(frozen=True, slots=True)
class _Bow:
    """How a bowed note sounds.

    Attributes:
        players: how many, each a little out of tune with the others.
        detune: relative distance in frequency between neighbours.
        attack_s, release_s: lengths of the rise and of the fall that follows the note's end.
        vibrato_hz, vibrato_depth: rate, and relative change of frequency.
        vibrato_after_s: how long a note stays plain before the vibrato begins.
        softness_hz: above this frequency harmonics are weaker.
    """

    players: int
    detune: float
    attack_s: float
    release_s: float
    vibrato_hz: float
    vibrato_depth: float
    vibrato_after_s: float
    softness_hz: float


_PLUCKS: Final = {
    Instrument.HARP: _Pluck(0.85, 14, 0.29, 1500.0, 0.00004),
    Instrument.BASS: _Pluck(0.42, 9, 0.21, 500.0, 0.00006),
}
_BOWS: Final = {
    Instrument.STRINGS: _Bow(3, 0.0017, 0.38, 0.55, 4.6, 0.0016, 0.3, 1300.0),
    Instrument.VIOL: _Bow(1, 0.0, 0.075, 0.16, 5.3, 0.0042, 0.25, 1900.0),
}

_MIDDLE_C_HZ: Final = 261.6255653005986
_RELEASE_S: Final = 0.3  # A damped string does not stop at once.
_SILENCE_TIME_CONSTANTS: Final = 8.0  # -70 dB: under the room's own sound by then.
_HARMONICS_MAX: Final = 40
_HARMONIC_HZ_MAX: Final = 12_000.0


def play_note(
    instrument: Instrument, pitch: int, *, samples: int, variant: int, fade_samples: int = 0
) -> Samples:
    """One note, held for `samples` and then let go; the result is longer by its release.

    Args:
        instrument: who plays it.
        pitch: MIDI note number.
        samples: from its start to its end as written.
        variant: any number; notes that differ in it differ slightly, as two strokes of a bow do.
        fade_samples: length of a bowed note's release; 0 for the usual one.
    """
    if instrument in _PLUCKS:
        return _release(_plucked(instrument, pitch), samples, _RELEASE_S)
    bow = _BOWS[instrument]
    release = fade_samples or int(bow.release_s * SAMPLE_RATE_HZ)
    return _bowed(bow, pitch, held=samples, release=release, variant=variant)


def _release(ringing: _Kept, held: int, release_s: float) -> Samples:
    fall = 1.0 - ramp(int(release_s * SAMPLE_RATE_HZ))
    note = ringing[: held + len(fall)].astype(np.float64)
    tail = note[held:]
    tail *= fall[: len(tail)]
    return note


@functools.lru_cache(maxsize=32)
def _plucked(instrument: Instrument, pitch: int) -> _Kept:
    pluck = _PLUCKS[instrument]
    fundamental = frequency_hz(pitch)
    # Time constants go with the square root of the period: low strings ring longer.
    ring_s = pluck.ring_s * float(np.sqrt(_MIDDLE_C_HZ / fundamental))
    note = np.zeros(int(ring_s * _SILENCE_TIME_CONSTANTS * SAMPLE_RATE_HZ))
    for number in range(1, pluck.partials_max + 1):
        frequency = fundamental * number * float(np.sqrt(1.0 + pluck.stiffness * number * number))
        if frequency > _HARMONIC_HZ_MAX:
            break
        _, displacement = rotation((PI * number * pluck.position) % (2.0 * PI))
        softness = frequency / pluck.softness_hz
        amplitude = displacement / (number * (1.0 + softness * softness))
        time_constant_s = ring_s / (1.0 + 0.28 * (number - 1))
        samples = min(len(note), int(time_constant_s * _SILENCE_TIME_CONSTANTS * SAMPLE_RATE_HZ))
        partial = damped_sine(frequency, time_constant_s=time_constant_s, samples=samples)
        note[:samples] += amplitude * partial
    attack = ramp(int(0.0025 * SAMPLE_RATE_HZ))
    note[: len(attack)] *= attack
    # Half the memory, and 140 dB of resolution are enough for one note.
    return note.astype(np.float32)


@functools.lru_cache(maxsize=64)
def _harmonics(pitch: int, softness_hz: float) -> Samples:
    fundamental = frequency_hz(pitch)
    count = min(_HARMONICS_MAX, int(_HARMONIC_HZ_MAX / fundamental))
    amplitudes = []
    for number in range(1, count + 1):
        softness = fundamental * number / softness_hz
        amplitudes.append(1.0 / (number * (1.0 + softness * softness)))
    return wave_table(tuple(amplitudes))


def _bowed(bow: _Bow, pitch: int, *, held: int, release: int, variant: int) -> Samples:
    table = _harmonics(pitch, bow.softness_hz)
    length = held + release
    note = np.zeros(length)
    for player in range(bow.players):
        detune = 1.0 + bow.detune * (player - (bow.players - 1) / 2)
        # Any two strokes begin elsewhere in the wave and in the vibrato: multiples of two odd
        # numbers spread them over the cycle.
        stroke = variant * 8 + player
        increments = steady_increments(frequency_hz(pitch) * detune, length)
        swing = _vibrato(bow, length, phase=stroke * 2_654_435_761)
        increments += (swing * increments[0]).astype(np.int64)
        note += read_table(table, increments, phase=stroke * 2_246_822_519)
    note *= 1.0 / bow.players
    attack = ramp(min(int(bow.attack_s * SAMPLE_RATE_HZ), held))
    note[: len(attack)] *= attack
    note[held:] *= 1.0 - ramp(release)
    return note


def _vibrato(bow: _Bow, length: int, *, phase: int) -> Samples:
    increments = steady_increments(bow.vibrato_hz, length)
    swing = read_table(wave_table((bow.vibrato_depth,)), increments, phase=phase)
    onset = int(bow.vibrato_after_s * SAMPLE_RATE_HZ)
    swing[:onset] *= ramp(onset)[: len(swing)]
    return swing
