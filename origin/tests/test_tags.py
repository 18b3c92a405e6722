import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from origin.tags import ARTISTS_MAX, TEXT_LENGTH_MAX, Tags, clean_text, make_tags, tag_values
from origin.tests.test_tags_json import FULL
from packager.tag_names import NAMES


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


def test_a_stray_nul_cuts_no_title():
    assert make_tags({"title": ["A\0B"]}, file_stem="file") == Tags("A B")


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
    assert tags == Tags(
        "T", ("A", "B", "C"), "L", "AA", 1, 7, "2001-02-03", "USRC17607839", discs=2
    )


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


@pytest.mark.parametrize(
    ("raw", "date"),
    [
        pytest.param("2001", "2001", id="year"),
        pytest.param("2001-02", "2001-02", id="month"),
        pytest.param("2001-02-03T04:05", "2001-02-03", id="time"),
        pytest.param("2001.02.03", "2001-02-03", id="dots"),
        pytest.param("2001/02/03", "2001-02-03", id="slashes"),
        pytest.param("2001-00-00", "2001", id="zeros for what is unknown"),
        pytest.param("2001-02-31x", "2001-02-31", id="a day that its month has not stays"),
        pytest.param("2001-13-01", "2001", id="a month that no year has"),
        pytest.param("0000", None, id="year zero"),
        pytest.param("last year", None, id="words"),
        pytest.param("99", None, id="two digits"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_dates(raw: str, date: str | None):
    assert make_tags({"date": [raw]}, file_stem="x").date == date


@pytest.mark.parametrize(
    ("values", "disc", "discs"),
    [
        pytest.param({"discnumber": ["1/2"]}, 1, 2, id="number and total"),
        pytest.param({"discnumber": ["01 / 02"]}, 1, 2, id="with zeros and spaces"),
        pytest.param({"discnumber": ["1"], "disctotal": ["2"]}, 1, 2, id="a name for each"),
        pytest.param({"discnumber": ["1/2"], "disctotal": ["3"]}, 1, 2, id="the first one counts"),
        pytest.param({"discnumber": ["1/0"]}, 1, None, id="a total of zero"),
        pytest.param({"discnumber": ["1/many"]}, 1, None, id="a total that is no number"),
        pytest.param({"disctotal": ["2"]}, None, 2, id="total alone"),
    ],
)
def test_totals(values: dict[str, list[str]], disc: int | None, discs: int | None):
    tags = make_tags(values, file_stem="x")
    assert (tags.disc, tags.discs) == (disc, discs)


@pytest.mark.parametrize(
    ("values", "artists"),
    [
        pytest.param(["A\0B", "C", "A"], ("A", "B", "C"), id="NUL and repetition"),
        pytest.param(["A; B;  C"], ("A", "B", "C"), id="semicolons in the only value"),
        pytest.param(["A; B", "C"], ("A; B", "C"), id="semicolons beside another value"),
        pytest.param(["A;B"], ("A;B",), id="a semicolon without a space"),
        pytest.param(["A; "], ("A;",), id="a semicolon at the end"),
        pytest.param(["; ; A"], ("; ; A",), id="parts of nothing"),
        pytest.param(["S &amp; G"], ("S &amp; G",), id="a character reference"),
        pytest.param(["X (with A; B)"], ("X (with A; B)",), id="within parentheses"),
        pytest.param(["AC/DC"], ("AC/DC",), id="a slash"),
        pytest.param(["Earth, Wind & Fire"], ("Earth, Wind & Fire",), id="comma and ampersand"),
    ],
)
def test_several_artists(values: list[str], artists: tuple[str, ...]):
    assert make_tags({"artist": values}, file_stem="x").artists == artists


@pytest.mark.parametrize(
    ("single", "artists"),
    [
        pytest.param(["A", "B"], ("A", "B"), id="several are better than a credit"),
        pytest.param(["A"], ("A feat. B",), id="one is no better"),
        pytest.param([], ("A feat. B",), id="none"),
    ],
)
def test_artists_one_by_one_are_preferred(single: list[str], artists: tuple[str, ...]):
    tags = make_tags({"artist": ["A feat. B"], "artists": single}, file_stem="x")
    assert tags.artists == artists


def test_the_lesser_ones():
    tags = make_tags(
        {
            "titlesort": ["T, The"],
            "composer": ["C; D"],
            "genre": ["Rock", "Pop"],
            "copyright": ["2001 L"],
            "label": ["L"],
            "barcode": ["none", "036000291452"],
            "compilation": ["1"],
            "language": ["ENG", "xxx", "Klingon", "de-CH"],
        },
        file_stem="x",
    )
    assert tags == Tags(
        "x",
        title_sort="T, The",
        composers=("C", "D"),
        genres=("Rock", "Pop"),
        copyright="2001 L",
        publisher="L",
        barcode="0036000291452",
        is_compilation=True,
        languages=("eng", "de-ch"),
    )


@given(
    st.dictionaries(
        st.sampled_from(["title", "artist", "artists", "date", "discnumber", "barcode", "isrc"]),
        st.lists(st.text(max_size=40), max_size=4),
    )
)
def test_any_values_make_tags(values: dict[str, list[str]]):
    tags = make_tags(values, file_stem="x")
    assert tags.title
    assert all(tags.artists)


def test_artists_are_bounded():
    tags = make_tags({"artist": [str(one) for one in range(1000)]}, file_stem="x")
    assert len(tags.artists) == ARTISTS_MAX


@pytest.mark.parametrize("tags", [FULL, Tags("x")], ids=["full", "bare"])
def test_what_a_download_says_is_read_as_the_same(tags: Tags):
    assert make_tags(tag_values(tags), file_stem="other") == tags


def test_a_download_uses_the_names_that_are_read():
    assert tag_values(FULL).keys() == NAMES - {"artists"}
    assert tag_values(Tags("x")) == {"title": ("x",)}
