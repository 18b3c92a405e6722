from dataclasses import replace

import orjson
import pytest

from origin.tests.examples import TRACK, rendition
from origin.version_files import NeedsRenditions, WrittenFile, find_file
from packager.seek_index import decode_seek_index

VERSION = TRACK.current


@pytest.mark.parametrize("name", ["flac.mp4", "aac-160.mp4", "vorbis-160.ogg"])
def test_renditions_are_found_by_their_file_names(name: str):
    facts = find_file(VERSION, name)
    assert facts == VERSION.rendition(name.partition(".")[0])


@pytest.mark.parametrize(
    ("name", "content_type", "start"),
    [
        pytest.param("manifest.mpd", "application/dash+xml", b"<?xml", id="DASH"),
        pytest.param("master.m3u8", "application/vnd.apple.mpegurl", b"#EXTM3U", id="HLS"),
        pytest.param("hls.m3u8", "application/vnd.apple.mpegurl", b"#EXTM3U", id="hls.js"),
        pytest.param("flac.m3u8", "application/vnd.apple.mpegurl", b"#EXTM3U", id="media playlist"),
        pytest.param(
            "flac.hls.m3u8", "application/vnd.apple.mpegurl", b"#EXTM3U", id="its hls.js flavor"
        ),
        pytest.param("vorbis-160.json", "application/json", b"{", id="seek index"),
    ],
)
def test_the_rest_is_written_from_the_record(name: str, content_type: str, start: bytes):
    file = find_file(VERSION, name)
    assert isinstance(file, WrittenFile)
    assert file.content_type == content_type
    assert file.content.startswith(start)
    assert find_file(VERSION, name) == file, "the same record, the same bytes"


def test_a_seek_index_reads_back():
    file = find_file(VERSION, "flac.json")
    assert isinstance(file, WrittenFile)
    assert decode_seek_index(file.content) == VERSION.rendition("flac")


@pytest.mark.parametrize(
    ("rendition_name", "has_context"),
    [
        pytest.param("aac-160", True, id="AAC"),
        pytest.param("opus-24", True, id="Opus"),
        pytest.param("flac", False, id="FLAC needs none"),
        pytest.param("vorbis-160", False, id="Vorbis cannot drop it"),
    ],
)
def test_a_seek_index_tells_what_its_version_was_encoded_with(
    rendition_name: str, has_context: bool
):
    version = replace(VERSION, context_before="6f" * 32, context_after="")
    file = find_file(version, f"{rendition_name}.json")
    assert isinstance(file, WrittenFile)
    wanted = {"before": "6f" * 32 if has_context else None, "after": None}
    assert orjson.loads(file.content)["joins_with"] == wanted


@pytest.mark.parametrize(
    "name",
    ["", "flac", "flac.ogg", "vorbis-160.mp4", "vorbis-160.m3u8", "opus-64.mp4", "../flac.mp4"],
)
def test_there_is_no_such_file(name: str):
    assert find_file(VERSION, name) is None


def test_what_is_not_in_the_ladder_is_not_there():
    short = replace(VERSION, ladder=("flac",), renditions=(rendition("flac"),))
    assert find_file(short, "aac-160.mp4") is None


def test_without_fragmented_files_there_are_no_manifests():
    sealed = replace(VERSION, ladder=("vorbis-160",), renditions=(rendition("vorbis-160"),))
    for name in ("manifest.mpd", "master.m3u8", "hls.m3u8"):
        assert find_file(sealed, name) is None


PARTLY = replace(
    VERSION,
    ladder=("flac", "aac-320", "aac-160", "vorbis-160"),
    renditions=(rendition("aac-320"),),
)


@pytest.mark.parametrize(
    ("name", "needed"),
    [
        pytest.param("manifest.mpd", ("flac", "aac-160"), id="DASH: all fragmented ones"),
        pytest.param("master.m3u8", ("flac", "aac-160"), id="HLS"),
        pytest.param("hls.m3u8", ("flac", "aac-160"), id="hls.js"),
        pytest.param("aac-160.m3u8", ("aac-160",), id="media playlist: its own"),
        pytest.param("aac-160.hls.m3u8", ("aac-160",), id="its hls.js flavor"),
        pytest.param("flac.json", ("flac",), id="seek index"),
        pytest.param("flac.mp4", ("flac",), id="rendition"),
        pytest.param("vorbis-160.ogg", ("vorbis-160",), id="sealed rendition"),
    ],
)
def test_what_was_never_packaged_is_needed_first(name: str, needed: tuple[str, ...]):
    assert find_file(PARTLY, name) == NeedsRenditions(needed)


@pytest.mark.parametrize("name", ["aac-320.mp4", "aac-320.json", "aac-320.m3u8"])
def test_what_was_packaged_needs_no_other(name: str):
    assert not isinstance(find_file(PARTLY, name), NeedsRenditions | None)
