import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.pcm import SampleKind
from packager.resample import lossy_blocks, lossy_channels, lossy_rate_hz, resampled_length


def resampled(samples: np.ndarray, *, rate: int, layout: str) -> np.ndarray:
    blocks = np.array_split(samples.astype(np.float32), 7)
    full = [block for block in blocks if len(block)]
    converted = lossy_blocks(full, SampleKind.FLOAT, layout=layout, rate_hz=rate)
    return np.concatenate(list(converted))


@pytest.mark.parametrize(
    ("master_hz", "lossy_hz"),
    [
        (8_000, 48_000),
        (11_025, 44_100),
        (16_000, 48_000),
        (22_050, 44_100),
        (32_000, 48_000),
        (44_100, 44_100),
        (48_000, 48_000),
        (88_200, 44_100),
        (96_000, 48_000),
        (176_400, 44_100),
        (192_000, 48_000),
        (37_800, 48_000),
    ],
)
def test_the_family_of_44100_stays_in_it(master_hz: int, lossy_hz: int):
    assert lossy_rate_hz(master_hz) == lossy_hz


@pytest.mark.parametrize("rate", [8_000, 22_050, 37_800, 88_200, 96_000, 192_000])
@pytest.mark.parametrize("frames", [5, 999, 1000, 1001, 20_011])
def test_the_length_is_exact(rate: int, frames: int):
    converted = resampled(np.zeros((frames, 1)), rate=rate, layout="mono")
    assert len(converted) == resampled_length(frames, from_hz=rate, to_hz=lossy_rate_hz(rate))


@given(
    samples=st.integers(0, 1 << 36),
    rates=st.sampled_from([(8_000, 48_000), (22_050, 44_100), (88_200, 44_100), (192_000, 48_000)]),
)
def test_lengths_are_rounded_half_up(samples: int, rates: tuple[int, int]):
    from_hz, to_hz = rates
    length = resampled_length(samples, from_hz=from_hz, to_hz=to_hz)
    assert (2 * length - 1) * from_hz <= 2 * samples * to_hz < (2 * length + 1) * from_hz


@pytest.mark.parametrize("rate", [8_000, 22_050, 88_200, 96_000, 192_000])
def test_the_output_is_aligned_with_the_input(rate: int):
    # A slow tone, compared with itself computed at the new rate.
    out_hz, frames, pitch = lossy_rate_hz(rate), rate // 2, 440
    converted = resampled(
        0.5 * np.sin(2 * np.pi * pitch * np.arange(frames)[:, None] / rate),
        rate=rate,
        layout="mono",
    )
    expected = 0.5 * np.sin(2 * np.pi * pitch * np.arange(len(converted)) / out_hz)
    middle = slice(2000, -2000)
    assert np.abs(converted[middle, 0] - expected[middle]).max() < 1e-3


def test_what_is_above_the_new_band_is_taken_out():
    tone = 0.5 * np.sin(2 * np.pi * 30_000 * np.arange(96_000)[:, None] / 96_000)
    converted = resampled(tone, rate=96_000, layout="mono")
    assert np.abs(converted[2000:-2000]).max() < 1e-3


@pytest.mark.parametrize("layout", ["3.0", "quad", "5.0", "5.1", "6.1", "7.1"])
def test_a_mix_to_stereo_cannot_exceed_full_scale(layout: str):
    channels = {"3.0": 3, "quad": 4, "5.0": 5, "5.1": 6, "6.1": 7, "7.1": 8}[layout]
    mixed = resampled(np.ones((5000, channels)), rate=48_000, layout=layout)
    assert mixed.shape == (5000, 2)
    assert 0.5 < mixed[2500].min() <= mixed[2500].max() <= 1.0 + 1e-4


@pytest.mark.parametrize(("channels", "expected"), [(1, 1), (2, 2), (3, 2), (8, 2)])
def test_mono_stays_mono_and_the_rest_is_stereo(channels: int, expected: int):
    assert lossy_channels(channels) == expected


def test_nothing_is_touched_where_nothing_has_to_change():
    samples = np.random.default_rng(1).uniform(-2, 2, (9000, 2)).astype(np.float32)
    assert np.array_equal(resampled(samples, rate=44_100, layout="stereo"), samples)
