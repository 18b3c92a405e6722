import io

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from packager.streaminfo import FlacMd5, StreamInfo, decode_streaminfo, encode_streaminfo
from packager.tests.masters import music, sound_file

INFOS = st.builds(
    StreamInfo,
    block_samples_min=st.integers(16, 65535),
    block_samples_max=st.integers(16, 65535),
    frame_bytes_min=st.integers(0, (1 << 24) - 1),
    frame_bytes_max=st.integers(0, (1 << 24) - 1),
    sample_rate_hz=st.integers(1, (1 << 20) - 1),
    channels=st.integers(1, 8),
    bits=st.integers(4, 32),
    samples=st.integers(0, (1 << 36) - 1),
    md5=st.binary(min_size=16, max_size=16),
)


@given(info=INFOS)
def test_what_is_encoded_is_decoded(info: StreamInfo):
    data = encode_streaminfo(info)
    assert len(data) == 34
    assert decode_streaminfo(data) == info


@pytest.mark.parametrize("size", [0, 33, 35])
def test_other_sizes_are_no_streaminfo(size: int):
    assert decode_streaminfo(bytes(size)) is None


@pytest.mark.parametrize(("subtype", "bits"), [("PCM_S8", 8), ("PCM_16", 16), ("PCM_24", 24)])
@pytest.mark.parametrize("channels", [1, 2, 5])
def test_the_md5_is_that_of_another_encoder(subtype: str, bits: int, channels: int):
    flac = sound_file(music(3000, channels), form="FLAC", subtype=subtype)
    info = decode_streaminfo(flac[8:42])
    assert info is not None
    dtype = "int16" if bits <= 16 else "int32"
    samples, _ = soundfile.read(io.BytesIO(flac), dtype=dtype, always_2d=True)
    md5 = FlacMd5(bits)
    for part in np.array_split(samples, 3):
        md5.update(part)
    assert (info.bits, info.channels, info.samples) == (bits, channels, 3000)
    assert info.has_md5
    assert md5.digest() == info.md5
