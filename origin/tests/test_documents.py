from dataclasses import replace
from urllib.parse import urljoin

import orjson

from origin.documents import (
    encode_album_document,
    encode_library_document,
    encode_track_document,
)
from origin.tags import Tags
from origin.tests.examples import ALBUM, ALBUM_ID, TRACK, TRACK_ID, VERSION, rendition
from packager.renditions import PROFILES

BASE = "http://edge/~token/v1/"


def test_a_track_tells_what_a_player_needs():
    document = orjson.loads(encode_track_document(TRACK, ALBUM, "NEXT"))
    assert document["track_id"] == TRACK_ID
    assert document["version"] == VERSION
    assert document["title"] == "Titel"
    assert document["artists"] == ["A", "B"]
    assert (document["samples"], document["sample_rate_hz"]) == (441_000, 44_100)
    assert document["album"]["title"] == "Album"
    assert [one["name"] for one in document["renditions"]] == list(PROFILES)
    by_name = {one["name"]: one for one in document["renditions"]}
    flac, vorbis = by_name["flac"], by_name["vorbis-160"]
    assert "iv" not in flac
    assert vorbis["iv"] == "23" * 16
    assert flac["kid"] == TRACK.current.renditions[0].kid


def test_references_inherit_what_stands_before_the_path():
    document = orjson.loads(encode_track_document(TRACK, ALBUM, "NEXT"))
    base = f"{BASE}tracks/{TRACK_ID}"
    audio = f"{BASE}audio/{TRACK_ID}/{VERSION}/"
    assert urljoin(base, document["renditions"][0]["url"]) == f"{audio}flac.mp4"
    assert urljoin(base, document["renditions"][4]["url"]) == f"{audio}vorbis-320.ogg"
    assert urljoin(base, document["renditions"][0]["index_url"]) == f"{audio}flac.json"
    assert {name: urljoin(base, url) for name, url in document["links"].items()} == {
        "dash": f"{audio}manifest.mpd",
        "hls": f"{audio}master.m3u8",
        "hls_js": f"{audio}hls.m3u8",
        "album": f"{BASE}albums/{ALBUM_ID}",
        "next": f"{BASE}tracks/NEXT",
    }
    album = orjson.loads(encode_album_document(ALBUM, ALBUM.entries))
    assert urljoin(f"{BASE}albums/{ALBUM_ID}", album["tracks"][0]["url"]) == base
    library = orjson.loads(encode_library_document([TRACK], None))
    assert urljoin(f"{BASE}library?limit=1", library["tracks"][0]["url"]) == base


def test_a_track_of_no_album_has_none():
    bare = replace(TRACK, album_id=None, tags=Tags("Titel"))
    document = orjson.loads(encode_track_document(bare, None, None))
    assert document["album"] is None
    assert {"album", "next"} & set(document["links"]) == set()
    page = orjson.loads(encode_library_document([bare], "library?after=x"))
    assert page["tracks"][0]["album_url"] is None
    assert page["next"] == "library?after=x"


def test_an_album_that_cannot_be_read_is_told_from_the_tags():
    document = orjson.loads(encode_track_document(TRACK, None, None))
    assert (document["album"]["title"], document["album"]["artist"]) == ("Album", "Various")


def test_without_fragmented_files_there_are_no_manifests():
    version = replace(TRACK.current, renditions=(rendition("vorbis-160"),))
    document = orjson.loads(encode_track_document(replace(TRACK, versions=(version,)), None, None))
    assert set(document["links"]) == {"album"}
