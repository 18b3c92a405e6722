import hashlib
import io

import numpy as np
import pytest
import soundfile

from packager.encode_flac import encode_flac
from packager.packet_spool import PacketSpool
from packager.pcm import rechunk
from packager.streaminfo import decode_streaminfo


def quantized(frames: int, channels: int, bits: int) -> np.ndarray:
    generator = np.random.default_rng(frames)
    if bits == 16:
        return generator.integers(-(1 << 15), 1 << 15, (frames, channels), dtype=np.int16)
    return generator.integers(-(1 << 23), 1 << 23, (frames, channels), dtype=np.int32) << 8


@pytest.mark.parametrize(
    ("rate", "channels", "bits", "frames"),
    [
        pytest.param(44_100, 2, 16, 20_000, id="a compact disc"),
        pytest.param(8_000, 1, 16, 5_000, id="8 kHz mono"),
        pytest.param(192_000, 2, 24, 50_000, id="192 kHz, 24 bits"),
        pytest.param(96_000, 8, 24, 20_001, id="8 channels"),
        pytest.param(48_000, 3, 16, 9_000, id="3 channels"),
        pytest.param(44_100, 2, 16, 4096, id="exactly one frame"),
        pytest.param(44_100, 2, 24, 4097, id="a last frame of one sample"),
        pytest.param(44_100, 1, 16, 1, id="a single sample"),
        pytest.param(44_100, 1, 16, 15, id="less than the shortest frame"),
    ],
)
def test_another_decoder_returns_the_very_samples(rate: int, channels: int, bits: int, frames: int):
    samples = quantized(frames, channels, bits)
    spool = PacketSpool(io.BytesIO())
    encoding = encode_flac(
        rechunk([samples], 3000), sample_rate_hz=rate, channels=channels, bits=bits, spool=spool
    )
    track = encoding.track
    assert (track.samples, track.coded_samples, track.priming) == (frames, frames, 0)
    assert encoding.pcm_sha256 == hashlib.sha256(samples.tobytes()).hexdigest()

    file = b"fLaC" + bytes([0x80, 0, 0, 34]) + track.config + b"".join(spool.packets())
    decoded, decoded_rate = soundfile.read(
        io.BytesIO(file), dtype="int16" if bits == 16 else "int32", always_2d=True
    )
    assert decoded_rate == rate
    assert np.array_equal(decoded, samples)


def test_streaminfo_tells_everything():
    samples = quantized(10_000, 2, 16)
    spool = PacketSpool(io.BytesIO())
    track = encode_flac([samples], sample_rate_hz=44_100, channels=2, bits=16, spool=spool).track
    info = decode_streaminfo(track.config)
    assert info is not None
    assert (info.sample_rate_hz, info.channels, info.bits, info.samples) == (44_100, 2, 16, 10_000)
    assert info.md5 == hashlib.md5(samples.tobytes(), usedforsecurity=False).digest()
    assert (info.frame_bytes_min, info.frame_bytes_max) == (min(spool.sizes), max(spool.sizes))
    assert info.block_samples_min == info.block_samples_max == track.frame_samples
    assert 16 <= track.frame_samples <= 65_535
