import pytest
from multidict import CIMultiDict

from edge.outcomes import Outcome, Told, Uncacheable
from edge.told_errors import ToldErrors, Variant
from http_semantics.vary import EMPTY

A: Variant = ("/a", EMPTY)


def error(status: int = 503, *, is_patience: bool = False) -> Told:
    return Told(status, CIMultiDict(), b"", is_patience=is_patience)


def test_a_single_one_is_not_told_again():
    errors = ToldErrors(told_s=1.0)
    errors.note(A, error(), now_s=10.0)
    assert errors.recent(A, now_s=10.0) is None


def test_one_that_comes_again_is_for_a_moment():
    errors, again = ToldErrors(told_s=1.0), error()
    errors.note(A, error(), now_s=10.0)
    errors.note(A, again, now_s=15.9)
    assert errors.recent(A, now_s=16.8) is again
    assert errors.recent(("/b", EMPTY), now_s=16.8) is None
    assert errors.recent(A, now_s=16.9) is None


def test_what_comes_again_much_later_is_a_single_one():
    errors = ToldErrors(told_s=1.0)
    errors.note(A, error(), now_s=10.0)
    errors.note(A, error(), now_s=16.0)
    assert errors.recent(A, now_s=16.0) is None


@pytest.mark.parametrize(
    "outcome",
    [
        pytest.param(error(404), id="not the upstream's"),
        pytest.param(error(is_patience=True), id="patience"),
        pytest.param(Uncacheable("no-store", 200), id="no error"),
    ],
)
def test_all_else_ends_it(outcome: Outcome):
    errors = ToldErrors(told_s=1.0)
    for _ in range(2):
        errors.note(A, error(), now_s=10.0)
    errors.note(A, outcome, now_s=10.1)
    assert errors.recent(A, now_s=10.1) is None
    assert len(errors) == 0


def test_no_more_are_remembered_than_may_be():
    errors = ToldErrors(told_s=1.0)
    for number in range(1_100):
        errors.note((f"/{number}", EMPTY), error(), now_s=0.0)
    assert len(errors) == 1_000
