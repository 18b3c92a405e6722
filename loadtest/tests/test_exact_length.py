import pytest

from loadtest.exact_length import exact_length


@pytest.mark.parametrize(
    ("rendition", "samples", "rate_hz", "expected"),
    [
        pytest.param("flac", 441137, 96000, (441137, 96000), id="lossless as it is"),
        pytest.param("aac-160", 441137, 44100, (441137, 44100), id="the same rate"),
        pytest.param("aac-160", 88201, 88200, (44101, 44100), id="half of the odd one, up"),
        pytest.param("vorbis-160", 8001, 8000, (48006, 48000), id="six times as many"),
    ],
)
def test_exact_length(rendition: str, samples: int, rate_hz: int, expected: tuple[int, int]):
    assert exact_length(rendition, samples=samples, sample_rate_hz=rate_hz) == expected
