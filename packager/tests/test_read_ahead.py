import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.errors import MasterChangedError
from packager.read_ahead import reading_ahead


@given(count=st.integers(0, 30), ahead=st.integers(1, 5))
def test_items_come_in_order(count: int, ahead: int):
    with reading_ahead(iter(range(count)), ahead=ahead) as items:
        assert list(items) == list(range(count))


def test_no_more_is_read_than_was_asked_for():
    read: list[int] = []
    is_third_there = threading.Event()

    def numbers() -> Iterator[int]:
        for number in range(10):
            read.append(number)
            if number == 2:
                is_third_there.set()
            yield number

    with reading_ahead(numbers(), ahead=2) as items:
        assert is_third_there.wait(5)
        # The third is in hand; there is no room to put it.
        assert read == [0, 1, 2]
        assert list(items) == list(range(10))


def test_what_goes_wrong_is_told_after_the_items_before_it():
    def broken() -> Iterator[int]:
        yield 1
        raise MasterChangedError

    with reading_ahead(broken(), ahead=3) as items:
        assert next(items) == 1
        with pytest.raises(MasterChangedError):
            next(items)


@pytest.mark.parametrize("ahead", [1, 100])
def test_whoever_leaves_early_ends_the_reading(ahead: int):
    threads = threading.active_count()

    def leave_early() -> None:
        with reading_ahead(iter(range(1000)), ahead=ahead) as items:
            next(items)
            raise KeyError

    with pytest.raises(KeyError):
        leave_early()
    assert threading.active_count() == threads


def test_a_block_that_uses_nothing_ends_the_reading():
    threads, numbers = threading.active_count(), iter(range(1000))
    with reading_ahead(numbers, ahead=2):
        pass
    assert threading.active_count() == threads
    # As many as there is room for, and the one in hand.
    assert 1 <= next(numbers) <= 3
