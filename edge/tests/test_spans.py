"""Spans behave like the set of offsets that they stand for."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from edge.spans import Spans

INTERVALS = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), max_size=12)


def spans_of(intervals: list[tuple[int, int]]) -> tuple[Spans, set[int]]:
    spans, offsets = Spans(), set[int]()
    for start, length in intervals:
        spans.add(start, start + length)
        offsets.update(range(start, start + length))
    return spans, offsets


@given(INTERVALS)
def test_intervals_are_disjoint_in_order_and_apart(intervals: list[tuple[int, int]]):
    spans, offsets = spans_of(intervals)
    kept = list(spans)
    assert {offset for start, stop in kept for offset in range(start, stop)} == offsets
    assert all(one[1] < other[0] for one, other in itertools.pairwise(kept))
    assert bool(spans) == bool(offsets)


@given(INTERVALS, st.integers(0, 90), st.integers(1, 90))
def test_gaps_are_what_is_missing(intervals: list[tuple[int, int]], start: int, length: int):
    spans, offsets = spans_of(intervals)
    wanted = set(range(start, start + length))
    gaps = list(spans.gaps(start, start + length))
    assert {offset for one, other in gaps for offset in range(one, other)} == wanted - offsets
    assert all(one < other for one, other in gaps)
    assert spans.covers(start, start + length) == (wanted <= offsets)


@given(INTERVALS, st.integers(0, 90))
def test_the_end_is_that_of_the_run_of_bytes(intervals: list[tuple[int, int]], position: int):
    spans, offsets = spans_of(intervals)
    end = position
    while end in offsets:
        end += 1
    assert spans.end_at(position) == end
