"""Ids by generations: nothing noted lately is missed, and hardly anything strange is known."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.eviction.recent_ids import BITS_EACH, RecentIds


@given(st.lists(st.integers(0, (1 << 64) - 1), max_size=60))
def test_what_was_noted_lately_is_known(numbers: list[int]):
    recent = RecentIds(generations=2, ids_each=8)
    for count, number in enumerate(numbers, start=1):
        recent.note(number)
        assert all(one in recent for one in numbers[max(0, count - 8) : count])


def test_generations_are_forgotten_in_turn():
    recent = RecentIds(generations=3, ids_each=1000)
    recent.note(7)
    for age in range(3):
        assert recent.age(7) == age
        recent.turn()
    assert 7 not in recent


@pytest.mark.parametrize("bits", [64, 20], ids=["digests", "small numbers"])
def test_hardly_anything_strange_is_known(bits: int):
    chance, recent = random.Random(1), RecentIds(generations=2, ids_each=5000)
    known = {chance.getrandbits(bits) for _ in range(5000)}
    for number in known:
        recent.note(number)
    strange = {chance.getrandbits(bits) for _ in range(20_000)} - known
    assert sum(number in recent for number in strange) < len(strange) / 100


def test_the_memory_is_what_was_said():
    recent = RecentIds(generations=2, ids_each=4000)
    for number in range(100_000):
        recent.note(number)
    assert recent.memory_bytes == 2 * 4000 * BITS_EACH // 8
