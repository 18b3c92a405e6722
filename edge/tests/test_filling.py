"""Content on its way in: slices that are filled in any order, and who waits for a run."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.arena import Arena
from edge.errors import UpstreamTruncatedError
from edge.fields import Fields
from edge.filling import FillingSlice, Reader, Run
from edge.spans import Spans
from edge.tests.making import representation_of


def filling_of(length: int) -> FillingSlice:
    return FillingSlice(0, bytearray(length), Spans(), Arena())


def run_of(start: int, stop: int) -> Run:
    return Run(representation_of(), start, stop, Fields())


@given(st.lists(st.tuples(st.integers(0, 29), st.integers(1, 12)), max_size=10))
def test_a_slice_holds_what_was_fed_in_any_order(pieces: list[tuple[int, int]]):
    body = bytes(range(30))
    filling, fed = filling_of(30), set[int]()
    for start, length in pieces:
        stop = min(30, start + length)
        filling.feed(start, memoryview(body)[start:stop])
        fed.update(range(start, stop))
    assert filling.is_complete == (len(fed) == 30)
    for position in range(30):
        view = bytes(filling.view(position, 30))
        assert view == body[position : position + len(view)]
        assert bool(view) == (position in fed)


def test_what_is_there_stays():
    filling = filling_of(6)
    filling.feed(2, memoryview(b"cd"))
    filling.feed(0, memoryview(b"XXXXXX"))
    assert bytes(filling.view(0, 6)) == b"XXcdXX"


def test_more_than_its_length_is_a_mistake():
    with pytest.raises(AssertionError):
        filling_of(3).feed(0, memoryview(b"0123"))


async def test_readers_are_woken_when_their_bytes_arrive_and_no_sooner():
    run, filling = run_of(0, 10), filling_of(10)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(run.wait_for(0))
        later = group.create_task(run.wait_for(5))
        await asyncio.sleep(0)
        run.advance(4, filling)
        assert await first is filling
        assert not later.done()
        run.advance(10, filling)
    assert later.result() is filling


async def test_a_failure_reaches_those_who_wait_and_who_come_late():
    run = run_of(0, 10)
    waiting = asyncio.ensure_future(run.wait_for(4))
    await asyncio.sleep(0)
    run.end(UpstreamTruncatedError(4, 10))
    for waiter in (waiting, run.wait_for(9)):
        with pytest.raises(UpstreamTruncatedError):
            await waiter


async def test_who_waits_for_the_rest_of_a_run_that_was_cut_looks_again():
    run = run_of(0, 10)
    async with asyncio.TaskGroup() as group:
        own = group.create_task(run.wait_for(3))
        other = group.create_task(run.wait_for(6))
        await asyncio.sleep(0)
        run.cut(5)
        assert await other is None
        assert not own.done()
        run.end(None)
    assert own.result() is None


async def test_a_reader_who_left_does_not_disturb():
    run, filling = run_of(0, 4), filling_of(4)
    leaving = asyncio.ensure_future(run.wait_for(0))
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.sleep(0)
    run.advance(4, filling)
    run.end(None)
    assert run.position == 4


def test_a_run_is_wanted_by_who_has_not_passed_it():
    run = run_of(100, 200)
    assert run.is_wanted_by(Reader(0, 101))
    assert not run.is_wanted_by(Reader(0, 100))
    assert not run.is_wanted_by(Reader(200, 300))
