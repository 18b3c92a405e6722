"""Playback gain: how much it is, and what it does to samples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from player.decoder import Pcm, PcmFormat
from player.playback_gain import GainChoice, GainMode, Level, PlaybackGain, TrackLevels

SOFT = Level(-30.0, -20.0)
LOUD = Level(-8.0, 0.5)
LEVELS = TrackLevels(SOFT, LOUD, stereo=TrackLevels(Level(-20.0, -9.0), Level(-16.0, -9.0)))


@pytest.mark.parametrize(
    ("choice", "levels", "is_mixed_down", "gain_db"),
    [
        pytest.param(GainChoice(), TrackLevels(SOFT), False, 16.0, id="up to the target"),
        pytest.param(GainChoice(), TrackLevels(LOUD), False, -6.0, id="down to it"),
        pytest.param(
            GainChoice(), TrackLevels(Level(-20.0, -3.0)), False, 2.0, id="as the peak allows"
        ),
        pytest.param(
            GainChoice(target_lufs=0.0),
            TrackLevels(LOUD),
            False,
            -1.5,
            id="a peak above goes down",
        ),
        pytest.param(GainChoice(GainMode.ALBUM), LEVELS, False, -6.0, id="the album's"),
        pytest.param(
            GainChoice(GainMode.ALBUM), TrackLevels(SOFT), False, 16.0, id="no album: the track's"
        ),
        pytest.param(GainChoice(), LEVELS, True, 6.0, id="the mix-down's"),
        pytest.param(GainChoice(GainMode.ALBUM), LEVELS, True, 2.0, id="the album's mix-down's"),
        pytest.param(
            GainChoice(GainMode.ALBUM),
            TrackLevels(SOFT, Level(-24.0, -9.0), stereo=TrackLevels(Level(-20.0, -6.0))),
            True,
            5.0,
            id="the album's for a mix-down, as far as its own peak allows",
        ),
        pytest.param(GainChoice(), TrackLevels(SOFT), True, 16.0, id="no mix-down"),
        pytest.param(GainChoice(GainMode.OFF), LEVELS, False, 0.0, id="off"),
        pytest.param(GainChoice(), None, False, 0.0, id="unknown"),
        pytest.param(GainChoice(), TrackLevels(Level(-70.0, -144.0)), False, 0.0, id="silence"),
        pytest.param(
            GainChoice(), TrackLevels(Level(-14.006, -9.0)), False, 0.0, id="never above the target"
        ),
        pytest.param(
            GainChoice(target_lufs=-18.0, peak_max_dbtp=-3.0),
            TrackLevels(Level(-20.0, -4.0)),
            False,
            1.0,
            id="a listener's own target and peak",
        ),
    ],
)
def test_what_is_added(
    choice: GainChoice, levels: TrackLevels | None, is_mixed_down: bool, gain_db: float
):
    assert choice.gain_db(levels, is_mixed_down=is_mixed_down) == pytest.approx(gain_db)


@given(st.floats(-69.9, 20), st.floats(-60, 20))
def test_no_peak_is_lifted_above_the_bound(integrated_lufs: float, true_peak_dbtp: float):
    levels = TrackLevels(Level(integrated_lufs, true_peak_dbtp))
    gain_db = GainChoice().gain_db(levels, is_mixed_down=False)
    assert true_peak_dbtp + gain_db <= -1.0 + 1e-9
    assert integrated_lufs + gain_db <= -14.0 + 1e-9


def noise(pcm_format: PcmFormat, frames: int = 20_000) -> Pcm:
    samples = np.random.default_rng(1).uniform(-0.5, 0.5, (frames, 2))
    match pcm_format:
        case PcmFormat.S16:
            return (samples * 2**15).astype("<i2")
        case PcmFormat.S32:
            return ((samples * 2**23).astype("<i4") << 8).astype("<i4")
        case PcmFormat.F32:
            return samples.astype("<f4")


@pytest.mark.parametrize("pcm_format", list(PcmFormat))
def test_no_gain_changes_no_sample(pcm_format: PcmFormat):
    samples = noise(pcm_format)
    assert PlaybackGain(0.0, pcm_format).apply(samples) is samples


@pytest.mark.parametrize(
    ("pcm_format", "step"),
    [
        pytest.param(PcmFormat.S16, 1.0, id="16 bits"),
        pytest.param(PcmFormat.S32, 256.0, id="24 bits"),
        pytest.param(PcmFormat.F32, 0.0, id="float"),
    ],
)
def test_a_gain_scales_and_dithers_what_loses_bits(pcm_format: PcmFormat, step: float):
    samples = noise(pcm_format)
    softer = PlaybackGain(-6.5, pcm_format).apply(samples)
    assert (softer.dtype, softer.shape) == (samples.dtype, samples.shape)
    error = softer.astype(np.float64) - samples.astype(np.float64) * 10 ** (-6.5 / 20)
    if pcm_format is PcmFormat.F32:
        assert np.abs(error).max() < 1e-7
        return
    # Triangular dither and rounding: a quarter of a step squared, and nothing in the mean.
    assert np.abs(error).max() <= 1.5 * step
    assert np.mean(np.square(error)) == pytest.approx(step**2 / 4, rel=0.03)
    assert abs(np.mean(error)) < 0.02 * step
    if pcm_format is PcmFormat.S32:
        assert not np.any(softer.astype(np.int64) & 0xFF)


@pytest.mark.parametrize("pcm_format", [PcmFormat.S16, PcmFormat.S32])
def test_too_much_is_cut_at_full_scale_and_never_wraps(pcm_format: PcmFormat):
    samples = noise(pcm_format)
    louder = PlaybackGain(40.0, pcm_format).apply(samples)
    before, after = samples.astype(np.float64), louder.astype(np.float64)
    is_large = np.abs(before) > np.abs(before).max() / 10
    assert np.all(np.sign(after[is_large]) == np.sign(before[is_large]))


@given(st.lists(st.integers(0, 300), max_size=4))
def test_the_result_does_not_depend_on_how_the_sound_is_cut(cuts: list[int]):
    samples = noise(PcmFormat.S16, 300)
    gain = PlaybackGain(-3.0, PcmFormat.S16)
    parts = [gain.apply(part) for part in np.split(samples, sorted(cuts))]
    whole = PlaybackGain(-3.0, PcmFormat.S16).apply(samples)
    assert np.array_equal(np.concatenate(parts), whole)
