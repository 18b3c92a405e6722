"""What every eviction policy promises, and that settings find all of them."""

import tracemalloc
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.eviction.policies import POLICIES, PolicyName
from edge.ports import EvictionPolicy

BYTES_MAX = 100

OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["get", "put", "put", "put", "remove", "shrink"]),
        st.integers(0, 11),
        st.integers(0, 120),
    ),
    max_size=120,
)

every_policy = pytest.mark.parametrize("name", PolicyName)


def make(name: PolicyName, bytes_max: int = BYTES_MAX) -> EvictionPolicy[int]:
    return POLICIES[name](bytes_max=bytes_max, id_of=hash)


class Ledger:
    """What ought to be kept, told by what a policy returns alone."""

    def __init__(self) -> None:
        self.sizes: dict[int, int] = {}

    def leave(self, victims: Sequence[int]) -> None:
        assert len(set(victims)) == len(victims)
        for victim in victims:
            del self.sizes[victim]

    @property
    def bytes(self) -> int:
        return sum(self.sizes.values())


def test_each_name_has_its_policy():
    assert set(POLICIES) == set(PolicyName)


@every_policy
@given(OPERATIONS)
def test_victims_are_exactly_what_left(name: PolicyName, operations: list[tuple[str, int, int]]):
    policy, ledger = make(name), Ledger()
    for operation, entry, size in operations:
        if operation == "put":
            ledger.sizes[entry] = size
            ledger.leave(policy.put(entry, size))
        elif operation == "remove":
            ledger.sizes.pop(entry, None)
            policy.remove(entry)
        elif operation == "shrink":
            ledger.leave(policy.shrink_to(size))
            assert policy.bytes <= size
        elif entry in ledger.sizes:
            policy.get(entry)
        assert policy.bytes == ledger.bytes <= BYTES_MAX
        assert len(policy) == len(ledger.sizes)
    ledger.leave([entry for entry in policy.shrink_to(0) if ledger.sizes[entry]])
    assert not ledger.bytes
    assert policy.bytes == 0


@every_policy
def test_an_entry_above_the_bound_is_its_own_victim_and_pushes_nobody_out(name: PolicyName):
    policy = make(name)
    assert not policy.put(1, 60)
    assert not policy.put(2, 40)
    assert tuple(policy.put(3, BYTES_MAX + 1)) == (3,)
    assert len(policy) == 2
    assert tuple(policy.put(2, BYTES_MAX + 1)) == (2,)
    assert (len(policy), policy.bytes) == (1, 60)


@every_policy
def test_an_entry_of_the_bound_is_kept_alone(name: PolicyName):
    policy = make(name)
    policy.put(1, 60)
    policy.put(2, 40)
    assert set(policy.put(3, BYTES_MAX)) == {1, 2}
    assert policy.bytes == BYTES_MAX


@every_policy
def test_an_entry_that_is_put_again_counts_anew(name: PolicyName):
    policy = make(name)
    policy.put(1, 60)
    assert not policy.put(1, 30)
    assert (len(policy), policy.bytes) == (1, 30)


@every_policy
def test_removing_what_is_not_kept_is_nothing(name: PolicyName):
    policy = make(name)
    policy.put(1, 60)
    policy.remove(2)
    policy.remove(1)
    policy.remove(1)
    assert (len(policy), policy.bytes) == (0, 0)


@every_policy
def test_a_removed_entry_leaves_nothing_to_stumble_over(name: PolicyName):
    policy = make(name)
    for entry in range(10_000):
        policy.put(entry, 1)
        policy.remove(entry)
    policy.put(1, 1)
    assert tuple(policy.shrink_to(0)) == (1,)


@every_policy
def test_the_bound_for_later_entries_outlasts_a_shrinking(name: PolicyName):
    policy = make(name)
    for entry in range(10):
        policy.put(entry, 10)
    assert len(policy.shrink_to(35)) == 7
    assert not policy.put(20, 70)
    assert policy.bytes == BYTES_MAX


@every_policy
def test_a_hit_allocates_nothing(name: PolicyName):
    policy = make(name, 1 << 30)
    entries = [number << 20 for number in range(1000)]
    for entry in entries:
        policy.put(entry, 1 << 20)
    get = policy.get
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(5):
            for entry in entries:
                get(entry)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak - before < 512  # the loop's own counter and the measurement


@every_policy
def test_what_is_asked_for_outlives_what_is_not(name: PolicyName):
    policy = make(name, 1000)
    policy.put(-1, 10)
    kept = True
    for entry in range(1000):
        if kept:
            policy.get(-1)
        kept = kept and -1 not in policy.put(entry, 10)
    assert kept


@every_policy
def test_entries_without_size_are_kept(name: PolicyName):
    policy = make(name)
    for entry in range(100):
        assert not policy.put(entry, 0)
    assert len(policy) == 100
