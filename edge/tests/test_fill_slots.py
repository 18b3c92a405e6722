"""How many fills there may be at once."""

import asyncio

import pytest

from edge.errors import OverloadedError
from edge.fill_slots import FillSlots
from edge.ports import UpstreamAnswer


class OpenAnswer:
    is_closed = False

    def close(self) -> None:
        self.is_closed = True


class Sending:
    """A request whose answer comes when it is told to."""

    def __init__(self) -> None:
        self.opened = OpenAnswer()
        self.answer: UpstreamAnswer = self.opened  # type: ignore[assignment]
        self.is_answered = asyncio.Event()

    async def __call__(self) -> UpstreamAnswer:
        await self.is_answered.wait()
        return self.answer


async def test_a_slot_that_is_given_back_goes_to_the_next():
    slots = FillSlots(slots_max=1, wait_s=5)
    first = await slots.take()
    waiting = asyncio.ensure_future(slots.take())
    await asyncio.sleep(0)
    assert not waiting.done()
    first.give_back()
    first.give_back()
    second = await waiting
    assert slots.taken == 1
    second.give_back()
    assert slots.taken == 0


async def test_nobody_waits_for_ever():
    slots = FillSlots(slots_max=1, wait_s=0.01)
    await slots.take()
    with pytest.raises(OverloadedError):
        await slots.take()


async def test_a_slot_is_lent_while_its_answer_takes_long_to_begin():
    slots = FillSlots(slots_max=1, wait_s=5, lent_after_s=0.0, lent_max=1)
    slow = await slots.take()
    sending = Sending()
    waiting = asyncio.ensure_future(slow.wait_for_answer(sending()))
    other = await slots.take()
    assert (slots.taken, slots.lent) == (1, 1)
    sending.is_answered.set()
    await asyncio.sleep(0)
    assert not waiting.done()
    other.give_back()
    assert await waiting is sending.answer
    assert (slots.taken, slots.lent) == (1, 0)
    slow.give_back()
    assert slots.taken == 0


async def test_no_more_slots_are_lent_than_allowed():
    slots = FillSlots(slots_max=1, wait_s=0.01, lent_after_s=0.0)
    slow = await slots.take()
    sending = Sending()
    waiting = asyncio.ensure_future(slow.wait_for_answer(sending()))
    with pytest.raises(OverloadedError):
        await slots.take()
    sending.is_answered.set()
    assert await waiting is sending.answer
    assert slots.taken == 1


async def test_an_answer_without_a_slot_is_closed():
    slots = FillSlots(slots_max=1, wait_s=0.01, lent_after_s=0.0, lent_max=1)
    slow = await slots.take()
    sending = Sending()
    waiting = asyncio.ensure_future(slow.wait_for_answer(sending()))
    await slots.take()
    sending.is_answered.set()
    with pytest.raises(OverloadedError):
        await waiting
    assert sending.opened.is_closed
    slow.give_back()
    assert (slots.taken, slots.lent) == (1, 0)


async def test_a_request_that_is_given_up_gives_its_slot_back_once():
    slots = FillSlots(slots_max=1, wait_s=5, lent_after_s=0.0, lent_max=1)
    slow = await slots.take()
    waiting = asyncio.ensure_future(slow.wait_for_answer(Sending()()))
    other = await slots.take()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    slow.give_back()
    assert (slots.taken, slots.lent) == (1, 0)
    other.give_back()
    assert slots.taken == 0
