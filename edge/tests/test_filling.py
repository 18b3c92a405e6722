"""A slice that is being filled."""

import asyncio

import pytest

from edge.errors import UpstreamTruncatedError
from edge.filling import FillingSlice


async def test_readers_are_woken_by_each_arrival():
    filling = FillingSlice(0, 10, run=0)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(filling.read(0, 10))
        later = group.create_task(filling.read(5, 10))
        await asyncio.sleep(0)
        filling.feed(memoryview(b"0123"))
        assert bytes(await first) == b"0123"
        assert not later.done()
        filling.feed(memoryview(b"456789"))
    assert bytes(later.result()) == b"56789"
    assert filling.is_complete
    assert bytes(await filling.read(2, 4)) == b"23"


async def test_a_failure_reaches_those_who_need_more_and_no_others():
    filling = FillingSlice(0, 10, run=0)
    filling.feed(memoryview(b"0123"))
    waiting = asyncio.ensure_future(filling.read(4, 10))
    await asyncio.sleep(0)
    filling.fail(UpstreamTruncatedError(4, 10))
    with pytest.raises(UpstreamTruncatedError):
        await waiting
    with pytest.raises(UpstreamTruncatedError):
        await filling.read(4, 10)
    assert bytes(await filling.read(0, 10)) == b"0123"


async def test_a_reader_who_left_does_not_disturb():
    filling = FillingSlice(0, 4, run=0)
    leaving = asyncio.ensure_future(filling.read(0, 4))
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.sleep(0)
    filling.feed(memoryview(b"0123"))
    assert bytes(await filling.read(0, 4)) == b"0123"


async def test_more_than_its_length_is_a_mistake():
    with pytest.raises(AssertionError):
        FillingSlice(0, 3, run=0).feed(memoryview(b"0123"))
