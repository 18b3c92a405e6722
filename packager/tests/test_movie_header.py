import struct
from dataclasses import replace

import pytest

from packager.boxes import Box, split_boxes
from packager.encoded_track import EncodedTrack
from packager.movie_header import encode_movie_header
from packager.tests.samples import AAC_TRACK, CBCS, FLAC_TRACK, OPUS_TRACK

CONTAINERS = {b"moov", b"trak", b"edts", b"mdia", b"minf", b"dinf", b"stbl", b"mvex"}


def paths_of(data: bytes, prefix: str = "") -> dict[str, Box]:
    found = {}
    for box in split_boxes(data):
        path = f"{prefix}{box.fourcc.decode()}"
        found[path] = box
        if box.fourcc in CONTAINERS:
            found |= paths_of(box.payload, f"{path}/")
    return found


BARE = [
    "ftyp",
    "moov",
    "moov/mvhd",
    "moov/trak",
    "moov/trak/tkhd",
    "moov/trak/mdia",
    "moov/trak/mdia/mdhd",
    "moov/trak/mdia/hdlr",
    "moov/trak/mdia/minf",
    "moov/trak/mdia/minf/smhd",
    "moov/trak/mdia/minf/dinf",
    "moov/trak/mdia/minf/dinf/dref",
    "moov/trak/mdia/minf/stbl",
    "moov/trak/mdia/minf/stbl/stsd",
    "moov/trak/mdia/minf/stbl/stts",
    "moov/trak/mdia/minf/stbl/stsc",
    "moov/trak/mdia/minf/stbl/stsz",
    "moov/trak/mdia/minf/stbl/stco",
    "moov/mvex",
    "moov/mvex/mehd",
    "moov/mvex/trex",
]


def test_flac_has_what_every_file_has():
    assert list(paths_of(encode_movie_header(FLAC_TRACK, None))) == BARE


@pytest.mark.parametrize(
    ("track", "distance"),
    [
        pytest.param(AAC_TRACK, -1, id="AAC"),
        pytest.param(OPUS_TRACK, -4, id="Opus"),
        pytest.param(replace(OPUS_TRACK, frame_samples=2880), -2, id="Opus of 60 ms"),
    ],
)
def test_lossy_codecs_add_an_edit_list_and_a_roll_group(track: EncodedTrack, distance: int):
    paths = paths_of(encode_movie_header(track, None))
    assert paths.keys() - set(BARE) == {
        "moov/trak/edts",
        "moov/trak/edts/elst",
        "moov/trak/mdia/minf/stbl/sgpd",
    }
    (roll,) = struct.unpack(">h", paths["moov/trak/mdia/minf/stbl/sgpd"].payload[-2:])
    assert roll == distance


def test_a_protected_file_adds_pssh():
    paths = paths_of(encode_movie_header(FLAC_TRACK, CBCS))
    assert paths.keys() - set(BARE) == {"moov/pssh"}


@pytest.mark.parametrize(
    ("track", "sizes"),
    [
        pytest.param(FLAC_TRACK, {"moov/mvhd": 112, "moov/trak/tkhd": 96}, id="FLAC"),
        pytest.param(AAC_TRACK, {"moov/trak/mdia/mdhd": 36, "moov/mvex/trex": 24}, id="AAC"),
    ],
)
def test_boxes_have_the_sizes_of_the_standard(track: EncodedTrack, sizes: dict[str, int]):
    paths = paths_of(encode_movie_header(track, None))
    assert {path: len(paths[path].payload) for path in sizes} == sizes


def test_lengths_of_more_than_32_bits_are_kept():
    samples = 12 * 3600 * 192_000
    assert samples >= 1 << 32
    track = replace(AAC_TRACK, samples=samples)
    paths = paths_of(encode_movie_header(track, None))
    assert samples.to_bytes(8, "big") in paths["moov/mvex/mehd"].payload
    assert samples.to_bytes(8, "big") in paths["moov/trak/edts/elst"].payload


@pytest.mark.parametrize(
    ("priming", "samples", "has_edit"),
    [
        pytest.param(0, FLAC_TRACK.coded_samples, False, id="all is heard"),
        pytest.param(0, FLAC_TRACK.coded_samples - 1, True, id="padding"),
        pytest.param(1, FLAC_TRACK.coded_samples - 1, True, id="priming"),
    ],
)
def test_an_edit_list_stands_where_something_is_not_heard(
    *, priming: int, samples: int, has_edit: bool
):
    track = replace(FLAC_TRACK, priming=priming, samples=samples)
    assert ("moov/trak/edts" in paths_of(encode_movie_header(track, None))) == has_edit
