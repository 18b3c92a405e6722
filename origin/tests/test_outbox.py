from pathlib import Path

import pytest

from origin.adapters.folder_store import open_folder_store
from origin.adapters.memory_store import MemoryStore
from origin.object_key import OUTBOX_PREFIX, outbox_key
from origin.outbox import Outbox

NOW_S = 1_700_000_000.0


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(size_max=1 << 20, clock=lambda: NOW_S)


@pytest.fixture
def outbox(store: MemoryStore) -> Outbox:
    return Outbox(store, clock=lambda: NOW_S)


async def test_a_change_is_noted_before_it_is_made_and_released_afterwards(outbox: Outbox):
    async with outbox.announcing(["track:a", "album:b"]):
        (before,) = await outbox.notes()
    (after,) = await outbox.notes()
    assert before.tags == after.tags == ("track:a", "album:b")
    assert (before.is_released, after.is_released) == (False, True)
    assert after.noted_s == int(NOW_S)


async def test_a_change_that_failed_may_have_been_made_and_is_released_too(outbox: Outbox):
    with pytest.raises(RuntimeError):
        async with outbox.announcing(["track:a"]):
            raise RuntimeError
    (note,) = await outbox.notes()
    assert note.is_released


async def test_notes_come_oldest_first(store: MemoryStore):
    moments_s = iter([NOW_S + 2] * 2 + [NOW_S] * 2 + [NOW_S + 1] * 2)
    outbox = Outbox(store, clock=lambda: next(moments_s))
    for _ in range(3):
        async with outbox.announcing(["track:a"]):
            pass
    notes = await Outbox(store, clock=lambda: NOW_S).notes()
    assert [note.noted_s for note in notes] == [NOW_S, NOW_S + 1, NOW_S + 2]


async def test_a_dropped_note_is_gone(outbox: Outbox):
    async with outbox.announcing(["track:a"]):
        pass
    (note,) = await outbox.notes()
    await outbox.drop(note)
    await outbox.drop(note)
    assert await outbox.notes() == []


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"{", id="no JSON"),
        pytest.param(b"[]", id="no object"),
        pytest.param(b'{"tags": 1, "noted_s": 1, "is_released": true}', id="wrong type"),
        pytest.param(b" " * 70_000, id="too large"),
    ],
)
async def test_a_note_that_cannot_be_read_is_dropped(
    outbox: Outbox, store: MemoryStore, content: bytes
):
    await store.put(outbox_key("0"), content)
    assert await outbox.notes() == []
    assert (await store.list_keys(OUTBOX_PREFIX, limit=10)).keys == ()


async def test_a_damaged_note_does_not_hold_up_the_others(tmp_path: Path):
    async with open_folder_store(tmp_path) as store:
        outbox = Outbox(store, clock=lambda: NOW_S)
        await store.put(outbox_key("0"), b'{"tags":["track:a"]}')
        (tmp_path / outbox_key("0")).write_bytes(b'{"tags":["track:b"]}')
        async with outbox.announcing(["track:c"]):
            pass
        assert [note.tags for note in await outbox.notes()] == [("track:c",)]


async def test_notes_that_wait_for_an_edge_do_not_hide_newer_ones(store: MemoryStore):
    moments_s = iter(range(2000))
    outbox = Outbox(store, clock=lambda: float(next(moments_s)))
    for number in range(300):
        async with outbox.announcing([f"track:{number}"]):
            pass
    notes = await outbox.notes()
    assert len(notes) == 256
    notes = await outbox.notes(known=notes)
    assert [note.tags[0] for note in notes] == [f"track:{number}" for number in range(300)]
