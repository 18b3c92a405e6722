"""How old a stored response is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from http_semantics.freshness import ResponseTimes, current_age_s
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
