"""How many fills there may be at once."""

import asyncio

import pytest

from edge.errors import OverloadedError
from edge.fill_slots import FillSlots


async def test_a_slot_that_is_given_back_goes_to_the_next():
    slots = FillSlots(slots_max=1, wait_s=5)
    give_back = await slots.take()
    waiting = asyncio.ensure_future(slots.take())
    await asyncio.sleep(0)
    assert not waiting.done()
    give_back()
    give_back()
    second = await waiting
    assert slots.taken == 1
    second()
    assert slots.taken == 0


async def test_nobody_waits_for_ever():
    slots = FillSlots(slots_max=1, wait_s=0.01)
    await slots.take()
    with pytest.raises(OverloadedError):
        await slots.take()
