# mypy: disallow-untyped-calls=False
import base64
from io import BytesIO
from typing import Any

import pytest
from mutagen._vorbis import VComment
from mutagen.flac import FLAC, Picture
from mutagen.mp4 import MP4

from packager.loudness import AlbumLoudness, TrackGain
from packager.progressive_mp4 import encode_progressive_header
from packager.tag_writer import FileMetadata, opus_tags, tag_flac, tag_mp4, vorbis_comments
from packager.tests.pictures import gif_of_one_color, jpeg, png, quarters
from packager.tests.samples import AAC_TRACK

JPEG = jpeg(quarters(30, 20))
PNG = png(quarters(30, 20))
GAINS = FileMetadata({}, None, TrackGain(-18.0, 0.0), AlbumLoudness(-23.0, -6.0206))


def comments_of_opus(metadata: FileMetadata) -> list[tuple[str, str]]:
    packet = opus_tags(metadata)
    assert packet.startswith(b"OpusTags")
    return list(VComment(packet[8:], framing=False))


def tagged_mp4(metadata: FileMetadata) -> dict[str, Any]:
    header = BytesIO(encode_progressive_header(AAC_TRACK))
    tag_mp4(header, metadata, {})
    header.seek(0)
    tags: Any = MP4(header).tags
    return dict(tags)


def test_each_value_is_a_comment():
    metadata = FileMetadata({"title": ["T"], "artist": ["A", "B"]})
    assert vorbis_comments(metadata) == ("TITLE=T", "ARTIST=A", "ARTIST=B")
    assert comments_of_opus(metadata) == [("TITLE", "T"), ("ARTIST", "A"), ("ARTIST", "B")]


def test_gains_are_named_as_the_format_has_them():
    assert vorbis_comments(GAINS) == (
        "REPLAYGAIN_TRACK_GAIN=+0.00 dB",
        "REPLAYGAIN_TRACK_PEAK=1.000000",
        "REPLAYGAIN_ALBUM_GAIN=+5.00 dB",
        "REPLAYGAIN_ALBUM_PEAK=0.500000",
    )
    assert comments_of_opus(GAINS) == [
        ("R128_TRACK_GAIN", str(-5 * 256)),
        ("R128_ALBUM_GAIN", "0"),
    ]
    assert bytes(tagged_mp4(GAINS)["----:com.apple.iTunes:replaygain_track_gain"][0]) == b"+0.00 dB"


@pytest.mark.parametrize(("cover", "mime"), [(JPEG, "image/jpeg"), (PNG, "image/png")])
def test_the_cover_tells_what_it_is(cover: bytes, mime: str):
    (comment,) = vorbis_comments(FileMetadata({}, cover))
    name, _, text = comment.partition("=")
    picture = Picture(base64.b64decode(text))
    assert name == "METADATA_BLOCK_PICTURE"
    assert (picture.type, picture.mime, picture.width, picture.height) == (3, mime, 30, 20)
    assert picture.data == cover


@pytest.mark.parametrize(
    "cover",
    [
        pytest.param(gif_of_one_color(9, 9, (1, 2, 3)), id="a GIF"),
        pytest.param(b"<svg/>", id="no picture"),
        pytest.param(JPEG[:2] + bytes(9 << 20) + JPEG, id="too large"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_a_cover_that_these_files_may_not_carry_is_left_out(cover: bytes):
    metadata = FileMetadata({}, cover)
    assert vorbis_comments(metadata) == ()
    assert comments_of_opus(metadata) == []
    assert "covr" not in tagged_mp4(metadata)


def test_a_flac_file_has_its_metadata_before_the_frames():
    header = BytesIO(b"fLaC\x80\0\0\x22" + bytes(10) + b"\x0a\xc4\x42\xf0" + bytes(20))
    tag_flac(header, FileMetadata({"title": ["T"]}, JPEG, TrackGain(-18.0, 0.0)))
    header.seek(0)
    file = FLAC(header)
    tags: Any = file.tags
    assert dict(tags) == {
        "title": ["T"],
        "replaygain_track_gain": ["+0.00 dB"],
        "replaygain_track_peak": ["1.000000"],
    }
    assert [picture.data for picture in file.pictures] == [JPEG]
    # STREAMINFO, comments, the picture, and no padding.
    assert [block.code for block in file.metadata_blocks] == [0, 4, 6, 1]
    assert header.getvalue().endswith(b"\x81\0\0\0")


@pytest.mark.parametrize(
    ("tags", "atom", "value"),
    [
        pytest.param({"tracknumber": ["3"]}, "trkn", [(3, 0)], id="a number alone"),
        pytest.param({"tracktotal": ["12"]}, "trkn", [(0, 12)], id="a total alone"),
        pytest.param({"discnumber": ["1"], "disctotal": ["2"]}, "disk", [(1, 2)], id="both"),
        pytest.param({"tracknumber": ["A1"]}, "trkn", None, id="no number"),
        pytest.param({"tracknumber": ["99999"]}, "trkn", [(65_535, 0)], id="beyond its field"),
        pytest.param({"compilation": ["1"]}, "cpil", True, id="a flag"),
        pytest.param({"genre": []}, "\xa9gen", None, id="an empty list"),
    ],
)
def test_atoms_have_the_types_of_mp4(tags: dict[str, list[str]], atom: str, value: object):
    assert tagged_mp4(FileMetadata(tags)).get(atom) == value
