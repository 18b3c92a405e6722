import hashlib
from dataclasses import replace

import pytest

from origin.adapters.memory_store import MemoryStore
from origin.publication import NewObject, Publication
from origin.rebuild_errors import RebuildMismatchError
from origin.retention import ORPHAN_S


def new(key: str, content: bytes) -> NewObject:
    return NewObject(key, content, hashlib.sha256(content).hexdigest())


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(size_max=1000, clock=lambda: 0.0)


async def test_what_was_collected_meanwhile_is_put_again(store: MemoryStore):
    publication = Publication(store, clock=lambda: 0.0)
    await publication.put(new("a", b"1"))
    await publication.put(new("b", b"2"))
    await store.delete("a")
    await publication.confirm()
    assert (await store.list_keys("", limit=9)).keys == ("a", "b")


async def test_what_is_there_is_reused(store: MemoryStore):
    before = await store.put("a", b"1")
    await Publication(store, clock=lambda: 0.0).put(new("a", b"1"))
    assert await store.head("a") == before


async def test_other_bytes_are_told_and_stay(store: MemoryStore):
    await store.put("a", b"other")
    with pytest.raises(RebuildMismatchError) as raised:
        await Publication(store, clock=lambda: 0.0).put(new("a", b"1"))
    assert raised.value.recorded == hashlib.sha256(b"other").hexdigest()
    assert raised.value.recorded[:12] in str(raised.value)
    assert raised.value.built[:12] in str(raised.value)
    assert (await store.read("a", size_max=9)).content == b"other"


async def test_what_may_be_replaced_is(store: MemoryStore):
    await store.put("a", b"other")
    await Publication(store, clock=lambda: 0.0).put(replace(new("a", b"1"), is_replaced=True))
    assert (await store.read("a", size_max=9)).content == b"1"


async def test_what_is_reused_is_not_old_enough_to_be_collected():
    now_s = 0.0
    store = MemoryStore(size_max=1000, clock=lambda: now_s)
    for key in "ab":
        await store.put(key, b"1")
    now_s = ORPHAN_S
    for key in "ac":
        await Publication(store, clock=lambda: now_s).put(new(key, b"1"))
    heads = [await store.head(key) for key in "abc"]
    assert [head and head.modified_s for head in heads] == [ORPHAN_S, 0.0, ORPHAN_S]
