"""Reading parts that are in memory; what is not there is the business of fills."""

import pytest

from config.tasks import Tasks, open_tasks
from edge.errors import SliceGoneError
from edge.fields import Fields
from edge.fill_slots import FillSlots
from edge.fills import Fills, Presence
from edge.metrics import EdgeCounts
from edge.ports import UpstreamAnswer, UpstreamRequest
from edge.reading import Reading
from edge.representation import Representation
from edge.slices import SliceStore
from edge.tests.making import head_from, representation_of
from http_semantics.byte_range import ByteSlice

BODY = bytes(range(250)) * 4


class NoUpstream:
    """An upstream that is not to be asked."""

    async def send(self, request: UpstreamRequest) -> UpstreamAnswer:
        raise AssertionError(request.target)


def reading_of(tasks: Tasks, store: SliceStore) -> Reading:
    return Reading(store, fills_of(tasks, store))


def fills_of(tasks: Tasks, store: SliceStore) -> Fills:
    return Fills(
        store=store,
        upstream=NoUpstream(),
        tasks=tasks,
        slots=FillSlots(slots_max=1, wait_s=1),
        run_bytes_max=400,
        length_max=1 << 20,
        is_token_checked=False,
        counts=EdgeCounts(),
    )


def fill(store: SliceStore, found: Representation, *numbers: int) -> None:
    for number in numbers:
        part = found.part_of(number)
        store.put(found, number, bytearray(BODY[part.start : part.stop]))


async def test_parts_of_one_slice_are_there_at_once():
    store, found = SliceStore(bytes_max=1 << 20), representation_of()
    fill(store, found, 3)
    async with open_tasks() as tasks:
        reading = reading_of(tasks, store)
        whole = reading.content_at_once(found, ByteSlice(300, 400))
        assert whole is store.get(found, 3).content  # type: ignore[union-attr]
        part = reading.content_at_once(found, ByteSlice(310, 320))
        assert part is not None
        assert bytes(part) == BODY[310:320]
        assert reading.content_at_once(found, ByteSlice(390, 401)) is None
        assert reading.content_at_once(found, ByteSlice(200, 210)) is None


async def test_parts_of_many_slices_come_in_order():
    store, found = SliceStore(bytes_max=1 << 20), representation_of()
    fill(store, found, *range(10))
    async with open_tasks() as tasks:
        reading = reading_of(tasks, store)
        part = ByteSlice(150, 990)
        assert reading.presence(found, part) is Presence.ALL
        chunks = [bytes(chunk) async for chunk in reading.read(found, part, Fields())]
        assert b"".join(chunks) == BODY[150:990]


async def test_a_missing_slice_without_a_strong_validator_is_gone():
    store, found = SliceStore(bytes_max=1 << 20), representation_of(head_from(ETag=""))
    store.make_current(found)
    fill(store, found, 0)
    async with open_tasks() as tasks:
        reading = reading_of(tasks, store)
        chunks = reading.read(found, ByteSlice(50, 200), Fields())
        assert await anext(chunks) == BODY[50:100]
        with pytest.raises(SliceGoneError):
            await anext(chunks)
    assert store.select("/a", None) is None


async def test_who_wants_more_than_there_is_is_told_before_anything_is_sent():
    store, found = SliceStore(bytes_max=1 << 20), representation_of(head_from(ETag=""))
    store.make_current(found)
    fill(store, found, 0)
    async with open_tasks() as tasks:
        reading = reading_of(tasks, store)
        assert reading.presence(found, ByteSlice(0, 100)) is Presence.ALL
        with pytest.raises(SliceGoneError):
            reading.presence(found, ByteSlice(0, 200))
    assert store.select("/a", None) is None


async def test_looking_for_what_is_missing_leaves_nothing_behind():
    store, found = SliceStore(bytes_max=1 << 20), representation_of()
    fill(store, found, 0, 2)
    async with open_tasks() as tasks:
        fills = fills_of(tasks, store)
        part = ByteSlice(0, 400)
        assert fills.presence(found, part) is Presence.SOME
        assert fills.first_missing(found, part) == 100
        assert fills.extra_bytes(found, part) >= 0
        assert len(fills) == 0


async def test_presence():
    store, found = SliceStore(bytes_max=1 << 20), representation_of()
    fill(store, found, 1, 2)
    async with open_tasks() as tasks:
        reading = reading_of(tasks, store)
        assert reading.presence(found, ByteSlice(150, 250)) is Presence.ALL
        assert reading.presence(found, ByteSlice(50, 150)) is Presence.SOME
        assert reading.presence(found, ByteSlice(250, 350)) is Presence.SOME
        assert reading.presence(found, ByteSlice(300, 1000)) is Presence.NONE
