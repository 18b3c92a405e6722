import pytest
from hypothesis import given
from hypothesis import strategies as st

from drm.base62 import ALPHABET, encode_base62, is_base62_of_128_bits


@pytest.mark.parametrize(
    ("number", "text"),
    [
        pytest.param(0, "0" * 22, id="zero"),
        pytest.param(61, "0" * 21 + "z", id="last digit"),
        pytest.param(62, "0" * 20 + "10", id="carry"),
        pytest.param(10, "0" * 21 + "A", id="upper case before lower case"),
    ],
)
def test_numbers_are_padded_to_one_width(number: int, text: str):
    assert encode_base62(number.to_bytes(16, "big")) == text


@given(st.binary(min_size=16, max_size=16))
def test_text_reads_back_as_the_number(data: bytes):
    text = encode_base62(data)
    assert is_base62_of_128_bits(text)
    number = 0
    for character in text:
        number = number * 62 + ALPHABET.index(character)
    assert number.to_bytes(16, "big") == data


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16))
def test_text_sorts_as_the_number(first: bytes, second: bytes):
    assert (first < second) == (encode_base62(first) < encode_base62(second))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("0" * 21, id="too short"),
        pytest.param("0" * 23, id="too long"),
        pytest.param("z" * 22, id="above 128 bits"),
        pytest.param("0" * 21 + "-", id="another character"),
        pytest.param("0" * 21 + "٣", id="digit, but not ASCII"),
    ],
)
def test_what_was_never_written(text: str):
    assert not is_base62_of_128_bits(text)
