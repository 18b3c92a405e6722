import pytest
from hypothesis import given
from hypothesis import strategies as st

from drm.base64url import decode_base64url, encode_base64url


@given(st.binary(max_size=64))
def test_encoding_and_decoding_undo_each_other(data: bytes):
    assert decode_base64url(encode_base64url(data)) == data


@given(st.text(max_size=12))
def test_a_text_is_the_only_one_of_its_bytes_or_refused(text: str):
    try:
        data = decode_base64url(text)
    except ValueError:
        return
    assert encode_base64url(data) == text


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("QQ==", id="padding"),
        pytest.param("QR", id="unused bits set"),
        pytest.param("QUJDR", id="impossible length"),
        pytest.param("Q+/A", id="the other alphabet"),
        pytest.param("QU JD", id="space"),
        pytest.param("QUJD\n", id="line end"),
        pytest.param("QUJ\u0662", id="digit that is not ASCII"),
    ],
)
def test_other_texts_are_refused(text: str):
    with pytest.raises(ValueError, match=r"base64url|bits") as raised:
        decode_base64url(text)
    assert text not in str(raised.value)
