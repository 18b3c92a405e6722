"""What members say to each other."""

import pytest
from multidict import CIMultiDict

from edge.peers.wording import HOP_FIELD, MET_FIELD, Hop, Met, read_hop, read_met


@pytest.mark.parametrize(
    "met",
    [
        pytest.param(Met("hit", 12.25), id="from what is stored"),
        pytest.param(Met("uri-miss"), id="without an age"),
        pytest.param(Met("upstream_timeout", is_error=True), id="no answer"),
    ],
)
def test_what_the_owner_says_is_read_as_it_was_said(met: Met):
    assert read_met(CIMultiDict({MET_FIELD: met.field_value()})) == met


@pytest.mark.parametrize("value", ["", "hit; age=x", "Hit", "hit; age=1.5", "hit\n", "a b"])
def test_what_no_member_says_is_not_read(value: str):
    assert read_met(CIMultiDict({MET_FIELD: value})) is None


def test_an_age_is_never_below_zero():
    assert read_met(CIMultiDict({MET_FIELD: Met("hit", -0.5).field_value()})) == Met("hit", 0.0)


@pytest.mark.parametrize(
    ("value", "hop"), [("node", Hop.NODE), ("worker", Hop.WORKER), ("origin", None), ("", None)]
)
def test_a_request_says_how_far_it_has_come(value: str, hop: Hop | None):
    assert read_hop(CIMultiDict({HOP_FIELD: value})) is hop
    assert read_hop(CIMultiDict()) is None
