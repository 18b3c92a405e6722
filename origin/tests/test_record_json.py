import contextlib
from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from origin.errors import RecordError
from origin.record_json import decode_album, decode_track, encode_album, encode_track
from origin.tags import Tags
from origin.tests.examples import ALBUM, TRACK


def test_a_track_reads_back():
    assert decode_track(encode_track(TRACK)) == TRACK


def test_a_track_of_no_album_reads_back():
    bare = replace(TRACK, album_id=None, tags=Tags("Titel"))
    assert decode_track(encode_track(bare)) == bare


def test_an_album_reads_back():
    assert decode_album(encode_album(ALBUM)) == ALBUM


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
        pytest.param("schema", 2, id="another schema"),
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
        pytest.param("versions.0.identity", 1, id="no identity"),
        pytest.param("versions.0.identity.cpu_class", "z80", id="an unknown CPU class"),
        pytest.param("versions.0.renditions.0.bytes", 1, id="an index beyond the file"),
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
        with contextlib.suppress(RecordError):
            album = decode_album(attempt)
            assert decode_album(encode_album(album)) == album


def test_a_schema_of_another_release_is_told():
    with pytest.raises(RecordError, match="schema 2; this release reads 1"):
        decode_track(changed("schema", 2))
