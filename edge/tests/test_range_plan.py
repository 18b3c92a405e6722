"""What is asked for: the listener's bytes at once, whole slices where they are cheap."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.range_plan import AMPLIFICATION_MAX, RangePlan, plan_range
from http_semantics.byte_range import ByteSlice

KIB = 1024
SLICE = 256 * KIB
RUN = 4096 * KIB


def plan(start: int, stop: int, complete_length: int | None = None) -> RangePlan:
    return plan_range(
        ByteSlice(start, stop),
        slice_bytes=SLICE,
        run_bytes_max=RUN,
        complete_length=complete_length,
    )


@pytest.mark.parametrize(
    ("start", "stop", "first", "lead"),
    [
        pytest.param(0, 1, (0, SLICE), None, id="a byte: its slice"),
        pytest.param(0, 64 * KIB, (0, SLICE), None, id="at a slice's start"),
        pytest.param(8 * KIB, 72 * KIB, (0, SLICE), None, id="close behind it"),
        pytest.param(
            128 * KIB, 192 * KIB, (128 * KIB, SLICE), (0, 128 * KIB), id="in the middle: that first"
        ),
        pytest.param(
            224 * KIB, 288 * KIB, (224 * KIB, 288 * KIB), None, id="two slices for a few bytes"
        ),
        pytest.param(224 * KIB, 2 * SLICE, (224 * KIB, 2 * SLICE), (0, 224 * KIB), id="mostly one"),
        pytest.param(0, 8 * RUN, (0, RUN), None, id="no more than a run"),
    ],
)
def test_plans(start: int, stop: int, first: tuple[int, int], lead: tuple[int, int] | None):
    assert plan(start, stop) == RangePlan(
        ByteSlice(*first), None if lead is None else ByteSlice(*lead)
    )


@given(st.integers(0, 40 * SLICE), st.integers(1, 20 * SLICE))
def test_a_plan_has_the_first_bytes_and_costs_no_more_than_allowed(start: int, length: int):
    end = 41 * SLICE + 5
    one = plan(start, min(start + length, end), end)
    asked = min(length, end - start, RUN)
    total = one.first.length + (one.lead.length if one.lead else 0)
    assert one.first.start <= start < one.first.stop <= end
    assert one.first.stop >= start + asked
    assert total <= max(SLICE, AMPLIFICATION_MAX * asked)
    assert one.lead is None or one.lead.stop == one.first.start
