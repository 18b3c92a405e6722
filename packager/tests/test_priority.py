from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.priority import BooksFullError, PlaceBooks, Priority, Ticket

LISTENER, OPERATOR, INGEST = Priority

STEPS = st.lists(st.sampled_from(Priority) | st.integers(0, 30), max_size=80)


def played(books: PlaceBooks, steps: list[Priority | int]) -> Iterator[None]:
    """Jobs that enter by priority, and leave by number; a pause after each step."""
    present: list[Ticket] = []
    for step in steps:
        if isinstance(step, Priority):
            try:
                present.append(books.enter(step))
            except BooksFullError:
                assert sum(ticket.priority is step for ticket in books.waiting) == books.waiting_max
        elif present:
            books.leave(present.pop(step % len(present)))
        yield


@given(places=st.integers(1, 4), waiting_max=st.integers(0, 5), steps=STEPS)
def test_no_more_run_than_there_are_places_and_one_more_only_for_one_listener(
    places: int, waiting_max: int, steps: list[Priority | int]
):
    books = PlaceBooks(places, waiting_max)
    for _ in played(books, steps):
        listeners = [ticket for ticket in books.running if ticket.priority is LISTENER]
        assert len(books.running) <= places + (1 if listeners else 0)


@given(places=st.integers(1, 4), waiting_max=st.integers(0, 5), steps=STEPS)
def test_nobody_waits_while_a_place_is_free(
    places: int, waiting_max: int, steps: list[Priority | int]
):
    books = PlaceBooks(places, waiting_max)
    for _ in played(books, steps):
        if books.waiting:
            assert len(books.running) >= places
        if any(ticket.priority is LISTENER for ticket in books.waiting):
            assert any(ticket.priority is LISTENER for ticket in books.running)


@given(entering=st.lists(st.sampled_from(Priority), max_size=40))
def test_jobs_are_served_by_priority_and_then_in_the_order_of_their_coming(
    entering: list[Priority],
):
    books = PlaceBooks(places=1, waiting_max=40)
    current = books.enter(LISTENER)
    entered = [books.enter(priority) for priority in entering]
    served: list[Ticket] = []
    while books.waiting:
        (current,) = books.leave(current)
        served.append(current)
    assert served == sorted(entered, key=lambda ticket: (ticket.priority, ticket.number))


@given(entering=st.lists(st.sampled_from(Priority), max_size=30), data=st.data())
def test_whoever_gives_up_waiting_changes_nothing_for_the_others(
    entering: list[Priority], data: st.DataObject
):
    books = PlaceBooks(places=1, waiting_max=40)
    books.enter(LISTENER)
    entered = [books.enter(priority) for priority in entering]
    gone = data.draw(st.sets(st.sampled_from(entered)) if entered else st.just(set[Ticket]()))
    for ticket in gone:
        assert books.leave(ticket) == ()
    assert books.waiting == tuple(sorted(set(entered) - gone))


def test_a_queue_full_of_ingest_keeps_no_listener_out():
    books = PlaceBooks(places=1, waiting_max=2)
    running = [books.enter(LISTENER)]
    for _ in range(2):
        books.enter(INGEST)
    with pytest.raises(BooksFullError):
        books.enter(INGEST)
    waiter = books.enter(LISTENER)
    assert books.waiting[0] == waiter
    assert books.leave(running[0]) == (waiter,)


def test_a_listener_is_let_in_beside_ingest_and_ingest_waits_until_both_are_done():
    books = PlaceBooks(places=1, waiting_max=5)
    bulk, listener, more = books.enter(INGEST), books.enter(LISTENER), books.enter(INGEST)
    assert books.running == {bulk, listener}
    assert books.leave(bulk) == ()
    assert books.leave(listener) == (more,)


def test_a_second_listener_waits_for_the_first():
    books = PlaceBooks(places=2, waiting_max=5)
    for _ in range(2):
        books.enter(INGEST)
    first, second = books.enter(LISTENER), books.enter(LISTENER)
    assert first in books.running
    assert books.waiting == (second,)
    assert books.leave(first) == (second,)


def test_more_urgent_jobs_are_less_nice():
    nicenesses = [priority.niceness for priority in Priority]
    assert nicenesses == sorted(set(nicenesses))
    assert nicenesses[0] == 0
