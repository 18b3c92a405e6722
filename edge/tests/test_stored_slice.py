import contextlib

from edge.arena import FileArena
from edge.content import Slot, holder_of
from edge.spans import Spans
from edge.stored_slice import StoredSlice
from edge.tests.making import representation_of


def test_a_slice_tells_which_of_its_bytes_are_there():
    spans = Spans()
    spans.add(2, 5)
    spans.add(7, 9)
    stored = StoredSlice(representation_of(), 0, bytearray(b"0123456789"), spans)
    assert stored.has(2, 5)
    assert not stored.has(2, 6)
    assert bytes(stored.view(2, 10)) == b"234"
    assert bytes(stored.view(7, 8)) == b"7"
    stored.spans = None
    assert stored.has(0, 10)
    assert bytes(stored.view(7, 10)) == b"789"


def test_only_a_slot_stands_in_the_arena_and_can_be_lent():
    with contextlib.closing(FileArena(bytes_max=1 << 20, slot_bytes=64 << 10)) as arena:
        slot = holder_of(arena.take(40_000))
        assert isinstance(slot, Slot)
        stored = StoredSlice(representation_of(), 0, slot)
        assert stored.arena_offset == slot.offset
        assert len(stored.content) == 40_000
        stored.lend()
        assert slot.is_lent
        short = StoredSlice(representation_of(), 0, holder_of(arena.take(100)))
        assert short.arena_offset == -1
        short.lend()
        assert len(short.content) == 100
