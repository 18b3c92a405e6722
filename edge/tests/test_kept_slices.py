"""Slices in memory: which go, and what they are counted as."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.content import Content
from edge.eviction.lru import LruPolicy
from edge.kept_slices import SLICE_OVERHEAD_BYTES, KeptSlices
from edge.spans import Spans
from edge.stored_slice import StoredSlice
from edge.tests.making import representation_of

SIZE = 100 + SLICE_OVERHEAD_BYTES


def keep(kept: KeptSlices, owner: object, *numbers: int) -> list[StoredSlice]:
    return [kept.keep(owner, number, Content(100), is_settled=True) for number in numbers]  # type: ignore[arg-type]


def test_the_least_recently_used_ones_go_and_are_counted():
    kept, found = KeptSlices(bytes_max=2 * SIZE), representation_of()
    keep(kept, found, 0, 1)
    assert kept.get(found, 0) is not None
    keep(kept, found, 2)
    assert sorted(kept.kept(found)) == [0, 2]
    assert (kept.slices, kept.bytes, kept.evicted) == (2, 2 * SIZE, 1)


def test_a_look_is_no_use():
    kept, found = KeptSlices(bytes_max=2 * SIZE), representation_of()
    keep(kept, found, 0, 1)
    assert kept.kept(found)[0].number == 0
    assert kept.is_complete(found, 0)
    keep(kept, found, 2)
    assert sorted(kept.kept(found)) == [1, 2]


def test_those_of_others_have_a_share_alone():
    kept, found = KeptSlices(bytes_max=4 * SIZE), representation_of()
    kept.share(lambda _, number: number == 0, mirror_share=0.5)
    assert [kept.is_of_others(found, number) for number in (0, 1)] == [False, True]
    keep(kept, found, 0)
    for number in (1, 2, 3):
        (stored,) = keep(kept, found, number)
        kept.mirror(stored)
    assert sorted(kept.kept(found)) == [0, 2, 3]
    assert kept.mirror_bytes == 2 * SIZE


def test_what_is_there_in_part_can_be_taken_and_what_is_whole_cannot():
    kept, found = KeptSlices(bytes_max=4 * SIZE), representation_of()
    keep(kept, found, 0)
    part = kept.keep(found, 1, Content(100), spans=Spans(), is_settled=True)
    assert not kept.is_complete(found, 1)
    assert kept.take(found, 0) is None
    assert kept.take(found, 1) is part
    assert kept.slices == 1


def test_what_is_dropped_while_it_is_held_takes_memory_until_it_is_let_go():
    kept, found = KeptSlices(bytes_max=4 * SIZE), representation_of()
    held = keep(kept, found, 0, 1, 2)[1]
    kept.drop_before(found, 2)
    assert sorted(kept.kept(found)) == [2]
    kept.drop_all(found)
    assert (kept.slices, kept.bytes) == (0, 100)
    del held
    assert kept.bytes == 0


def test_another_policy_can_be_plugged_in():
    made: list[int] = []

    def policy_of(bytes_max: int) -> LruPolicy[StoredSlice]:
        made.append(bytes_max)
        return LruPolicy(bytes_max=bytes_max)

    KeptSlices(bytes_max=1500, policy_of=policy_of)
    assert made == [1500]


def test_a_slice_of_a_wrong_length_is_a_mistake():
    with pytest.raises(AssertionError):
        KeptSlices(bytes_max=SIZE).keep(representation_of(), 0, Content(99), is_settled=True)


@given(st.lists(st.tuples(st.sampled_from("kdag"), st.integers(0, 2), st.integers(0, 9))))
def test_the_bound_holds_after_any_sequence(operations: list[tuple[str, int, int]]):
    kept, owners = KeptSlices(bytes_max=5 * SIZE), [representation_of() for _ in range(3)]
    for operation, which, number in operations:
        match operation:
            case "k":
                keep(kept, owners[which], number)
            case "d":
                kept.drop_before(owners[which], number)
            case "a":
                kept.drop_all(owners[which])
            case _:
                kept.get(owners[which], number)
        assert kept.bytes == kept.slices * SIZE <= 5 * SIZE
    assert kept.slices == sum(len(kept.kept(owner)) for owner in owners)
