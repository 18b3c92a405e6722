import uuid

import orjson
import pytest

from drm.errors import RequestError
from drm.ports import TrackKeys
from drm.track_keys import (
    TRACK_KEYS_BYTES_MAX,
    decode_track_keys,
    decode_track_request,
    encode_track_keys,
    encode_track_request,
)
from packager.content_key import ContentKey
from packager.renditions import KeyClass

TRACK = "0" * 21 + "A"
KEYS = TrackKeys(
    3,
    {
        key_class: ContentKey(uuid.UUID(int=number), bytes([number]) * 16)
        for number, key_class in enumerate(KeyClass)
    },
)


def altered(**changes: object) -> bytes:
    return orjson.dumps(orjson.loads(encode_track_keys(KEYS)) | changes)


def every_class(value: object) -> dict[str, object]:
    return {str(key_class): value for key_class in KeyClass}


def test_keys_arrive_as_they_were_sent():
    assert decode_track_keys(encode_track_keys(KEYS)) == KEYS
    assert len(encode_track_keys(KEYS)) < TRACK_KEYS_BYTES_MAX


def test_a_request_arrives_as_it_was_sent():
    assert decode_track_request(encode_track_request(TRACK)) == TRACK


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b'{"track_id":1}', b'{"track_id":"x"}', b'{"track_id":"\\n"}']
)
def test_other_requests_are_refused(data: bytes):
    with pytest.raises(RequestError):
        decode_track_request(data)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"{}", id="no keys"),
        pytest.param(altered(keys={}), id="no class"),
        pytest.param(altered(key_version="1"), id="version as a text"),
        pytest.param(altered(keys=every_class(7)), id="a key is no object"),
        pytest.param(altered(keys=every_class({"kid": "x", "key": "AAAA"})), id="no KID"),
        pytest.param(altered(keys=every_class({"kid": "0" * 32, "key": "AAAA"})), id="short key"),
    ],
)
def test_other_keys_are_refused(data: bytes):
    with pytest.raises(ValueError, match=r"."):
        decode_track_keys(data)
