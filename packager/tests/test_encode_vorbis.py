import tempfile

import numpy as np
import pytest
import soundfile

from packager.encode_vorbis import encode_vorbis
from packager.tests.masters import music


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [44_100, 48_000])
@pytest.mark.parametrize("frames", [1, 63, 5000, 70_001])
def test_another_decoder_returns_the_exact_length(channels: int, rate: int, frames: int):
    with tempfile.TemporaryFile() as file:
        samples = music(frames, channels).astype(np.float32)
        encoded = encode_vorbis(
            [samples], sample_rate_hz=rate, channels=channels, quality=5, file=file
        )
        file.seek(0)
        decoded, decoded_rate = soundfile.read(file, always_2d=True)
    assert (encoded, decoded_rate, decoded.shape) == (frames, rate, samples.shape)


def test_a_higher_quality_takes_more_bytes():
    sizes = []
    for quality in (2, 5, 9):
        with tempfile.TemporaryFile() as file:
            block = music(50_000).astype(np.float32)
            encode_vorbis([block], sample_rate_hz=44_100, channels=2, quality=quality, file=file)
            sizes.append(file.seek(0, 2))
    assert sizes == sorted(sizes)
    assert 2 * sizes[0] < sizes[2]
