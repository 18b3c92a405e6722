import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from origin.tags import ARTISTS_MAX, TEXT_LENGTH_MAX, Tags, clean_text, make_tags


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        pytest.param("Plain", "Plain", id="plain"),
        pytest.param(" a\r\nb\tc\0d\x1be ", "a b c d e", id="control characters become spaces"),
        pytest.param("a\u2028b\u2029c\x85d", "a b c d", id="line ends of Unicode too"),
        pytest.param('"quo\'tes"', '"quo\'tes"', id="quotes stay"),
        pytest.param("שלום עולם", "שלום עולם", id="right-to-left text stays"),
        pytest.param("a\u202egnp.exe\u202c\u2066x\u2069", "agnp.exex", id="bidi controls go"),
        pytest.param("e\u0301 👩‍👩‍👧", "e\u0301 👩‍👩‍👧", id="marks and joiners stay"),
        pytest.param("a\ud800b", "a\ufffdb", id="half of a surrogate pair"),
        pytest.param("x" * 1_000_000, "x" * TEXT_LENGTH_MAX, id="a megabyte"),
        pytest.param("\n\0 ", "", id="nothing"),
    ],
)
def test_text_is_one_clean_line(raw: str, text: str):
    assert clean_text(raw) == text


@given(st.text())
def test_clean_text_is_short_and_has_no_controls(raw: str):
    text = clean_text(raw)
    assert len(text) <= TEXT_LENGTH_MAX
    assert not any(unicodedata.category(one) in {"Cc", "Cs", "Zl", "Zp"} for one in text)
    assert clean_text(text) == text
    text.encode()


def test_a_missing_title_is_the_name_of_the_file():
    assert make_tags({}, file_stem="01 - Son\ng") == Tags("01 - Son g")
    assert make_tags({"title": ["\0", ""]}, file_stem="\n") == Tags("Untitled")


def test_all_of_them():
    tags = make_tags(
        {
            "title": ["", "T"],
            "artist": ["A\0B", "C", "A"],
            "album": ["L"],
            "albumartist": ["AA"],
            "discnumber": ["1/2"],
            "tracknumber": ["07"],
            "date": ["2001-02-03T04:05"],
            "isrc": ["us-rc1-76-07839"],
        },
        file_stem="file",
    )
    assert tags == Tags("T", ("A", "B", "C"), "L", "AA", 1, 7, "2001-02-03", "USRC17607839")


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        pytest.param("3", 3, id="plain"),
        pytest.param("3/12", 3, id="of so many"),
        pytest.param("0", None, id="zero is unknown"),
        pytest.param("A1", None, id="side of a record"),
        pytest.param("٣", None, id="digits, but not ASCII"),
        pytest.param("-1", None, id="negative"),
        pytest.param("99999", None, id="too many digits"),
    ],
)
def test_numbers(raw: str, number: int | None):
    assert make_tags({"tracknumber": [raw]}, file_stem="x").track == number


@pytest.mark.parametrize("raw", ["last year", "99", ""])
def test_no_date(raw: str):
    assert make_tags({"date": [raw]}, file_stem="x").date is None


@pytest.mark.parametrize("raw", ["USRC1760783", "U1RC17607839", "x" * 12])
def test_no_isrc(raw: str):
    assert make_tags({"isrc": [raw]}, file_stem="x").isrc is None


def test_artists_are_bounded():
    tags = make_tags({"artist": [str(one) for one in range(1000)]}, file_stem="x")
    assert len(tags.artists) == ARTISTS_MAX
