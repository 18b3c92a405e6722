"""Exactly least recently used, and never above its bound."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.eviction.lru import LruPolicy

OPERATIONS = st.lists(
    st.tuples(st.sampled_from(["get", "put", "remove"]), st.integers(0, 7), st.integers(0, 50)),
    max_size=80,
)


class PlainLru:
    """The definition: a list from the least to the most recently used."""

    def __init__(self, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self.entries: list[tuple[int, int]] = []

    def size_of(self, entry: int) -> int | None:
        return dict(self.entries).get(entry)

    def remove(self, entry: int) -> None:
        self.entries = [one for one in self.entries if one[0] != entry]

    def put(self, entry: int, size: int) -> list[int]:
        self.remove(entry)
        if size > self.bytes_max:
            return [entry]
        self.entries.append((entry, size))
        victims = []
        while sum(one[1] for one in self.entries) > self.bytes_max:
            victims.append(self.entries.pop(0)[0])
        return victims


@given(OPERATIONS)
def test_it_equals_the_definition_step_by_step(operations: list[tuple[str, int, int]]):
    policy: LruPolicy[int] = LruPolicy(bytes_max=100)
    plain = PlainLru(100)
    for operation, entry, size in operations:
        if operation == "put":
            assert list(policy.put(entry, size)) == plain.put(entry, size)
        elif operation == "remove":
            policy.remove(entry)
            plain.remove(entry)
        elif (kept := plain.size_of(entry)) is not None:
            policy.get(entry)
            plain.put(entry, kept)
        assert policy.bytes == sum(one[1] for one in plain.entries) <= 100
        assert len(policy) == len(plain.entries)
        assert all(one[0] in policy for one in plain.entries)


def test_an_entry_above_the_bound_pushes_nobody_out():
    policy: LruPolicy[str] = LruPolicy(bytes_max=10)
    policy.put("small", 4)
    assert policy.put("huge", 11) == ("huge",)
    assert "small" in policy


def test_the_bound_has_to_be_positive():
    with pytest.raises(AssertionError):
        LruPolicy(bytes_max=0)
