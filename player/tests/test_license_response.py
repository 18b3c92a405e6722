import json
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drm.base64url import encode_base64url
from drm.clear_key import encode_license
from packager.content_key import ContentKey
from player.errors import LicenseIncompleteError, MalformedAnswerError
from player.license_response import decode_license

KEY = ContentKey(uuid.UUID(int=5), b"sixteen bytes ok")
OTHER = ContentKey(uuid.UUID(int=6), b"another sixteen!")


def test_the_key_is_found_among_others():
    assert decode_license(encode_license([OTHER, KEY]), KEY.kid) == KEY


def test_a_license_without_the_key_is_refused():
    with pytest.raises(LicenseIncompleteError):
        decode_license(encode_license([OTHER]), KEY.kid)


@pytest.mark.parametrize(
    "document",
    [
        pytest.param("{", id="not JSON"),
        pytest.param("[]", id="not an object"),
        pytest.param('{"keys": 1}', id="no list"),
        pytest.param({"k": "AAAA"}, id="short key"),
        pytest.param({"k": "!"}, id="not base64url"),
        pytest.param({"k": None}, id="no key"),
        pytest.param({"kty": "RSA"}, id="other kind of key"),
    ],
)
def test_a_malformed_license_is_refused_and_not_repeated(document: object):
    if isinstance(document, dict):
        jwk = {"kty": "oct", "kid": encode_base64url(KEY.kid.bytes), "k": encode_base64url(KEY.key)}
        document = json.dumps({"keys": [jwk | document]})
    assert isinstance(document, str)
    with pytest.raises(MalformedAnswerError) as raised:
        decode_license(document.encode(), KEY.kid)
    assert encode_base64url(KEY.key) not in str(raised.value)


@given(st.binary(max_size=100))
def test_any_bytes_are_refused_by_the_errors_of_a_license(data: bytes):
    with pytest.raises((MalformedAnswerError, LicenseIncompleteError)):
        decode_license(data, KEY.kid)
