import pytest

from edge.pacing import Pace


def test_nothing_waits_before_anything_was_fetched():
    assert Pace(10).wait_s(now_s=0.0) == 0.0


def test_the_next_fetch_waits_until_the_last_is_paid_off():
    pace = Pace(100)
    pace.charge(50, now_s=10.0)
    assert pace.wait_s(now_s=10.0) == pytest.approx(0.5)
    pace.charge(100, now_s=10.1)
    assert pace.wait_s(now_s=10.1) == pytest.approx(1.4)
    assert pace.wait_s(now_s=12.0) == 0.0


def test_idle_time_is_not_saved_up():
    pace = Pace(100)
    pace.charge(100, now_s=0.0)
    pace.charge(100, now_s=50.0)
    assert pace.wait_s(now_s=50.0) == pytest.approx(1.0)
