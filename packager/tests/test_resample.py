import numpy as np
import pytest

from packager.pcm import rechunk
from packager.resample import resampled
from packager.sample_rates import resampled_length

RATES = [
    (8_000, 48_000),
    (11_025, 44_100),
    (22_050, 44_100),
    (32_000, 48_000),
    (37_800, 48_000),
    (44_100, 48_000),
    (88_200, 44_100),
    (96_000, 48_000),
    (192_000, 48_000),
]


def converted(samples: np.ndarray, from_hz: int, to_hz: int, *, block: int = 5000) -> np.ndarray:
    blocks = rechunk([samples.astype(np.float32)], block)
    parts = resampled(blocks, from_hz=from_hz, to_hz=to_hz, channels=samples.shape[1])
    return np.concatenate(list(parts))


def tones(frames: int, rate: int, *pitches: float) -> np.ndarray:
    time = np.arange(frames)[:, None] / rate
    return np.asarray(sum(0.4 * np.sin(2 * np.pi * pitch * time) for pitch in pitches))


@pytest.mark.parametrize(("from_hz", "to_hz"), RATES)
@pytest.mark.parametrize("frames", [1, 5, 999, 1000, 1001, 20_011])
def test_the_length_is_exact(from_hz: int, to_hz: int, frames: int):
    wanted = resampled_length(frames, from_hz=from_hz, to_hz=to_hz)
    assert converted(np.ones((frames, 2)), from_hz, to_hz).shape == (wanted, 2)


@pytest.mark.parametrize(("from_hz", "to_hz"), RATES)
def test_the_output_is_aligned_with_the_input(from_hz: int, to_hz: int):
    # Compared with the same tones computed at the new rate.
    pitches = (440, 0.4 * min(from_hz, to_hz))
    found = converted(tones(from_hz // 2, from_hz, *pitches), from_hz, to_hz)
    middle = slice(2000, -2000)
    error = found[middle] - tones(len(found), to_hz, *pitches)[middle]
    # What is left is the ripple of the pass band, 0.002 dB.
    assert np.abs(error).max() < 2e-4


def test_what_is_above_the_new_band_is_taken_out():
    found = converted(tones(96_000, 96_000, 30_000), 96_000, 48_000)
    assert np.abs(found[2000:-2000]).max() < 1e-6


def test_no_channel_is_heard_in_another():
    samples = np.concatenate([tones(20_000, 96_000, 440), np.zeros((20_000, 1))], axis=1)
    found = converted(samples, 96_000, 48_000)
    assert not found[:, 1].any()
    assert found[:, 0].any()


@pytest.mark.parametrize(("from_hz", "to_hz"), RATES)
def test_the_result_does_not_depend_on_how_the_samples_are_cut(from_hz: int, to_hz: int):
    samples = np.random.default_rng(1).uniform(-1, 1, (20_000, 2))
    wanted = converted(samples, from_hz, to_hz)
    assert np.array_equal(converted(samples, from_hz, to_hz, block=777), wanted)
