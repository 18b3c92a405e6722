import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.format_error import FormatError
from packager.opus_head import dops_to_opus_head, is_opus_head, opus_head_to_dops

# Stereo, pre-skip 312, made from 44.1 kHz, gain of -1/256 dB, family 0.
STEREO = b"OpusHead\x01\x02\x38\x01\x44\xac\x00\x00\xff\xff\x00"
# Family 1: four streams of which two are coupled, for six channels.
SURROUND = STEREO[:9] + b"\x06" + STEREO[10:18] + b"\x01\x04\x02\x00\x04\x01\x02\x03\x05"


def test_the_fields_change_their_byte_order():
    assert opus_head_to_dops(STEREO) == b"\x00\x02\x01\x38\x00\x00\xac\x44\xff\xff\x00"


@pytest.mark.parametrize("config", [STEREO, SURROUND], ids=["stereo", "5.1"])
def test_what_was_written_is_read(config: bytes):
    assert is_opus_head(config, channels=config[9])
    assert dops_to_opus_head(opus_head_to_dops(config)) == config


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(STEREO[8:], id="no magic"),
        pytest.param(STEREO[:-1], id="torn"),
        pytest.param(STEREO + b"x", id="too long"),
        pytest.param(SURROUND[:-1], id="torn mapping"),
        pytest.param(STEREO[:8] + b"\x02" + STEREO[9:], id="other version"),
        pytest.param(STEREO[:9] + b"\x01" + STEREO[10:], id="other number of channels"),
    ],
)
def test_another_header_is_none(config: bytes):
    assert not is_opus_head(config, channels=2)


@given(st.binary(max_size=40) | st.builds(lambda end: opus_head_to_dops(STEREO) + end, st.binary()))
def test_any_box_is_read_or_refused(dops: bytes):
    try:
        config = dops_to_opus_head(dops)
    except FormatError:
        pass
    else:
        assert opus_head_to_dops(config) == dops
