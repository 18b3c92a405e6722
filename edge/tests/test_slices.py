"""The memory tier: what it keeps, what it drops, and that it stays within its bound."""

import asyncio
import contextlib
import os
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from edge.arena import FileArena
from edge.content import Content, Slot
from edge.kept_slices import SLICE_OVERHEAD_BYTES
from edge.representation import RECORD_OVERHEAD_BYTES, Representation
from edge.slices import RECORDS_SHARE, SliceStore
from edge.tests.making import representation_of
from http_semantics.byte_range import ByteSlice

ROOMY = 1 << 20


def test_a_slice_is_given_back_as_it_was_put():
    store, found = SliceStore(bytes_max=ROOMY), representation_of()
    content = bytearray(b"x" * 100)
    store.put(found, 3, content)
    stored = store.get(found, 3)
    assert stored is not None
    assert stored.content is content
    assert store.get(found, 4) is None
    assert store.get(representation_of(), 3) is None
    assert store.has(found, 3)
    assert store.holds(found, ByteSlice(300, 400))
    assert not store.holds(found, ByteSlice(300, 401))


def test_what_a_hit_was_answered_with_stays_before_other_mirrors():
    store, found = SliceStore(bytes_max=ROOMY), representation_of()
    share = 2 * (100 + SLICE_OVERHEAD_BYTES) / (ROOMY - ROOMY // RECORDS_SHARE)
    store.share(lambda _, __: False, mirror_share=share * 1.01)
    store.make_current(found)
    for number in (0, 1):
        store.put(found, number, bytearray(100))
    store.note_hit(found, [(store.kept(found)[0], 0, 100)])
    store.put(found, 2, bytearray(100))
    assert sorted(store.kept(found)) == [0, 2]


def test_a_slice_tells_where_it_stands_in_the_arena_and_is_lent_from_there():
    with contextlib.closing(FileArena(bytes_max=ROOMY, slot_bytes=64 << 10)) as arena:
        store = SliceStore(bytes_max=ROOMY, arena=arena)
        found = representation_of(complete_length=70_000, slice_bytes=64 << 10)
        content = arena.take(64 << 10)
        arena.lay(content, 0, bytes(range(256)) * 256)
        store.put(found, 0, content)
        store.put(found, 1, arena.take(4464))
        first, second = store.get(found, 0), store.get(found, 1)
        assert first is not None
        assert second is not None
        assert second.arena_offset == -1
        assert os.pread(store.arena_fd, 9, first.arena_offset) == bytes(first.content[:9])
        assert bytes(first.view(10, 13)) == bytes([10, 11, 12])
        for stored in (first, second):
            stored.lend()
        assert isinstance(first.holder, Slot)
        assert first.holder.is_lent
        del content
        view = first.view(0, 1)
        store.forget(found)
        del first, second, stored
        assert store.pins.bytes == 64 << 10
        del view
        assert store.pins.bytes == 0


def test_the_first_slice_under_a_number_stays():
    store, found = SliceStore(bytes_max=ROOMY), representation_of()
    store.put(found, 0, bytearray(100))
    store.put(found, 0, bytearray(b"y" * 100))
    stored = store.get(found, 0)
    assert stored is not None
    assert stored.content == bytearray(100)
    assert store.slices == 1


def test_a_new_version_takes_the_place_and_readers_of_the_old_one_finish():
    store, old, new = SliceStore(bytes_max=ROOMY), representation_of(), representation_of()
    store.make_current(old)
    store.put(old, 0, bytearray(100))
    store.make_current(new)
    assert store.select("/a", None) is new
    assert store.get(old, 0) is not None
    assert store.get(new, 0) is None
    assert store.records == 1


def test_a_retired_representation_keeps_its_slices_for_readers():
    store, found = SliceStore(bytes_max=ROOMY), representation_of()
    store.make_current(found)
    store.put(found, 0, bytearray(100))
    store.retire(found)
    assert store.select("/a", None) is None
    assert store.has(found, 0)
    store.retire(found)


def test_a_forgotten_representation_is_gone_with_its_slices():
    store, found = SliceStore(bytes_max=ROOMY), representation_of()
    store.make_current(found)
    store.put(found, 0, bytearray(100))
    store.forget(found)
    assert (store.select("/a", None), store.slices, store.bytes) == (None, 0, 0)


def test_records_are_bounded_and_take_their_slices_along():
    store = SliceStore(bytes_max=2 * RECORDS_SHARE * (RECORD_OVERHEAD_BYTES + 1000))
    found = [representation_of(target=f"/{number}") for number in range(4)]
    for one in found:
        store.make_current(one)
        store.put(one, 0, bytearray(100))
    assert store.records == store.slices == 2
    assert store.counts.evicted_records == 2
    assert store.select("/3", None) is found[3]


def test_a_record_that_grows_is_counted_anew():
    store, found = SliceStore(bytes_max=ROOMY), representation_of()
    store.make_current(found)
    before = store.bytes
    found.fields["X-Long"] = "x" * 1000
    store.make_current(found)
    assert store.bytes - before > 1000


@given(
    st.lists(
        st.tuples(st.sampled_from(["put", "get", "new", "retire", "forget"]), st.integers(0, 11)),
        max_size=100,
    )
)
def test_the_bound_holds_after_any_sequence(operations: list[tuple[str, int]]):
    store = SliceStore(bytes_max=100_000)
    slice_bytes = 4000 - SLICE_OVERHEAD_BYTES
    found = [
        representation_of(target=f"/{n}", complete_length=10 * slice_bytes, slice_bytes=slice_bytes)
        for n in range(12)
    ]
    for operation, number in operations:
        one = found[number]
        match operation:
            case "put":
                store.put(one, number % 10, bytearray(slice_bytes))
            case "get":
                store.get(one, number % 10)
            case "new":
                store.make_current(one)
            case "retire":
                store.retire(one)
            case _:
                store.forget(one)
        assert store.bytes <= 100_000
    kept = sum(store.has(one, number) for one in found for number in range(10))
    assert kept == store.slices


class SlowShelf:
    """A disk that takes its time, and knows one record of a target."""

    def __init__(self, found: Representation) -> None:
        self.found = found
        self.is_known = True
        self.is_ready = True
        self.resume = asyncio.Event()

    def may_know(self, _: str) -> bool:
        return self.is_known

    async def recall(self, _: str) -> list[Representation]:
        await self.resume.wait()
        return [self.found]

    def forget(self, _: str) -> None:
        self.is_known = False

    def write_records(self, _: str, variants: Sequence[Representation]) -> None:
        self.is_known = bool(variants)


async def test_what_is_invalidated_while_it_is_read_from_disk_comes_back():
    shelf = SlowShelf(representation_of())
    store = SliceStore(bytes_max=1 << 20, shelf=shelf)  # type: ignore[arg-type]
    recalling = asyncio.create_task(store.recall("/a"))
    await asyncio.sleep(0)
    store.invalidate("/a")
    shelf.resume.set()
    await recalling
    assert store.offered("/a") == ()
    assert not store.may_recall("/a")


def test_dropped_content_that_is_still_being_sent_is_counted():
    store, found = SliceStore(bytes_max=1 << 20), representation_of()
    content = Content(100)
    store.put(found, 3, content)
    store.forget(found)
    assert store.bytes == 100
    del content
    assert store.bytes == 0
