"""What may be stored, and for how long it is fresh."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from http_semantics.cache_control import parse_directives
from http_semantics.freshness import (
    Refusal,
    ResponseTimes,
    StoringFacts,
    current_age_s,
    freshness_lifetime_s,
    why_not_storable,
)
from http_semantics.http_date import format_http_date

NOW_S = 1_700_000_000.0
AT_ONCE = ResponseTimes(request_s=NOW_S, response_s=NOW_S, date_s=NOW_S, age_s=0.0)


@pytest.mark.parametrize(
    ("times", "now_s", "expected"),
    [
        pytest.param(AT_ONCE, NOW_S, 0.0, id="just arrived"),
        pytest.param(AT_ONCE, NOW_S + 7, 7.0, id="resident"),
        pytest.param(AT_ONCE, NOW_S - 7, 0.0, id="clock set back"),
        pytest.param(ResponseTimes(NOW_S - 2, NOW_S, NOW_S, 0.0), NOW_S, 2.0, id="slow answer"),
        pytest.param(ResponseTimes(NOW_S, NOW_S, NOW_S - 9, 0.0), NOW_S, 9.0, id="old Date"),
        pytest.param(ResponseTimes(NOW_S, NOW_S, NOW_S + 9, 0.0), NOW_S, 0.0, id="fast Date"),
        pytest.param(
            ResponseTimes(NOW_S, NOW_S, NOW_S - 9, 30.0), NOW_S + 1, 31.0, id="Age is larger"
        ),
    ],
)
def test_current_age(times: ResponseTimes, now_s: float, expected: float):
    assert current_age_s(times, now_s=now_s) == expected


@pytest.mark.parametrize(
    ("cache_control", "expires_in_s", "expected"),
    [
        pytest.param("max-age=60", None, 60, id="max-age"),
        pytest.param("max-age=60, s-maxage=5", None, 5, id="s-maxage is for us"),
        pytest.param("max-age=60", 5, 60, id="max-age goes before Expires"),
        pytest.param("", 30, 30, id="Expires"),
        pytest.param("", -30, 0, id="Expires in the past"),
        pytest.param("", None, None, id="nothing said"),
        pytest.param("max-age=60, no-cache", None, 0, id="no-cache"),
        pytest.param("max-age=x", None, 0, id="unreadable"),
    ],
)
def test_lifetime(cache_control: str, expires_in_s: float | None, expected: float | None):
    expires = None if expires_in_s is None else format_http_date(NOW_S + expires_in_s)
    directives = parse_directives(cache_control)
    assert freshness_lifetime_s(directives, expires=expires, times=AT_ONCE) == expected


def test_expires_that_is_no_date_is_in_the_past():
    assert freshness_lifetime_s({}, expires="0", times=AT_ONCE) == 0


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param(StoringFacts({}, 60.0), None, id="fresh"),
        pytest.param(StoringFacts({}, None), Refusal.NO_FRESHNESS, id="nothing said"),
        pytest.param(StoringFacts({}, 0.0), Refusal.NO_FRESHNESS, id="stale, no validator"),
        pytest.param(StoringFacts({}, 0.0, has_validator=True), None, id="stale, validator"),
        pytest.param(StoringFacts({"no-store": None}, 60.0), Refusal.NO_STORE, id="no-store"),
        pytest.param(StoringFacts({"private": "x"}, 60.0), Refusal.PRIVATE, id="private"),
        pytest.param(
            StoringFacts({}, 60.0, is_authorized=True), Refusal.AUTHORIZATION, id="authorized"
        ),
        pytest.param(
            StoringFacts({"public": None}, 60.0, is_authorized=True), None, id="public lifts it"
        ),
        pytest.param(
            StoringFacts({"s-maxage": "60"}, 60.0, is_authorized=True), None, id="s-maxage too"
        ),
        pytest.param(StoringFacts({}, 60.0, has_cookie=True), Refusal.SET_COOKIE, id="cookie"),
        pytest.param(StoringFacts({}, 60.0, vary="*"), Refusal.VARY, id="Vary: *"),
        pytest.param(
            StoringFacts({}, 60.0, vary="Accept-Encoding, ", neutral_fields=frozenset({"origin"})),
            Refusal.VARY,
            id="varies by what we send",
        ),
        pytest.param(
            StoringFacts({}, 60.0, vary="Origin", neutral_fields=frozenset({"origin"})),
            None,
            id="varies by what is alike for all",
        ),
    ],
)
def test_storing(facts: StoringFacts, expected: Refusal | None):
    assert why_not_storable(facts) == expected


def test_times_are_read_from_the_fields():
    fields = {"Date": format_http_date(NOW_S - 4), "Age": "3, 9"}
    times = ResponseTimes.from_fields(fields.get, request_s=NOW_S - 1, response_s=NOW_S)
    assert times == ResponseTimes(NOW_S - 1, NOW_S, NOW_S - 4, 3)


def test_without_date_and_age_a_response_is_of_now():
    fields = {"Age": "soon"}
    times = ResponseTimes.from_fields(fields.get, request_s=NOW_S + 5, response_s=NOW_S)
    assert times == AT_ONCE


@given(
    delay_s=st.floats(0, 1e4),
    date_shift_s=st.floats(-1e6, 1e6),
    age_s=st.floats(0, 1e6),
    stay_s=st.floats(-1e6, 1e6),
)
def test_age_is_never_less_than_the_time_spent_here(
    delay_s: float, date_shift_s: float, age_s: float, stay_s: float
):
    times = ResponseTimes(NOW_S, NOW_S + delay_s, NOW_S + date_shift_s, age_s)
    now_s = times.response_s + stay_s
    assert current_age_s(times, now_s=now_s) >= max(0.0, now_s - times.response_s)
