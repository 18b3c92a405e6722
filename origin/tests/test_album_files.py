from collections.abc import Sequence
from dataclasses import replace

import pytest

from origin.album_files import AlbumTrack, NeedsOfTracks, common_names, find_album_file
from origin.tests.examples import TRACK, TRACK_ID, rendition
from origin.version_files import WrittenFile

OTHER_ID = "0" * 21 + "2"


def track(track_id: str, ladder: Sequence[str], packaged: Sequence[str]) -> AlbumTrack:
    version = replace(
        TRACK.current, ladder=tuple(ladder), renditions=tuple(map(rendition, packaged))
    )
    return AlbumTrack(track_id, version)


LADDER = ("flac", "aac-160", "vorbis-160", "opus-24")
WHOLE = track(TRACK_ID, LADDER, LADDER)
SHORTER = track(OTHER_ID, ("opus-24", "aac-160"), ("opus-24", "aac-160"))
PARTLY = track(OTHER_ID, LADDER, ("flac", "vorbis-160"))


@pytest.mark.parametrize(
    ("name", "content_type", "start"),
    [
        pytest.param("manifest.mpd", "application/dash+xml", b"<?xml", id="DASH"),
        pytest.param("master.m3u8", "application/vnd.apple.mpegurl", b"#EXTM3U", id="HLS"),
        pytest.param("hls.m3u8", "application/vnd.apple.mpegurl", b"#EXTM3U", id="hls.js"),
        pytest.param("aac-160.m3u8", "application/vnd.apple.mpegurl", b"#EXTM3U", id="playlist"),
        pytest.param(
            "opus-24.hls.m3u8", "application/vnd.apple.mpegurl", b"#EXTM3U", id="for hls.js"
        ),
    ],
)
def test_playlists_are_written_from_the_records(name: str, content_type: str, start: bytes):
    file = find_album_file([WHOLE, SHORTER], name)
    assert isinstance(file, WrittenFile)
    assert file.content_type == content_type
    assert file.content.startswith(start)
    assert file == find_album_file([WHOLE, SHORTER], name), "the same records, the same bytes"


def test_a_playlist_leads_to_every_track():
    file = find_album_file([WHOLE, SHORTER], "aac-160.m3u8")
    assert isinstance(file, WrittenFile)
    for track_id in (TRACK_ID, OTHER_ID):
        url = f"../../audio/{track_id}/{TRACK.current_version}/aac-160.mp4"
        assert url.encode() in file.content


@pytest.mark.parametrize(
    "name",
    ["", "flac.m3u8", "vorbis-160.m3u8", "aac-160.mp4", "aac-160.json", "../manifest.mpd"],
)
def test_there_is_no_such_playlist(name: str):
    assert find_album_file([WHOLE, SHORTER], name) is None


@pytest.mark.parametrize(
    "tracks",
    [
        pytest.param([], id="no track"),
        pytest.param([WHOLE, track(OTHER_ID, ("aac-320",), ("aac-320",))], id="nothing in common"),
    ],
)
def test_without_a_common_rendition_there_is_none(tracks: list[AlbumTrack]):
    assert common_names(tracks) == ()
    assert find_album_file(tracks, "manifest.mpd") is None


@pytest.mark.parametrize(
    ("name", "needed"),
    [
        pytest.param("manifest.mpd", ("aac-160", "opus-24"), id="all common ones"),
        pytest.param("opus-24.m3u8", ("opus-24",), id="a media playlist its own"),
    ],
)
def test_what_was_never_packaged_is_needed_first(name: str, needed: tuple[str, ...]):
    assert find_album_file([WHOLE, PARTLY], name) == NeedsOfTracks(((PARTLY, needed),))


def test_a_playlist_of_what_was_packaged_needs_nothing():
    assert isinstance(find_album_file([WHOLE, PARTLY], "flac.m3u8"), WrittenFile)
