import contextlib
from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from origin.errors import RecordError
from origin.record_json import decode_track, encode_track
from origin.records import Takedown
from origin.tags import Tags
from origin.tests.examples import TRACK


def test_a_track_reads_back():
    assert decode_track(encode_track(TRACK)) == TRACK


def test_a_track_of_no_album_reads_back():
    bare = replace(TRACK, album_id=None, tags=Tags("Titel"), cover=None)
    assert decode_track(encode_track(bare)) == bare


def test_a_track_that_was_taken_down_reads_back():
    withheld = replace(
        TRACK, takedown=Takedown("by order", 1), stereo_loudness=TRACK.loudness, label="Label"
    )
    assert decode_track(encode_track(withheld)) == withheld


def changed(path: str, value: object) -> bytes:
    document = orjson.loads(encode_track(TRACK))
    place = document
    *folders, name = path.split(".")
    for folder in folders:
        place = place[int(folder) if folder.isdigit() else folder]
    place[name] = value
    return orjson.dumps(document)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param("schema", 1, id="another schema"),
        pytest.param("new", 1, id="unknown member"),
        pytest.param("tags.new", 1, id="unknown tag"),
        pytest.param("master.new", 1, id="unknown fact of the master"),
        pytest.param("versions.0.new", 1, id="unknown member of a version"),
        pytest.param("versions.0.renditions.0.new", 1, id="unknown fact of a rendition"),
        pytest.param("track_id", "../../x", id="no id"),
        pytest.param("album_id", "", id="no album id"),
        pytest.param("master", [], id="no master"),
        pytest.param("master.samples", "1", id="text for a number"),
        pytest.param("tags.title", None, id="no title"),
        pytest.param("current_version", "other", id="a current version that is not there"),
        pytest.param("versions", [], id="no version"),
        pytest.param("loudness.new", 1, id="unknown fact of the loudness"),
        pytest.param("loudness.range_lu", "1", id="text for a loudness"),
        pytest.param("loudness.blocks", [[1]], id="a block without a count"),
        pytest.param("loudness.blocks", [[1, 0]], id="a block of none"),
        pytest.param("head.sha256", "x", id="an edge without its digest"),
        pytest.param("tail.new", 1, id="unknown fact of an edge"),
        pytest.param("cover.digest", "../x", id="a cover of another name"),
        pytest.param("cover.new", 1, id="unknown fact of a cover"),
        pytest.param("cover.sizes.0.width", 0, id="a cover without extent"),
        pytest.param("takedown", {"reason": "x"}, id="a takedown without its time"),
        pytest.param("created_s", -1, id="before the epoch"),
    ],
)
def test_a_record_that_is_none_is_refused(path: str, value: object):
    with pytest.raises(RecordError):
        decode_track(changed(path, value))


@given(st.binary(max_size=60), st.integers(0, 4000))
def test_any_bytes_are_read_or_refused_by_the_one_error(data: bytes, position: int):
    whole = encode_track(TRACK)
    for attempt in (data, whole[:position] + data + whole[position + len(data) :]):
        with contextlib.suppress(RecordError):
            track = decode_track(attempt)
            assert decode_track(encode_track(track)) == track


def test_a_schema_of_another_release_is_told():
    with pytest.raises(RecordError, match="schema 1; this release reads 2"):
        decode_track(changed("schema", 1))
