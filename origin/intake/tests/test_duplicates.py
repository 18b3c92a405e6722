import hashlib

from origin.intake.duplicates import Duplicates
from origin.intake.tests.services import Clock, make_store
from origin.object_key import fingerprint_key
from origin.ports import ObjectStore
from origin.track_id import track_id_of
from packager.fingerprint import encode_fingerprint


def words_of(seed: int, count: int = 300) -> list[int]:
    return [
        int.from_bytes(hashlib.sha256(f"{seed} {index}".encode()).digest()[:4], "big")
        for index in range(count)
    ]


async def put(store: ObjectStore, name: str, words: list[int]) -> str:
    track_id = track_id_of(hashlib.sha256(name.encode()).hexdigest())
    await store.put(fingerprint_key(track_id), encode_fingerprint(words))
    return track_id


async def test_the_same_audio_under_another_id_is_found():
    store = make_store()
    for seed in range(20):
        await put(store, f"other {seed}", words_of(seed))
    first = await put(store, "first", words_of(100))
    # A copy: one bit differs in every fourth word.
    copy = [word ^ (1 << 20) if not index % 4 else word for index, word in enumerate(words_of(100))]
    second = await put(store, "second", copy)
    duplicates = Duplicates(store, monotonic=Clock())
    (found,) = await duplicates.find(second)
    assert found.track_id == first
    assert 0.98 < found.similarity < 1
    assert [one.track_id for one in await duplicates.find(first)] == [second]


async def test_other_audio_is_no_duplicate():
    store = make_store()
    await put(store, "first", words_of(1))
    # Half of it is the same.
    second = await put(store, "second", words_of(1)[:150] + words_of(2)[150:])
    assert await Duplicates(store, monotonic=Clock()).find(second) == ()


async def test_what_has_no_fingerprint_has_no_duplicates():
    store = make_store()
    duplicates = Duplicates(store, monotonic=Clock())
    assert await duplicates.find("0" * 22) == ()
    assert await duplicates.find(await put(store, "silence", [])) == ()
    track_id = await put(store, "first", words_of(1))
    await store.put(fingerprint_key(track_id), b"odd")
    assert await duplicates.find(track_id) == ()


async def test_tracks_of_other_processes_are_learnt_after_a_while():
    store, clock = make_store(), Clock()
    duplicates = Duplicates(store, monotonic=clock)
    first = await put(store, "first", words_of(1))
    assert await duplicates.find(first) == ()
    second = await put(store, "second", words_of(1))
    assert await duplicates.find(first) == ()
    clock.now_s += 30
    assert [one.track_id for one in await duplicates.find(first)] == [second]
    await store.delete(fingerprint_key(second))
    assert await duplicates.find(first) == ()
