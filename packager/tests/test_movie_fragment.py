import struct
from dataclasses import replace

import pytest

from packager.boxes import split_boxes
from packager.common_encryption import CommonEncryption
from packager.encoded_track import EncodedTrack
from packager.movie_fragment import (
    Fragment,
    encode_moof,
    encode_sidx,
    fragment_size,
    sidx_size,
)
from packager.seek_index import Segment
from packager.tests.samples import AAC_TRACK, CBCS, CENC, FLAC_TRACK, OPUS_TRACK

FRAGMENT = Fragment(
    sequence_number=3,
    first_packet=27,
    packet_count=3,
    decode_time=5 << 32,
    payload_bytes=28 + 29 + 30,
    has_durations=False,
)


def boxes_of(moof: bytes) -> dict[bytes, bytes]:
    (box,) = split_boxes(moof)
    mfhd, traf = split_boxes(box.payload)
    return {inner.fourcc: inner.payload for inner in (mfhd, *split_boxes(traf.payload))}


def test_a_fragment_says_when_and_where_its_samples_are():
    moof = encode_moof(FRAGMENT, FLAC_TRACK, None)
    boxes = boxes_of(moof)
    assert list(boxes) == [b"mfhd", b"tfhd", b"tfdt", b"trun"]
    assert boxes[b"mfhd"] == struct.pack(">II", 0, 3)
    assert boxes[b"tfhd"] == struct.pack(">II", 0x020000, 1)
    assert boxes[b"tfdt"] == struct.pack(">IQ", 1 << 24, 5 << 32)
    assert boxes[b"trun"] == struct.pack(">6I", 0x000201, 3, len(moof) + 8, 28, 29, 30)


def test_the_odd_last_sample_tells_its_duration():
    boxes = boxes_of(encode_moof(replace(FRAGMENT, has_durations=True), FLAC_TRACK, None))
    assert boxes[b"trun"][12:] == struct.pack(">6I", 4096, 28, 4096, 29, 100, 30)
    assert boxes[b"trun"][:4] == struct.pack(">I", 0x000301)


@pytest.mark.parametrize("track", [AAC_TRACK, OPUS_TRACK], ids=["AAC", "Opus"])
def test_samples_of_lossy_codecs_belong_to_the_roll_group(track: EncodedTrack):
    boxes = boxes_of(encode_moof(FRAGMENT, track, None))
    assert boxes[b"sbgp"] == bytes(4) + b"roll" + struct.pack(">III", 1, 3, 1)


@pytest.mark.parametrize("has_durations", [False, True])
@pytest.mark.parametrize("protection", [None, CBCS, CENC], ids=["clear", "cbcs", "cenc"])
@pytest.mark.parametrize("track", [FLAC_TRACK, AAC_TRACK, OPUS_TRACK], ids=["FLAC", "AAC", "Opus"])
def test_sizes_are_known_before_the_bytes(
    track: EncodedTrack, protection: CommonEncryption | None, *, has_durations: bool
):
    fragment = replace(FRAGMENT, has_durations=has_durations)
    size = len(encode_moof(fragment, track, protection)) + 8 + fragment.payload_bytes
    assert fragment_size(fragment, track, protection) == size


def test_a_constant_iv_is_not_stored_in_fragments():
    assert encode_moof(FRAGMENT, AAC_TRACK, CBCS) == encode_moof(FRAGMENT, AAC_TRACK, None)


def test_the_iv_of_each_sample_is_stored_and_referred_to():
    moof = encode_moof(FRAGMENT, AAC_TRACK, CENC)
    boxes = boxes_of(moof)
    assert boxes[b"saiz"] == struct.pack(">IBI", 0, 8, 3)
    version, count, offset = struct.unpack(">III", boxes[b"saio"])
    assert (version, count) == (0, 1)
    assert moof[offset : offset + 3 * 8] == CENC.sample_ivs(27, 3)
    assert boxes[b"senc"] == struct.pack(">II", 0, 3) + CENC.sample_ivs(27, 3)


def test_the_index_refers_to_each_segment():
    segments = [Segment(1000, 50, 0, 700), Segment(1050, (1 << 31) - 1, 700, 900)]
    sidx = encode_sidx(segments, 44_100)
    assert len(sidx) == sidx_size(2)
    assert sidx[8:] == struct.pack(
        ">IIIQQHH6I",
        1 << 24,
        1,
        44_100,
        0,
        0,
        0,
        2,
        50,
        700,
        0x9000_0000,
        (1 << 31) - 1,
        900,
        0x9000_0000,
    )
