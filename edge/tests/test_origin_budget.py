"""What is fetched beyond what was asked for is bounded, client by client."""

from hypothesis import given
from hypothesis import strategies as st

from edge.origin_budget import OriginBudget


def budget_of(**changes: float) -> OriginBudget:
    values = {"debt_bytes_max": 1000, "forgiven_bytes_per_s": 10, "clients_max": 2, **changes}
    return OriginBudget(**values)  # type: ignore[arg-type]


def test_a_debt_is_paid_off_by_what_is_sent_and_by_time():
    budget = budget_of()
    budget.note_fetched("a", 1500, now_s=0)
    assert budget.is_spent("a", now_s=0)
    assert not budget.is_spent("b", now_s=0)
    budget.note_sent("a", 300)
    assert budget.is_spent("a", now_s=0)
    assert not budget.is_spent("a", now_s=20)
    budget.note_sent("a", 5000)
    assert len(budget) == 0


def test_the_longest_silent_are_forgotten():
    budget = budget_of()
    for client in "abc":
        budget.note_fetched(client, 5000, now_s=0)
    assert len(budget) == 2
    assert not budget.is_spent("a", now_s=0)
    assert budget.is_spent("c", now_s=0)


@given(st.lists(st.integers(1, 600), max_size=50))
def test_whoever_stops_when_it_is_spent_never_owes_much_more(fetches: list[int]):
    budget, fetched = budget_of(), 0
    for extra in fetches:
        if budget.is_spent("a", now_s=0):
            break
        budget.note_fetched("a", extra, now_s=0)
        fetched += extra
    assert fetched <= 1000 + 600
