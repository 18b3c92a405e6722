import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.common_encryption import CommonEncryption
from packager.encoded_track import EncodedTrack
from packager.format_error import FormatError
from packager.movie_header import encode_movie_header
from packager.movie_header_reader import INIT_BYTES_MAX, TrackHeader, parse_movie_header
from packager.renditions import Codec, Protection
from packager.tests.samples import AAC_TRACK, CBCS, CENC, FLAC_TRACK, IV, KEY, OPUS_TRACK

FLAC_HEADER = encode_movie_header(FLAC_TRACK, None)
AAC_HEADER = encode_movie_header(AAC_TRACK, CBCS)
CENC_HEADER = encode_movie_header(OPUS_TRACK, CENC)


@pytest.mark.parametrize("protection", [None, CBCS, CENC], ids=["clear", "cbcs", "cenc"])
@pytest.mark.parametrize("track", [FLAC_TRACK, AAC_TRACK, OPUS_TRACK], ids=["FLAC", "AAC", "Opus"])
def test_what_was_written_is_read(track: EncodedTrack, protection: CommonEncryption | None):
    header = parse_movie_header(encode_movie_header(track, protection))
    assert (header.codec, header.config) == (track.codec, track.config)
    assert header.sample_rate_hz == track.sample_rate_hz
    assert header.channels == track.channels
    assert header.bits == (track.bits or 16)
    assert (header.priming, header.samples) == (track.priming, track.samples)
    assert header.default_duration == track.frame_samples
    assert (header.protection is None) == (protection is None)


@pytest.mark.parametrize(
    ("header", "scheme", "iv"),
    [
        pytest.param(AAC_HEADER, Protection.CBCS, IV, id="cbcs"),
        pytest.param(CENC_HEADER, Protection.CENC, b"", id="cenc"),
    ],
)
def test_a_protected_header_tells_scheme_kid_and_iv(header: bytes, scheme: Protection, iv: bytes):
    protection = parse_movie_header(header).protection
    assert protection is not None
    assert (protection.scheme, protection.kid, protection.iv) == (scheme, KEY.kid, iv)


def replaced(data: bytes, old: bytes, new: bytes) -> bytes:
    assert data.count(old) == 1, "the test damages exactly one place"
    assert len(old) == len(new)
    return data.replace(old, new)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"", "no b'moov'", id="nothing"),
        pytest.param(bytes(INIT_BYTES_MAX + 1), "above", id="too large"),
        pytest.param(FLAC_HEADER + FLAC_HEADER, "2 of b'moov'", id="twice"),
        pytest.param(FLAC_HEADER[:-1], "byte", id="torn"),
        pytest.param(replaced(FLAC_HEADER, b"mvex", b"free"), "no b'mvex'", id="not fragmented"),
        pytest.param(replaced(FLAC_HEADER, b"fLaC", b"alac"), "alac", id="other codec"),
        pytest.param(replaced(AAC_HEADER, b"cbcs", b"cens"), "cens", id="other scheme"),
        pytest.param(replaced(AAC_HEADER, b"cbcs", b"cenc"), "8 bytes", id="wrong scheme"),
        pytest.param(
            replaced(CENC_HEADER, b"tenc\0\0\0\0\0\0\x01\x08", b"tenc\0\0\0\0\0\0\x01\x10"),
            "8 bytes",
            id="IVs of 16 bytes",
        ),
        pytest.param(
            replaced(FLAC_HEADER, b"dfLa\0\0\0\0\x80", b"dfLa\0\0\0\0\x84"),
            "STREAMINFO",
            id="comment in place of STREAMINFO",
        ),
        pytest.param(
            replaced(AAC_HEADER, b"tenc\x01\0\0\0\0\0\x01", b"tenc\x01\0\0\0\0\x19\x01"),
            "as a whole",
            id="pattern encryption",
        ),
        pytest.param(
            replaced(AAC_HEADER, b"\x10" + IV, b"\x08" + IV), "constant IV", id="IV of 8 bytes"
        ),
        pytest.param(
            replaced(AAC_HEADER, b"esds\0\0\0\0\x03", b"esds\0\0\0\0\x02"),
            "kind 3",
            id="other descriptor",
        ),
        pytest.param(
            replaced(AAC_HEADER, b"esds\0\0\0\0\x03\x19\0\0\0", b"esds\0\0\0\0\x03\x19\0\0\x40"),
            "another stream",
            id="descriptor with a URL",
        ),
        pytest.param(
            replaced(AAC_HEADER, b"\x04\x11\x40\x15", b"\x04\x11\x69\x15"), "MPEG-4", id="MP3"
        ),
        pytest.param(
            replaced(AAC_HEADER, b"\x03\x19\0\0\0", b"\x03\xff\xff\xff\xff"),
            "no end",
            id="descriptor without end",
        ),
        pytest.param(
            replaced(AAC_HEADER, b"elst\x01\0\0\0\0\0\0\x01", b"elst\x01\0\0\0\0\0\0\x02"),
            "one edit",
            id="two edits",
        ),
        pytest.param(
            replaced(
                AAC_HEADER, (1024).to_bytes(8, "big") + b"\0\x01\0\0", b"\xff" * 8 + b"\0\x01\0\0"
            ),
            "empty",
            id="empty edit",
        ),
        pytest.param(
            replaced(FLAC_HEADER, b"stsd\0\0\0\0\0\0\0\x01", b"stsd\0\0\0\0\0\0\0\x02"),
            "one sample entry",
            id="two sample entries",
        ),
        pytest.param(
            replaced(
                FLAC_HEADER,
                b"mdhd\x01\0\0\0" + bytes(16) + (44_100).to_bytes(4, "big"),
                b"mdhd\x01\0\0\0" + bytes(20),
            ),
            "timescale",
            id="timescale of 0",
        ),
    ],
)
def test_what_is_not_read_is_refused(data: bytes, message: str):
    with pytest.raises(FormatError, match=message):
        parse_movie_header(data)


def test_a_file_need_not_tell_its_length():
    header = parse_movie_header(replaced(FLAC_HEADER, b"mehd", b"free"))
    assert (header.priming, header.samples) == (0, 0)


def test_fields_of_32_bits_are_read_too():
    old = b"elst\x01\0\0\0\0\0\0\x01"
    start = AAC_HEADER.index(old)
    # An edit of version 0 is 8 bytes shorter; what follows it in the box is passed over.
    edit = (77).to_bytes(4, "big") + (88).to_bytes(4, "big") + bytes(12)
    data = bytearray(AAC_HEADER)
    data[start : start + 12] = b"elst\0\0\0\0\0\0\0\x01"
    data[start + 12 : start + 32] = edit
    header = parse_movie_header(bytes(data))
    assert (header.samples, header.priming) == (77, 88)


@given(
    st.sampled_from((FLAC_HEADER, AAC_HEADER, CENC_HEADER)),
    st.lists(st.tuples(st.integers(0, 800), st.integers(0, 255)), max_size=6),
    st.integers(0, 900),
)
def test_any_bytes_are_read_or_refused(data: bytes, changes: list[tuple[int, int]], end: int):
    damaged = bytearray(data)
    for position, value in changes:
        damaged[position % len(damaged)] = value
    try:
        header = parse_movie_header(bytes(damaged[: max(end, 1)]))
    except FormatError:
        pass
    else:
        assert isinstance(header, TrackHeader)
        assert header.codec in {Codec.AAC, Codec.FLAC, Codec.OPUS}
