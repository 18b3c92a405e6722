import pytest

from edge.pacing import AnswerPacing, Pace


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


@pytest.mark.parametrize(
    ("sent_bytes", "elapsed_s", "wait_s"),
    [
        pytest.param(0, 0.0, 0.0, id="nothing sent"),
        pytest.param(20_000 * 10, 0.0, 0.0, id="what is sent without delay"),
        pytest.param(20_000 * 13, 0.0, 2.0, id="three seconds more take two"),
        pytest.param(20_000 * 13, 1.5, 0.5, id="some of it is over"),
        pytest.param(20_000 * 13, 9.0, 0.0, id="all of it is over"),
    ],
)
def test_an_answer_is_sent_as_it_is_listened_to(sent_bytes: int, elapsed_s: float, wait_s: float):
    pacing = AnswerPacing(factor=1.5, burst_s=10)
    waited_s = pacing.wait_s("160000", sent_bytes, elapsed_s=elapsed_s)
    assert waited_s == pytest.approx(wait_s)


@pytest.mark.parametrize("bitrate", [None, "", "x", "-5", "0", "1.5", "\u0665"])
def test_without_a_bit_rate_nothing_waits(bitrate: str | None):
    assert AnswerPacing(factor=1.5).wait_s(bitrate, 1 << 40, elapsed_s=0.0) == 0.0


def test_nothing_waits_unless_it_is_asked_for():
    assert AnswerPacing().wait_s("160000", 1 << 40, elapsed_s=0.0) == 0.0
