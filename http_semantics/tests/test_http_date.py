"""HTTP dates: three forms are read, one is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from http_semantics.http_date import format_http_date, parse_http_date

NOW_S = 1_700_000_000.0  # November 2023


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("Sun, 06 Nov 1994 08:49:37 GMT", id="IMF-fixdate"),
        pytest.param("Sunday, 06-Nov-94 08:49:37 GMT", id="RFC 850"),
        pytest.param("Sun Nov  6 08:49:37 1994", id="asctime"),
    ],
)
def test_the_three_forms(value: str):
    assert parse_http_date(value, now_s=NOW_S) == 784_111_777


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("Sun, 06 Nov 1994 08:49:37 CET", id="other zone"),
        pytest.param("Sun, 06 Nov 1994 08:49:37 +0000", id="numeric zone"),
        pytest.param("Sun, 06 Nov 1994 08:49:37", id="no zone"),
        pytest.param("Sun, 6 Nov 1994 08:49:37 GMT", id="one digit day"),
        pytest.param("Sun, 31 Feb 1994 08:49:37 GMT", id="no such day"),
        pytest.param("Sun, 06 Nov 1994 24:49:37 GMT", id="no such hour"),
        pytest.param("Sun, 06 Nov 1994 08:60:37 GMT", id="no such minute"),
        pytest.param("0", id="zero"),
        pytest.param("", id="nothing"),
    ],
)
def test_what_is_no_date(value: str):
    assert parse_http_date(value, now_s=NOW_S) is None


@pytest.mark.parametrize(
    ("short", "full"),
    [
        pytest.param("73", 2073, id="fifty years ahead"),
        pytest.param("74", 1974, id="more than fifty years ahead"),
        pytest.param("23", 2023, id="this year"),
    ],
)
def test_a_short_year_is_at_most_fifty_years_ahead(short: str, full: int):
    expected = parse_http_date(f"Mon, 01 Jan {full} 00:00:00 GMT", now_s=NOW_S)
    assert parse_http_date(f"Monday, 01-Jan-{short} 00:00:00 GMT", now_s=NOW_S) == expected


@given(st.integers(0, 4_000_000_000))
def test_a_date_is_read_back_as_written(when_s: int):
    assert parse_http_date(format_http_date(when_s), now_s=NOW_S) == when_s


def test_letters_of_either_case_are_taken():
    assert parse_http_date("sun, 06 NOV 1994 08:49:37 gmt", now_s=0) == 784111777
