"""Waves and envelopes from exactly defined arithmetic.

`sin` and `exp` of a mathematical library differ in the last bits between libraries and processors.
Here they come out of a power series and of the angle sum identities, in a fixed order of additions
and multiplications, so that a rendering is the same everywhere.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]

SAMPLE_RATE_HZ: Final = 44_100
PI: Final = 3.141592653589793

# One period of a wave table. The last entry repeats the first, so that interpolation needs no wrap.
TABLE_SIZE: Final = 4096
_PHASE_BITS: Final = 32
_FRACTION_BITS: Final = _PHASE_BITS - 12
_PHASE_CYCLE: Final = 1 << _PHASE_BITS

_SEMITONE: Final = 1.0594630943592953  # 2 ** (1/12)
_SERIES_TERMS: Final = 24


def frequency_hz(pitch: int) -> float:
    """Frequency of a MIDI note number in equal temperament, A4 = 69 = 440 Hz."""
    octaves, steps = divmod(pitch - 69, 12)
    frequency = 440.0
    for _ in range(steps):
        frequency *= _SEMITONE
    for _ in range(abs(octaves)):
        frequency = frequency * 2.0 if octaves > 0 else frequency * 0.5
    return frequency


def rotation(angle: float) -> tuple[float, float]:
    """Cosine and sine of an angle of at most a full turn, in radians."""
    cosine, sine, term = 0.0, 0.0, 1.0
    for index in range(2 * _SERIES_TERMS):
        if index % 2 == 0:
            cosine += term if index % 4 == 0 else -term
        else:
            sine += term if index % 4 == 1 else -term
        term *= angle / (index + 1)
    return cosine, sine


def exponential(exponent: float) -> float:
    """The power of e to `exponent`, which lies between -1 and 1."""
    assert -1.0 <= exponent <= 1.0
    total, term = 0.0, 1.0
    for index in range(_SERIES_TERMS):
        total += term
        term *= exponent / (index + 1)
    return total


def damped_sine(
    frequency: float, *, time_constant_s: float, samples: int, quadrature: float = 0.0
) -> Samples:
    """A sine wave that falls to 1/e of its amplitude every `time_constant_s`.

    Args:
        frequency: in Hz, under half the sample rate.
        time_constant_s: see above.
        samples: length of the result.
        quadrature: how much of the cosine is added, to set the phase at the start.
    """
    assert 0 < frequency < SAMPLE_RATE_HZ / 2
    cosine_step, sine_step = rotation(2.0 * PI * frequency / SAMPLE_RATE_HZ)
    decay = exponential(-1.0 / (time_constant_s * SAMPLE_RATE_HZ))
    cosine, sine = powers(cosine_step * decay, sine_step * decay, samples)
    if quadrature:
        sine += quadrature * cosine
    return sine


def powers(real: float, imaginary: float, count: int) -> tuple[Samples, Samples]:
    """Real and imaginary parts of the powers 0 to `count` - 1 of a complex number.

    Each pass doubles what is known: z^(m+k) = z^m z^k.
    """
    reals = np.empty(count)
    imaginaries = np.empty(count)
    reals[0], imaginaries[0] = 1.0, 0.0
    known, step_real, step_imaginary = 1, real, imaginary
    while known < count:
        fresh = min(known, count - known)
        old_real, old_imaginary = reals[:fresh], imaginaries[:fresh]
        target = slice(known, known + fresh)
        reals[target] = old_real * step_real - old_imaginary * step_imaginary
        imaginaries[target] = old_real * step_imaginary + old_imaginary * step_real
        step_real, step_imaginary = (
            step_real * step_real - step_imaginary * step_imaginary,
            2.0 * step_real * step_imaginary,
        )
        known += fresh
    return reals, imaginaries


def wave_table(amplitudes: tuple[float, ...]) -> Samples:
    """One period of the sum of harmonics with these amplitudes, the fundamental first."""
    _, sine = powers(*rotation(2.0 * PI / TABLE_SIZE), TABLE_SIZE)
    positions = np.arange(TABLE_SIZE + 1, dtype=np.int64)
    table = np.zeros(TABLE_SIZE + 1)
    for index, amplitude in enumerate(amplitudes):
        table += amplitude * sine[(positions * (index + 1)) % TABLE_SIZE]
    return table


def read_table(table: Samples, increments: NDArray[np.int64], *, phase: int = 0) -> Samples:
    """Run through `table` by phase increments, whose full cycle is 2^32, with interpolation."""
    phases = np.cumsum(increments)
    phases += phase
    phases &= _PHASE_CYCLE - 1
    index = phases >> _FRACTION_BITS
    phases &= (1 << _FRACTION_BITS) - 1
    fraction = phases * (1.0 / (1 << _FRACTION_BITS))
    below = table[index]
    index += 1
    above: Samples = table[index]
    above -= below
    above *= fraction
    above += below
    return above


def steady_increments(frequency: float, samples: int) -> NDArray[np.int64]:
    """Phase increments of a constant frequency."""
    return np.full(samples, int(frequency * _PHASE_CYCLE / SAMPLE_RATE_HZ), dtype=np.int64)


def ramp(samples: int) -> Samples:
    """A rise from 0 to 1 with level ends: 3x^2 - 2x^3."""
    positions = np.arange(samples, dtype=np.float64)
    positions *= 1.0 / max(1, samples)
    return positions * positions * (3.0 - 2.0 * positions)
