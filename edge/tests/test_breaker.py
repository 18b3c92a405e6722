"""When an upstream is asked, and when again."""

from hypothesis import given
from hypothesis import strategies as st

from edge.breaker import Breaker, Circuit, RetryBudget


def test_it_opens_after_failures_in_a_row_and_lets_one_find_out():
    breaker = Breaker(failures_max=3, open_s=10)
    for _ in range(2):
        breaker.note_failure(now_s=0)
        assert breaker.admits(now_s=0)
    breaker.note_answer()
    for _ in range(3):
        assert breaker.circuit(now_s=0) is Circuit.CLOSED
        breaker.note_failure(now_s=0)
    assert breaker.circuit(now_s=9.9) is Circuit.OPEN
    assert not breaker.admits(now_s=9.9)
    assert breaker.admits(now_s=10)
    assert not breaker.admits(now_s=10)
    breaker.note_failure(now_s=11)
    assert not breaker.admits(now_s=20)
    assert breaker.admits(now_s=21)
    breaker.note_answer()
    assert breaker.circuit(now_s=21) is Circuit.CLOSED
    assert breaker.opened == 1


def test_a_probe_that_is_never_heard_of_again_does_not_keep_it_open():
    breaker = Breaker(failures_max=1, open_s=10)
    breaker.note_failure(now_s=0)
    assert breaker.admits(now_s=10)
    assert not breaker.admits(now_s=19)
    assert breaker.admits(now_s=20)


@given(st.lists(st.booleans(), max_size=300))
def test_retries_are_a_share_of_the_requests(wanted: list[bool]):
    budget, retries = RetryBudget(share=0.2, reserve=5), 0
    for requests, is_wanted in enumerate(wanted, start=1):
        budget.note_request()
        retries += is_wanted and budget.take()
        assert retries <= 5 + 0.2 * requests
