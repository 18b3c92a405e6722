import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.renditions import Codec
from packager.sample_rates import (
    lossy_channels,
    lossy_rate_hz,
    rendition_rate_hz,
    resampled_length,
)


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
    assert rendition_rate_hz(Codec.AAC, master_hz) == lossy_hz
    assert rendition_rate_hz(Codec.VORBIS, master_hz) == lossy_hz


@pytest.mark.parametrize("master_hz", [8_000, 44_100, 192_000])
def test_flac_keeps_the_rate_and_opus_has_its_own(master_hz: int):
    assert rendition_rate_hz(Codec.FLAC, master_hz) == master_hz
    assert rendition_rate_hz(Codec.OPUS, master_hz) == 48_000


@pytest.mark.parametrize(("channels", "expected"), [(1, 1), (2, 2), (3, 2), (8, 2)])
def test_mono_stays_mono_and_the_rest_is_stereo(channels: int, expected: int):
    assert lossy_channels(channels) == expected


@given(
    samples=st.integers(0, 1 << 36),
    rates=st.sampled_from([(8_000, 48_000), (22_050, 44_100), (88_200, 44_100), (192_000, 48_000)]),
)
def test_lengths_are_rounded_half_up(samples: int, rates: tuple[int, int]):
    from_hz, to_hz = rates
    length = resampled_length(samples, from_hz=from_hz, to_hz=to_hz)
    assert (2 * length - 1) * from_hz <= 2 * samples * to_hz < (2 * length + 1) * from_hz
