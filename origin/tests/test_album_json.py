import contextlib

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from origin.album_json import decode_album, encode_album
from origin.errors import RecordError
from origin.tests.examples import ALBUM


def test_an_album_reads_back():
    assert decode_album(encode_album(ALBUM)) == ALBUM


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("schema", 1, id="another schema"),
        pytest.param("new", 1, id="unknown member"),
        pytest.param("album_id", "x", id="no id"),
        pytest.param("title", 1, id="no title"),
        pytest.param("entries", [{"track_id": "x"}], id="no entry"),
    ],
)
def test_an_album_that_is_none_is_refused(name: str, value: object):
    document = {**orjson.loads(encode_album(ALBUM)), name: value}
    with pytest.raises(RecordError):
        decode_album(orjson.dumps(document))


@given(st.binary(max_size=60), st.integers(0, 1000))
def test_any_bytes_are_read_or_refused_by_the_one_error(data: bytes, position: int):
    whole = encode_album(ALBUM)
    for attempt in (data, whole[:position] + data + whole[position + len(data) :]):
        with contextlib.suppress(RecordError):
            album = decode_album(attempt)
            assert decode_album(encode_album(album)) == album
