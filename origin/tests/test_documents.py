from dataclasses import replace
from urllib.parse import urljoin

import orjson

from origin.documents import (
    Surroundings,
    encode_album_document,
    encode_library_document,
    encode_track_document,
)
from origin.neighbors import Neighbors
from origin.tags import Tags
from origin.tests.examples import (
    ALBUM,
    ALBUM_ID,
    COVER,
    LOUDNESS,
    TRACK,
    TRACK_ID,
    VERSION,
    rendition,
)
from packager.renditions import PROFILES, KeyClass

BASE = "http://edge/~token/v1/"

BEFORE = replace(TRACK, track_id="PREVIOUS")
AFTER = replace(TRACK, track_id="NEXT", head=replace(TRACK.head, sha256="5e" * 32))
AROUND = Surroundings(ALBUM, "NEXT", Neighbors(BEFORE, AFTER))


def test_a_track_tells_what_a_player_needs():
    document = orjson.loads(encode_track_document(TRACK, AROUND))
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
    document = orjson.loads(encode_track_document(TRACK, AROUND))
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
    album = orjson.loads(encode_album_document(ALBUM, ALBUM.entries, COVER))
    assert urljoin(f"{BASE}albums/{ALBUM_ID}", album["tracks"][0]["url"]) == base
    library = orjson.loads(encode_library_document([TRACK], None))
    assert urljoin(f"{BASE}library?limit=1", library["tracks"][0]["url"]) == base


def test_a_track_of_no_album_has_none():
    bare = replace(TRACK, album_id=None, tags=Tags("Titel"))
    document = orjson.loads(encode_track_document(bare, Surroundings()))
    assert document["album"] is None
    assert {"album", "next"} & set(document["links"]) == set()
    page = orjson.loads(encode_library_document([bare], "library?after=x"))
    assert page["tracks"][0]["album_url"] is None
    assert page["next"] == "library?after=x"


def test_an_album_that_cannot_be_read_is_told_from_the_tags():
    document = orjson.loads(encode_track_document(TRACK, Surroundings()))
    assert (document["album"]["title"], document["album"]["artist"]) == ("Album", "Various")


def test_without_fragmented_files_there_are_no_manifests():
    version = replace(TRACK.current, ladder=("vorbis-160",), renditions=(rendition("vorbis-160"),))
    bare = replace(TRACK, versions=(version,))
    document = orjson.loads(encode_track_document(bare, Surroundings()))
    assert set(document["links"]) == {"album"}


def test_what_is_not_packaged_is_told_with_its_address():
    version = replace(TRACK.current, renditions=(rendition("flac"),))
    track = replace(TRACK, versions=(version,))
    document = orjson.loads(encode_track_document(track, AROUND))
    assert [one["name"] for one in document["renditions"]] == list(PROFILES)
    assert [one["packaged"] for one in document["renditions"]] == [True] + [False] * 7
    flac, aac = document["renditions"][0], document["renditions"][1]
    assert set(flac) == set(aac)
    assert {aac[name] for name in ("samples", "bytes", "sha256", "priming")} == {None}
    assert aac["url"].endswith("/aac-320.mp4")
    assert aac["index_url"].endswith("/aac-320.json")
    assert (aac["protection"], aac["kid"]) == ("cbcs", version.kids[KeyClass.LOSSY])
    assert "dash" in document["links"]


def test_loudness_is_told_with_the_gain_that_follows():
    loudness = orjson.loads(encode_track_document(TRACK, AROUND))["loudness"]
    assert loudness["integrated_lufs"] == -14.5
    assert loudness["true_peak_dbtp"] == -0.5
    # Half a decibel short of the target, but the peak leaves no room.
    assert loudness["track_gain_db"] == -0.5
    assert loudness["stereo"] is None
    assert loudness["album_true_peak_dbtp"] == -0.5
    assert loudness["album_gain_db"] <= -0.5
    alone = orjson.loads(encode_track_document(TRACK, Surroundings()))["loudness"]
    assert "album_lufs" not in alone
    surround = replace(TRACK, stereo_loudness=replace(LOUDNESS, integrated_lufs=-20.0))
    stereo = orjson.loads(encode_track_document(surround, AROUND))["loudness"]["stereo"]
    assert stereo["integrated_lufs"] == -20.0
    album = orjson.loads(encode_album_document(ALBUM, ALBUM.entries, None))
    assert album["loudness"]["integrated_lufs"] == loudness["album_lufs"]
    assert album["cover"] is None


def test_a_cover_is_told_in_its_sizes():
    name = f"covers/{COVER.digest}-480.jpg"
    for document, place in (
        (encode_track_document(TRACK, AROUND), f"tracks/{TRACK_ID}"),
        (encode_album_document(ALBUM, ALBUM.entries, COVER), f"albums/{ALBUM_ID}"),
    ):
        (size,) = orjson.loads(document)["cover"]["sizes"]
        assert (size["width"], size["height"], size["bytes"]) == (480, 320, 9_000)
        assert urljoin(BASE + place, size["url"]) == BASE + name
    (track,) = orjson.loads(encode_library_document([TRACK], None))["tracks"]
    assert urljoin(f"{BASE}library?limit=1", track["cover"]["sizes"][0]["url"]) == BASE + name


def test_joins_tell_what_adjoins_and_whether_it_was_encoded_together():
    joins = orjson.loads(encode_track_document(TRACK, AROUND))["joins"]
    assert joins == {
        "previous": {"track_id": "PREVIOUS", "has_context": False},
        "next": {"track_id": "NEXT", "has_context": True},
    }
    alone = orjson.loads(encode_track_document(TRACK, Surroundings()))["joins"]
    assert alone == {"previous": None, "next": None}


def test_edges_are_what_seek_indexes_of_neighbors_name():
    edges = orjson.loads(encode_track_document(AFTER, AROUND))["edges"]
    assert edges == {"head": AFTER.head.sha256, "tail": AFTER.tail.sha256}
    assert edges["head"] == TRACK.current.context_after


def test_playlists_of_an_album_are_below_it():
    links = orjson.loads(encode_album_document(ALBUM, ALBUM.entries, None))["links"]
    base = f"{BASE}albums/{ALBUM_ID}"
    assert urljoin(base, links["dash"]) == f"{base}/manifest.mpd"
    assert urljoin(base, links["hls"]) == f"{base}/master.m3u8"
    assert urljoin(base, links["hls_js"]) == f"{base}/hls.m3u8"
