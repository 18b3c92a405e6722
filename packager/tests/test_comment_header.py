import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.comment_header import CommentHeaderError, gain_comments, with_comments
from packager.loudness import TrackGain

VENDOR = b"somebody's encoder"
HEADER = (
    b"\x03vorbis"
    + len(VENDOR).to_bytes(4, "little")
    + VENDOR
    + (1).to_bytes(4, "little")
    + (3).to_bytes(4, "little")
    + b"A=b"
    + b"\x01"
)


def test_the_vendor_stays_and_the_comments_are_replaced():
    rewritten = with_comments(HEADER, ["TITLE=é"])
    assert rewritten == (
        b"\x03vorbis"
        + len(VENDOR).to_bytes(4, "little")
        + VENDOR
        + (1).to_bytes(4, "little")
        + (8).to_bytes(4, "little")
        + "TITLE=é".encode()
        + b"\x01"
    )
    assert with_comments(rewritten, ["A=b"]) == HEADER


@given(st.integers(0, len(HEADER)))
def test_any_part_of_a_header_is_taken_or_refused(size: int):
    needed = len(b"\x03vorbis") + 4 + len(VENDOR)
    if size < needed:
        with pytest.raises(CommentHeaderError):
            with_comments(HEADER[:size], [])
    else:
        assert VENDOR in with_comments(HEADER[:size], [])


@pytest.mark.parametrize("packet", [b"", b"\x03vorbis", b"\x05vorbis" + bytes(8), b"OpusTags"])
def test_what_is_no_comment_header_is_refused(packet: bytes):
    with pytest.raises(CommentHeaderError):
        with_comments(packet, [])


def test_gain_is_embedded_as_replaygain_has_it():
    assert gain_comments(TrackGain(integrated_lufs=-9.5, true_peak_dbtp=-1.0)) == (
        "REPLAYGAIN_TRACK_GAIN=-8.50 dB",
        "REPLAYGAIN_TRACK_PEAK=0.891251",
    )
    assert gain_comments(None) == ()
