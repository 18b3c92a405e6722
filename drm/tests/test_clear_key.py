import uuid

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drm.clear_key import (
    LICENSE_REQUEST_BYTES_MAX,
    decode_license_request,
    encode_license,
    encode_license_request,
)
from drm.errors import LicenseRequestError
from packager.content_key import ContentKey

# What a browser sent and took for this KID and key.
KID = uuid.UUID("a0a1a2a3-a4a5-a6a7-a8a9-aaabacadaeaf")
KID_TEXT = "oKGio6SlpqeoqaqrrK2urw"


def request(kids: object, **others: object) -> bytes:
    return orjson.dumps({"kids": kids, "type": "temporary"} | others)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b'{"kids":["oKGio6SlpqeoqaqrrK2urw"],"type":"temporary"}', id="a browser's"),
        pytest.param(b'{"kids":["oKGio6SlpqeoqaqrrK2urw"]}', id="without a type"),
        pytest.param(request([KID_TEXT, KID_TEXT]), id="twice"),
        pytest.param(request([KID_TEXT], more=1), id="unknown member"),
        pytest.param(encode_license_request([KID]), id="our own"),
    ],
)
def test_a_request_names_kids(data: bytes):
    assert decode_license_request(data, kids_max=2) == (KID,)


def test_a_license_is_a_jwk_set_of_octet_keys():
    license_ = encode_license([ContentKey(KID, bytes(range(0, 0x100, 0x11)))])
    assert orjson.loads(license_) == {
        "keys": [{"kty": "oct", "kid": KID_TEXT, "k": "ABEiM0RVZneImaq7zN3u_w"}],
        "type": "temporary",
    }


@given(st.lists(st.uuids(), min_size=1, max_size=32, unique=True))
def test_writing_and_reading_a_request_undo_each_other(kids: list[uuid.UUID]):
    assert decode_license_request(encode_license_request(kids), kids_max=32) == tuple(kids)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff", id="no text"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"[" * 4000, id="deep nesting"),
        pytest.param(b"{}", id="no KIDs"),
        pytest.param(request([]), id="no KID"),
        pytest.param(request(KID_TEXT), id="KIDs are no list"),
        pytest.param(request([7]), id="a KID is no text"),
        pytest.param(request([KID_TEXT + "=="]), id="padding"),
        pytest.param(request([KID_TEXT[:-2]]), id="short KID"),
        pytest.param(request([str(KID)]), id="KID as hexadecimal"),
        pytest.param(request([KID_TEXT], type="persistent-license"), id="persistent"),
        pytest.param(request([KID_TEXT], type=None), id="type is null"),
        pytest.param(request([KID_TEXT] * 33), id="too many KIDs"),
        pytest.param(request([KID_TEXT]) + b" " * LICENSE_REQUEST_BYTES_MAX, id="too long"),
    ],
)
def test_other_requests_are_refused(data: bytes):
    with pytest.raises(LicenseRequestError):
        decode_license_request(data, kids_max=32)


@given(st.binary(max_size=60) | st.text(max_size=40).map(lambda text: request([text])))
def test_any_bytes_are_read_or_refused_by_the_one_error(data: bytes):
    try:
        kids = decode_license_request(data, kids_max=4)
    except LicenseRequestError as error:
        assert error.status == 400
    else:
        assert 1 <= len(kids) <= 4
