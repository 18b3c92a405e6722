"""Directives of targeted fields."""

import pytest

from http_semantics.targeted_field import parse_targeted


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("max-age=60", {"max-age": "60"}, id="a number"),
        pytest.param("no-store", {"no-store": None}, id="no argument"),
        pytest.param('no-cache="a, b"', {"no-cache": "a, b"}, id="a String"),
        pytest.param("no-cache=a", {"no-cache": "a"}, id="a Token"),
        pytest.param("none", {"none": None}, id="unknown"),
        pytest.param("max-age=60;x=1", {"max-age": "60"}, id="parameters are ignored"),
        pytest.param("max-age=1, max-age=2", {"max-age": "2"}, id="the last one counts"),
        pytest.param('max-age="60"', {"max-age": ""}, id="a number as a String"),
        pytest.param("max-age=1.5", {"max-age": ""}, id="a Decimal"),
        pytest.param("max-age", {"max-age": ""}, id="a number that is missing"),
        pytest.param("max-age=?1", {"max-age": ""}, id="a Boolean as a number"),
        pytest.param("max-age=-1", {"max-age": "-1"}, id="a negative number"),
        pytest.param("no-store=?0, public", {"public": None}, id="false"),
        pytest.param("private=(a b)", {"private": None}, id="an inner list restricts all"),
        pytest.param("private=1", {"private": None}, id="a number restricts all"),
        pytest.param("", None, id="empty"),
        pytest.param("max-age=60, &", None, id="malformed"),
        pytest.param("Max-Age=60", None, id="upper case is malformed"),
    ],
)
def test_targeted_fields(value: str, expected: dict[str, str | None] | None):
    assert parse_targeted(value) == expected
