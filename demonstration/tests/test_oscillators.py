import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from demonstration.oscillators import (
    SAMPLE_RATE_HZ,
    damped_sine,
    exponential,
    frequency_hz,
    powers,
    ramp,
    read_table,
    rotation,
    steady_increments,
    wave_table,
)


@pytest.mark.parametrize(
    ("pitch", "expected"),
    [
        pytest.param(69, 440.0, id="A4"),
        pytest.param(81, 880.0, id="an octave above"),
        pytest.param(57, 220.0, id="an octave below"),
        pytest.param(60, 261.6255653, id="middle C"),
        pytest.param(31, 48.9994295, id="a low G"),
    ],
)
def test_frequency_of_a_pitch(pitch: int, expected: float):
    assert frequency_hz(pitch) == pytest.approx(expected)


@given(st.floats(0.0, 2.0 * math.pi))
def test_a_rotation_has_the_cosine_and_sine_of_its_angle(angle: float):
    assert rotation(angle) == pytest.approx((math.cos(angle), math.sin(angle)), abs=1e-12)


@given(st.floats(-1.0, 1.0))
def test_the_exponential_series_has_converged(exponent: float):
    assert exponential(exponent) == pytest.approx(math.exp(exponent), rel=1e-14)


@given(st.floats(-1.0, 1.0), st.floats(-1.0, 1.0), st.integers(1, 70))
def test_powers_are_those_of_the_complex_number(real: float, imaginary: float, count: int):
    reals, imaginaries = powers(real, imaginary, count)
    expected = [complex(real, imaginary) ** exponent for exponent in range(count)]
    assert np.allclose(reals + 1j * imaginaries, expected, rtol=1e-9, atol=1e-9)


def test_a_damped_sine_falls_to_its_share_after_its_time_constant():
    wave = damped_sine(441.0, time_constant_s=0.1, samples=8_820)
    # A quarter of a period, and the same place 44 periods later.
    assert wave[25] == pytest.approx(math.exp(-25 / 4_410))
    assert wave[25 + 4_400] == pytest.approx(wave[25] * math.exp(-4_400 / 4_410))


def test_a_wave_table_read_at_a_frequency_is_that_sine():
    samples = read_table(wave_table((1.0,)), steady_increments(441.0, 4_410))
    expected = np.sin(2 * np.pi * 441.0 * np.arange(1, 4_411) / SAMPLE_RATE_HZ)
    assert np.abs(samples - expected).max() < 1e-3


def test_a_ramp_rises_all_the_way():
    rise = ramp(1_000)
    assert rise[0] == 0.0
    assert rise[-1] == pytest.approx(1.0, abs=1e-5)
    assert np.all(np.diff(rise) > 0)
