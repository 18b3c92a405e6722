import asyncio
import hashlib

import pytest

from origin.adapters.memory_store import MemoryStore
from origin.errors import RebuildMismatchError
from origin.publication import NewObject, Publication
from origin.tests.workshops import BreakingStore


def new(key: str, content: bytes) -> NewObject:
    return NewObject(key, content, hashlib.sha256(content).hexdigest())


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(size_max=1000, clock=lambda: 0.0)


async def is_visible() -> bool:
    return True


async def is_hidden() -> bool:
    return False


async def test_what_was_put_is_taken_back(store: MemoryStore):
    publication = Publication(store)
    await publication.put(new("a", b"1"))
    await publication.put(new("b", b"2"))
    await publication.take_back(is_hidden)
    assert (await store.list_keys("", limit=9)).keys == ()


async def test_what_was_there_stays(store: MemoryStore):
    await store.put("a", b"1")
    publication = Publication(store)
    await publication.put(new("a", b"1"))
    await publication.take_back(is_hidden)
    assert (await store.list_keys("", limit=9)).keys == ("a",)


async def test_what_a_visible_track_needs_is_put_again(store: MemoryStore):
    publication = Publication(store)
    await publication.put(new("a", b"1"))
    await publication.take_back(is_visible)
    assert (await store.read("a", size_max=9)).content == b"1"


async def test_what_another_took_back_is_put_again(store: MemoryStore):
    publication = Publication(store)
    await publication.put(new("a", b"1"))
    await publication.put(new("b", b"2"))
    await store.delete("a")
    await publication.confirm()
    assert (await store.list_keys("", limit=9)).keys == ("a", "b")


async def test_what_a_cancelled_put_left_is_taken_back(store: MemoryStore):
    late = BreakingStore(store, writes=1, error=asyncio.CancelledError(), is_late=True)
    publication = Publication(late)
    await publication.put(new("a", b"1"))
    with pytest.raises(asyncio.CancelledError):
        await publication.put(new("b", b"2"))
    await publication.take_back(is_hidden)
    assert (await store.list_keys("", limit=9)).keys == ()


async def test_a_cancelled_put_takes_back_no_other_bytes(store: MemoryStore):
    await store.put("a", b"other")
    publication = Publication(BreakingStore(store, writes=0, error=asyncio.CancelledError()))
    with pytest.raises(asyncio.CancelledError):
        await publication.put(new("a", b"1"))
    await publication.take_back(is_hidden)
    assert (await store.read("a", size_max=9)).content == b"other"


async def test_other_bytes_are_told_and_stay(store: MemoryStore):
    await store.put("a", b"other")
    with pytest.raises(RebuildMismatchError) as raised:
        await Publication(store).put(new("a", b"1"))
    assert raised.value.recorded == hashlib.sha256(b"other").hexdigest()
    assert raised.value.recorded[:12] in str(raised.value)
    assert raised.value.built[:12] in str(raised.value)
    assert (await store.read("a", size_max=9)).content == b"other"
