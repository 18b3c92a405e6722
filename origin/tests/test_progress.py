from hypothesis import given
from hypothesis import strategies as st

from origin.progress import IngestProgress, ProgressTeller, Stage


@given(st.lists(st.tuples(st.sampled_from(Stage), st.floats(-1, 2))))
def test_the_fraction_never_falls_and_stays_within_bounds(steps: list[tuple[Stage, float]]):
    told: list[IngestProgress] = []
    teller = ProgressTeller(told.append)
    for stage, fraction in steps:
        teller.enter(stage)(fraction)
    teller.finish()
    fractions = [one.fraction for one in told]
    assert fractions == sorted(fractions)
    assert 0.0 <= fractions[0] <= fractions[-1] == 1.0


def test_a_track_that_is_made_stays_so():
    told: list[IngestProgress] = []
    teller = ProgressTeller(told.append)
    teller.enter(Stage.PUBLISHING)
    teller.note_new()
    teller.enter(Stage.PACKAGING)
    assert [one.is_new for one in told] == [False, True, True]


def test_it_may_be_told_to_nobody():
    told: list[IngestProgress] = []
    for listener in (None, told.append):
        teller = ProgressTeller(listener)
        teller.enter(Stage.PACKAGING)(0.5)
        teller.finish()
    assert [one.stage for one in told] == [Stage.PACKAGING] * 3
