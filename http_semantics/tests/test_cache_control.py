"""Directives of Cache-Control, however oddly they are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from http_semantics.cache_control import (
    DELTA_SECONDS_MAX,
    Directives,
    delta_seconds,
    field_names,
    parse_directives,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("", {}, id="nothing"),
        pytest.param("no-store", {"no-store": None}, id="without an argument"),
        pytest.param("Max-Age=60", {"max-age": "60"}, id="names in any case"),
        pytest.param(
            "public , max-age=1,,immutable",
            {"public": None, "max-age": "1", "immutable": None},
            id="several, empty elements",
        ),
        pytest.param('max-age="60"', {"max-age": "60"}, id="quoted"),
        pytest.param(
            'private="a, no-store", public',
            {"private": "a, no-store", "public": None},
            id="comma in quotes",
        ),
        pytest.param('ext="a\\"b", x', {"ext": 'a"b', "x": None}, id="escaped quote"),
        pytest.param("max-age=1, max-age=2", {"max-age": "1"}, id="the first of two"),
        pytest.param("max-age =1, x", {"x": None}, id="space before the equals sign"),
        pytest.param("@@, x", {"x": None}, id="no token"),
        pytest.param('x, y="open, z', {"x": None}, id="quote that never closes"),
        pytest.param("max-age=", {"max-age": ""}, id="empty argument"),
    ],
)
def test_parse_directives(value: str, expected: Directives):
    assert parse_directives(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("", None, id="absent"),
        pytest.param("max-age=0", 0, id="zero"),
        pytest.param("max-age=0060", 60, id="leading zeros"),
        pytest.param("max-age=4294967296", DELTA_SECONDS_MAX, id="beyond 32 bits"),
        pytest.param("max-age=" + "9" * 5_000, DELTA_SECONDS_MAX, id="beyond all reason"),
        pytest.param("max-age=-1", 0, id="negative"),
        pytest.param("max-age=1.5", 0, id="fraction"),
        pytest.param("max-age='60'", 0, id="single quotes"),
        pytest.param("max-age", 0, id="no argument"),
        pytest.param("max-age=٣", 0, id="digits, but not ASCII"),
    ],
)
def test_delta_seconds(value: str, expected: int | None):
    assert delta_seconds(parse_directives(value), "max-age") == expected


@given(st.text(alphabet='abc=",\\ \t;-1', max_size=60))
def test_any_text_is_parsed(value: str):
    assert all(name == name.lower() for name in parse_directives(value))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param('no-cache="A, b"', {"a", "b"}, id="names"),
        pytest.param("no-cache=a", {"a"}, id="token"),
        pytest.param('no-cache="a,, "', {"a"}, id="empty elements"),
        pytest.param('no-cache="a", no-cache=b', {"a", "b"}, id="twice"),
        pytest.param('no-cache="a", no-cache', None, id="the unqualified one outweighs"),
        pytest.param('no-cache, no-cache="a"', None, id="in any order"),
        pytest.param('no-cache=""', None, id="no name"),
        pytest.param("no-cache", None, id="unqualified"),
        pytest.param("private=a", None, id="absent"),
    ],
)
def test_fields_that_a_directive_is_about(value: str, expected: set[str] | None):
    assert field_names(parse_directives(value), "no-cache") == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("no-store; max-age=60", {"no-store": None}, id="semicolon"),
        pytest.param("no-cache foo, max-age=60", {"no-cache": None, "max-age": "60"}, id="word"),
        pytest.param('max-age=60, private="a', {"max-age": "60", "private": None}, id="quote"),
        pytest.param("max-age =60, public x", {}, id="what allows something is left out"),
        pytest.param('x="no-store, private', {}, id="within quotes"),
    ],
)
def test_what_forbids_counts_even_if_malformed(value: str, expected: Directives):
    assert parse_directives(value) == expected
