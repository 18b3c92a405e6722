import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drm.errors import KidError
from drm.hls_key import decode_kid

KID = uuid.UUID(int=0xABCDEF)


@given(st.uuids())
def test_a_kid_is_written_in_one_way(kid: uuid.UUID):
    assert decode_kid(str(kid)) == kid


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param(KID.hex, id="no hyphens"),
        pytest.param(str(KID).upper(), id="capitals"),
        pytest.param(f"{{{KID}}}", id="braces"),
        pytest.param(KID.urn, id="a URN"),
        pytest.param(f"{KID}.key", id="an extension"),
    ],
)
def test_nothing_else_is_a_kid(text: str):
    with pytest.raises(KidError):
        decode_kid(text)
