"""Dictionaries and Lists, read as strictly as RFC 9651 asks."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from http_semantics.structured_field import (
    BareItem,
    Date,
    DisplayString,
    InnerList,
    Item,
    Token,
    parse_dictionary,
    parse_list,
    strings_of,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("0", 0, id="zero"),
        pytest.param("-42", -42, id="negative"),
        pytest.param("007", 7, id="leading zeros"),
        pytest.param("999999999999999", 999_999_999_999_999, id="15 digits"),
        pytest.param("1.5", Decimal("1.5"), id="Decimal"),
        pytest.param("-0.125", Decimal("-0.125"), id="three places"),
        pytest.param('""', "", id="empty String"),
        pytest.param(r'"a\"b\\c"', 'a"b\\c', id="escapes"),
        pytest.param('"a, b"', "a, b", id="comma in a String"),
        pytest.param("none", Token("none"), id="Token"),
        pytest.param("*a/b:c", Token("*a/b:c"), id="Token with marks"),
        pytest.param(":aGk=:", b"hi", id="bytes"),
        pytest.param(":aGk:", b"hi", id="bytes without padding"),
        pytest.param("::", b"", id="no bytes"),
        pytest.param("?1", True, id="true"),
        pytest.param("?0", False, id="false"),
        pytest.param("@1659578233", Date(1_659_578_233), id="Date"),
        pytest.param("@-1", Date(-1), id="Date before 1970"),
        pytest.param('%"na%c3%afve"', DisplayString("naïve"), id="Display String"),
    ],
)
def test_values(text: str, expected: BareItem):
    assert parse_list(text) == (Item(expected),)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a,", id="comma at the end"),
        pytest.param(",a", id="comma at the start"),
        pytest.param("a,,b", id="empty member"),
        pytest.param("a b", id="no comma"),
        pytest.param("\ta", id="tab at the start"),
        pytest.param("\t", id="lone tab"),
        pytest.param("a\n", id="line end"),
        pytest.param('"a', id="open String"),
        pytest.param('"\\a"', id="unknown escape"),
        pytest.param('"é"', id="String beyond ASCII"),
        pytest.param("1234567890123456", id="16 digits"),
        pytest.param("1234567890123.1", id="long Decimal"),
        pytest.param("1.2345", id="four places"),
        pytest.param("1.", id="no places"),
        pytest.param("-", id="lone sign"),
        pytest.param("٣", id="digits of another script"),
        pytest.param("?2", id="no Boolean"),
        pytest.param("@1.5", id="Date with places"),
        pytest.param(":a:", id="bytes cut short"),
        pytest.param(":a", id="open bytes"),
        pytest.param('%"%C3"', id="upper case"),
        pytest.param('%"%c3"', id="no UTF-8"),
        pytest.param("(a b", id="open inner list"),
        pytest.param("(a,b)", id="comma in an inner list"),
        pytest.param('("a""b")', id="no space in an inner list"),
        pytest.param("a;", id="no parameter"),
        pytest.param("a;B=1", id="parameter in upper case"),
        pytest.param("&&&", id="unknown type"),
    ],
)
def test_faults(text: str):
    assert parse_list(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", (), id="empty"),
        pytest.param("  ", (), id="spaces"),
        pytest.param("a \t,\t b  ", (Item(Token("a")), Item(Token("b"))), id="gaps"),
        pytest.param("a;x;y=2", (Item(Token("a"), {"x": True, "y": 2}),), id="parameters"),
        pytest.param("a; x=1;x=2", (Item(Token("a"), {"x": 2}),), id="the last one counts"),
        pytest.param(
            '( "a"  b );q=1', (InnerList((Item("a"), Item(Token("b"))), {"q": 1}),), id="inner"
        ),
        pytest.param("()", (InnerList(()),), id="empty inner list"),
    ],
)
def test_lists(text: str, expected: tuple[Item | InnerList, ...]):
    assert parse_list(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", {}, id="empty"),
        pytest.param(
            "max-age=60, public", {"max-age": Item(60), "public": Item(value=True)}, id="both"
        ),
        pytest.param(
            "a;x, b",
            {"a": Item(value=True, parameters={"x": True}), "b": Item(value=True)},
            id="parameters",
        ),
        pytest.param("a=1,a=2", {"a": Item(2)}, id="the last one counts"),
        pytest.param("a=(1 2)", {"a": InnerList((Item(1), Item(2)))}, id="inner list"),
        pytest.param("Max-Age=60", None, id="upper case"),
        pytest.param("a =1", None, id="space before"),
        pytest.param("a= 1", None, id="space after"),
        pytest.param("a=", None, id="no value"),
        pytest.param("a=1, &", None, id="fault at the end"),
    ],
)
def test_dictionaries(text: str, expected: dict[str, Item | InnerList] | None):
    assert parse_dictionary(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param('"a", "b";x', ("a", "b"), id="strings"),
        pytest.param("", (), id="none"),
        pytest.param('"a", b', None, id="a Token"),
        pytest.param('"a", ("b")', None, id="an inner list"),
        pytest.param('"a', None, id="malformed"),
    ],
)
def test_lists_of_strings(text: str, expected: tuple[str, ...] | None):
    assert strings_of(text) == expected


@given(st.text())
def test_any_text_parses_or_is_refused(text: str):
    assert parse_list(text) is None or isinstance(parse_list(text), tuple)
    assert parse_dictionary(text) is None or isinstance(parse_dictionary(text), dict)


@given(st.lists(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E)), max_size=5))
def test_written_strings_are_read_again(strings: list[str]):
    written = ", ".join(
        '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' for text in strings
    )
    assert strings_of(written) == tuple(strings)
