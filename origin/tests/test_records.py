from dataclasses import replace

import pytest

from origin.errors import AlbumFullError
from origin.records import ALBUM_ENTRIES_MAX, AlbumRecord, key_of_master
from origin.tests.examples import ALBUM, MASTER, TRACK, TRACK_ID, VERSION, entry, rendition


def test_entries_stand_by_disc_number_and_file_name():
    wanted = [
        entry("a", disc=None, track=1),
        entry("b", disc=1, track=2, file_name="x"),
        entry("c", disc=1, track=2, file_name="y"),
        entry("d", disc=1, track=None, file_name="a"),
        entry("e", disc=1, track=None, file_name="b"),
        entry("f", disc=2, track=1),
    ]
    album = AlbumRecord("A", "Album", "", ())
    for one in reversed(wanted):
        album = album.with_entry(one)
    assert album.entries == tuple(wanted)


def test_an_entry_replaces_that_of_its_track():
    album = ALBUM.with_entry(entry(TRACK_ID, title="New"))
    assert [one.title for one in album.entries] == ["New"]
    assert album.without_track(TRACK_ID).entries == ()
    assert album.without_track("another") == album


def test_what_follows_and_precedes_a_track():
    album = AlbumRecord("A", "Album", "", ())
    for number, track_id in enumerate("abc", 1):
        album = album.with_entry(entry(track_id, track=number))
    assert [one.track_id for one in album.entries_after("a")] == ["b", "c"]
    assert album.entries_after("c") == ()
    assert album.entries_after("unknown") == ()
    assert [one.track_id for one in album.entries_before("c")] == ["b", "a"]
    assert album.entries_before("unknown") == ()


def test_versions_and_renditions_are_found_by_name():
    assert TRACK.current.version == VERSION
    assert TRACK.version("other") is None
    facts = TRACK.current.rendition("flac")
    assert facts is not None
    assert facts.name == "flac"
    assert TRACK.current.rendition("mp3-1") is None


def test_renditions_stand_in_the_order_of_the_ladder():
    version = replace(TRACK.current, renditions=())
    for name in reversed(version.ladder):
        version = version.with_rendition(rendition(name))
    assert version == TRACK.current
    again = replace(rendition("flac"), bitrate_bps=1)
    assert version.with_rendition(again).rendition("flac") == again


def test_a_version_is_replaced_by_name():
    changed = replace(TRACK.current, renditions=())
    assert TRACK.with_version(changed).versions == (changed,)
    assert TRACK.with_version(replace(changed, version="other")) == TRACK


@pytest.mark.parametrize(
    ("container", "extension"),
    [
        pytest.param("flac", "flac", id="flac"),
        pytest.param("mov,mp4,m4a,3gp,3g2,mj2", "m4a", id="a family of names"),
        pytest.param("../../etc", "bin", id="a name that we do not know"),
    ],
)
def test_a_master_is_kept_under_its_digest(container: str, extension: str):
    key = key_of_master("T", replace(MASTER, container=container))
    assert key == f"masters/T/{MASTER.sha256}.{extension}"


def test_an_album_is_bounded():
    entries = tuple(entry(str(number)) for number in range(ALBUM_ENTRIES_MAX))
    album = AlbumRecord("A", "Album", "", entries)
    album.with_entry(entry("0", title="New"))
    with pytest.raises(AlbumFullError):
        album.with_entry(entry("one more"))
