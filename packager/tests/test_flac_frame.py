import io
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.encode_flac import encode_flac
from packager.flac_frame import first_sample
from packager.packet_spool import PacketSpool
from packager.streaminfo import StreamInfo, decode_streaminfo

INFO = StreamInfo(4096, 4096, 0, 0, 44_100, 2, 16, 0, bytes(16))
VARYING = StreamInfo(16, 4096, 0, 0, 44_100, 2, 16, 0, bytes(16))


def test_frames_of_one_size_are_told_by_their_number():
    spool = PacketSpool(io.BytesIO())
    samples = np.zeros((1_000_000, 1), np.int16)
    track = encode_flac([samples], sample_rate_hz=8_000, channels=1, bits=16, spool=spool).track
    info = decode_streaminfo(track.config)
    assert info is not None
    assert len(spool.sizes) > 128  # So that the number takes more than a byte.
    starts = [first_sample(packet[:16], info) for packet in spool.packets()]
    assert starts == list(itertools.islice(itertools.count(0, track.frame_samples), len(starts)))


@pytest.mark.parametrize(
    ("head", "info", "expected"),
    [
        pytest.param("fff8c91805", INFO, 5 * 4096, id="a frame number"),
        pytest.param("fff9c918c280", VARYING, 128, id="a sample number of two bytes"),
        pytest.param("fff9c918febfbfbfbfbfbf", VARYING, (1 << 36) - 1, id="the largest number"),
        pytest.param("fff8c91805", VARYING, None, id="a frame number among sizes that vary"),
        pytest.param("fff8c918", INFO, None, id="no number"),
        pytest.param("fff8c918c2", INFO, None, id="half a number"),
        pytest.param("fff8c918c2ff", INFO, None, id="a number that is not coded so"),
        pytest.param("fff8c91880", INFO, None, id="a number from its middle"),
        pytest.param("fff8c918ff80", INFO, None, id="a number that is too long"),
        pytest.param("00f8c91805", INFO, None, id="no frame"),
    ],
)
def test_the_first_sample_is_read_from_the_head(head: str, info: StreamInfo, expected: int | None):
    assert first_sample(bytes.fromhex(head), info) == expected


@given(head=st.binary(max_size=16))
def test_any_bytes_have_an_answer(head: bytes):
    start = first_sample(head, INFO)
    assert start is None or 0 <= start < 1 << 48
