"""Rendezvous hashing: everybody agrees, shares are even, and only a member's own share moves."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.peers.ownership import SPAN_BYTES, Candidate, ranked, span_end, span_of

KEYS = [f"/v1/audio/{number}/a.mp4" for number in range(4_000)]


def owners(names: list[Candidate]) -> dict[str, str]:
    return {key: ranked(names, key)[0] for key in KEYS}


def nodes(count: int) -> list[Candidate]:
    return [Candidate(f"node-{number}") for number in range(count)]


@given(st.text(), st.integers(0, 1 << 40), st.permutations(["a", "b", "c", "d"]))
def test_the_order_of_owners_hangs_on_nothing_but_names_key_and_span(
    key: str, span: int, names: list[str]
):
    expected = ranked([Candidate(name) for name in "abcd"], key, span)
    assert ranked([Candidate(name) for name in names], key, span) == expected
    assert sorted(expected) == ["a", "b", "c", "d"]


@pytest.mark.parametrize("count", [2, 3, 10])
def test_shares_are_even(count: int):
    shares = Counter(owners(nodes(count)).values())
    assert len(shares) == count
    for share in shares.values():
        assert share == pytest.approx(len(KEYS) / count, rel=0.2)


@pytest.mark.parametrize("count", [2, 3, 10])
def test_who_joins_takes_a_share_and_nothing_else_moves(count: int):
    before, after = owners(nodes(count)), owners(nodes(count + 1))
    moved = [key for key in KEYS if before[key] != after[key]]
    assert {after[key] for key in moved} == {f"node-{count}"}
    assert len(moved) == pytest.approx(len(KEYS) / (count + 1), rel=0.2)


def test_what_a_member_had_that_leaves_goes_to_the_next_in_order():
    orders = {key: ranked(nodes(5), key) for key in KEYS}
    rest = [one for one in nodes(5) if one.name != "node-2"]
    for key, order in orders.items():
        assert ranked(rest, key) == [name for name in order if name != "node-2"]


def test_a_double_weight_is_a_double_share():
    shares = Counter(owners([Candidate("a", 2.0), Candidate("b"), Candidate("c")]).values())
    assert shares["a"] == pytest.approx(len(KEYS) / 2, rel=0.1)


def test_spans_of_one_resource_have_owners_of_their_own():
    shares = Counter(ranked(nodes(3), "/long.mp4", span)[0] for span in range(3_000))
    assert all(share == pytest.approx(1_000, rel=0.2) for share in shares.values())


def test_a_span_ends_where_the_next_begins():
    assert (span_of(0), span_of(SPAN_BYTES - 1), span_of(SPAN_BYTES)) == (0, 0, 1)
    assert (span_end(0), span_end(SPAN_BYTES - 1)) == (SPAN_BYTES, SPAN_BYTES)
    assert span_end(SPAN_BYTES) == 2 * SPAN_BYTES
