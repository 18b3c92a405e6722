import pytest
from hypothesis import given
from hypothesis import strategies as st

from origin.trade_codes import parse_barcode, parse_isrc


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("USRC17607839", id="plain"),
        pytest.param("us-rc1-76-07839", id="in groups and small letters"),
        pytest.param("US RC1 76 07839", id="with spaces"),
        pytest.param("ISRC US-RC1-76-07839", id="with its name, as it is printed"),
    ],
)
def test_an_isrc_has_one_form(text: str):
    assert parse_isrc(text) == "USRC17607839"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("USRC1760783", id="too short"),
        pytest.param("USRC176078390", id="too long"),
        pytest.param("U1RC17607839", id="a digit in the prefix's letters"),
        pytest.param("USRC1760783X", id="a letter in the designation"),
        pytest.param("USRC1760783٩", id="a digit that is not ASCII"),
        pytest.param("x" * 1_000_000, id="a megabyte"),
    ],
)
def test_what_is_no_isrc(text: str):
    assert parse_isrc(text) is None


@pytest.mark.parametrize(
    ("text", "barcode"),
    [
        pytest.param("4006381333931", "4006381333931", id="EAN-13"),
        pytest.param("036000291452", "0036000291452", id="UPC-A is an EAN with a zero"),
        pytest.param("0 36000-29145 2", "0036000291452", id="in groups"),
        pytest.param("04006381333931", "4006381333931", id="GTIN-14 of a single album"),
        pytest.param("96385074", "0000096385074", id="EAN-8"),
        pytest.param("10012345678902", "10012345678902", id="GTIN-14 of a case"),
    ],
)
def test_a_barcode_has_one_form(text: str, barcode: str):
    assert parse_barcode(text) == barcode
    assert parse_barcode(barcode) == barcode


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("4006381333932", id="a wrong check digit"),
        pytest.param("4006381339331", id="two digits exchanged"),
        pytest.param("03600029145", id="without the check digit"),
        pytest.param("0000000000000", id="zeros"),
        pytest.param("400638133393X", id="a letter"),
        pytest.param("٤006381333931", id="a digit that is not ASCII"),
        pytest.param("9" * 1_000_000, id="a megabyte"),
    ],
)
def test_what_is_no_barcode(text: str):
    assert parse_barcode(text) is None


@given(st.integers(1, 10**12 - 1), st.integers(0, 12), st.integers(1, 9))
def test_one_wrong_digit_is_always_found(number: int, place: int, change: int):
    body = f"{number:012}"
    right = next(code for last in range(10) if (code := parse_barcode(f"{body}{last}")))
    wrong = (int(right[place]) + change) % 10
    assert parse_barcode(f"{right[:place]}{wrong}{right[place + 1 :]}") is None


@given(st.text())
def test_any_text_is_a_code_or_none(text: str):
    assert parse_isrc(text) is None or len(text) >= 12
    assert parse_barcode(text) is None or len(text) >= 8
