import tempfile

import numpy as np
import pytest
import soundfile

from packager.encode_vorbis import encode_vorbis
from packager.tests.feeds import feed_of
from packager.tests.masters import music


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [44_100, 48_000])
@pytest.mark.parametrize("frames", [1, 63, 5000, 70_001])
def test_another_decoder_returns_the_exact_length(channels: int, rate: int, frames: int):
    feed = feed_of(music(frames, channels), rate=rate, block=1 << 17)
    with tempfile.TemporaryFile() as file:
        encode_vorbis(feed, quality=5, file=file)
        file.seek(0)
        decoded, decoded_rate = soundfile.read(file, always_2d=True)
    assert (feed.samples, decoded_rate, decoded.shape) == (frames, rate, (frames, channels))


def test_a_higher_quality_takes_more_bytes():
    sizes = []
    for quality in (2, 5, 9):
        with tempfile.TemporaryFile() as file:
            encode_vorbis(feed_of(music(50_000), rate=44_100), quality=quality, file=file)
            sizes.append(file.seek(0, 2))
    assert sizes == sorted(sizes)
    assert 2 * sizes[0] < sizes[2]


@pytest.mark.parametrize("level", [1.0, 3.0, 1e30])
def test_levels_above_full_scale_neither_wrap_nor_break(level: float):
    samples = level * np.sin(2 * np.pi * 440 * np.arange(30_000)[:, None] / 44_100)
    with tempfile.TemporaryFile() as file:
        encode_vorbis(feed_of(samples, rate=44_100), quality=5, file=file)
        file.seek(0)
        decoded, _ = soundfile.read(file, always_2d=True)
    assert np.abs(decoded[5000:-5000]).max() == pytest.approx(min(level, 16.0), rel=0.15)
