"""Holders of content and views of it stand for one another, and tell when they go."""

import ctypes

from edge.content import Content, Slot, content_of, holder_of, slot_type_of


def slot_at(memory: "ctypes.Array[ctypes.c_ubyte]", length: int, gone: list[int]) -> Slot:
    slot = slot_type_of(len(memory)).from_address(ctypes.addressof(memory))  # type: ignore[attr-defined]
    slot.offset, slot.length, slot.is_lent = 0, length, False
    slot.let_go = lambda one: gone.append(one.offset)
    assert isinstance(slot, Slot)
    return slot


def test_a_slot_and_a_view_of_it_stand_for_one_another():
    memory, gone = (ctypes.c_ubyte * 16)(*b"0123456789abcdef"), list[int]()
    slot = slot_at(memory, 10, gone)
    content = content_of(slot)
    assert bytes(content) == b"0123456789"
    assert holder_of(content) is slot
    assert holder_of(content_of(slot)[2:4]) is slot
    assert len(slot) == len(content) == 10
    slot.shorten(4)
    assert bytes(content_of(slot)) == b"0123"
    slot.lend()
    assert slot.is_lent


def test_a_slot_is_let_go_of_when_the_last_view_goes():
    memory, gone = (ctypes.c_ubyte * 16)(), list[int]()
    slot = slot_at(memory, 10, gone)
    view = memoryview(content_of(slot))[3:5]
    del slot
    assert gone == []
    del view
    assert gone == [0]


def test_other_content_holds_itself():
    content = Content(b"abc")
    assert holder_of(content) is content
    assert content_of(content) is content
