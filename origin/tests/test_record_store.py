import asyncio
from dataclasses import replace

import pytest
from typing_extensions import override

from drm.base62 import encode_base62
from origin.adapters.memory_store import MemoryStore
from origin.album_json import encode_album
from origin.errors import NotFoundError, ObjectConflictError, ObjectDamagedError, RecordError
from origin.object_key import album_key, track_key
from origin.ports import ObjectStore
from origin.record_json import encode_track
from origin.record_store import ChangeAlbum, RecordStore
from origin.records import AlbumRecord
from origin.tags import Tags
from origin.tests.examples import ALBUM, ALBUM_ID, TRACK, TRACK_ID, entry
from origin.tests.workshops import BreakingStore


class CountingStore(MemoryStore):
    """Counts reads of the whole; one object may be damaged."""

    reads = 0
    damaged = ""

    @override
    async def read(self, key: str, *, size_max: int):
        self.reads += 1
        if key == self.damaged:
            raise ObjectDamagedError(key, "its SHA-256 is another one")
        return await super().read(key, size_max=size_max)


@pytest.fixture
def store() -> CountingStore:
    return CountingStore(size_max=1 << 24, clock=lambda: 0.0)


def records_in(store: ObjectStore, *, kept_bytes_max: int = 1 << 20) -> RecordStore:
    return RecordStore(store, kept_bytes_max=kept_bytes_max)


async def test_a_track_is_added_once(store: CountingStore):
    records = records_in(store)
    assert not await records.is_track(TRACK_ID)
    assert await records.find_track(TRACK_ID) is None
    assert await records.add_track(TRACK)
    assert not await records.add_track(replace(TRACK, tags=Tags("Other")))
    assert await records.is_track(TRACK_ID)
    assert await records.track(TRACK_ID) == TRACK


async def test_changes_of_a_track_are_all_done_whoever_is_first(store: CountingStore):
    names = [facts.name for facts in TRACK.current.renditions]
    bare = replace(TRACK, versions=(replace(TRACK.current, renditions=()),))
    await records_in(store).add_track(bare)

    async def note(name: str) -> None:
        facts = TRACK.current.rendition(name)
        assert facts is not None
        await records_in(store).change_track(
            TRACK_ID, lambda it: it.with_version(it.current.with_rendition(facts))
        )

    await asyncio.gather(*(note(name) for name in reversed(names)))
    assert await records_in(store).track(TRACK_ID) == TRACK


async def test_a_change_that_changes_nothing_is_not_written(store: CountingStore):
    records = records_in(store)
    await records.add_track(TRACK)
    before = await store.head(track_key(TRACK_ID))
    assert await records.change_track(TRACK_ID, lambda it: it) == TRACK
    assert await store.head(track_key(TRACK_ID)) == before
    with pytest.raises(NotFoundError):
        await records.change_track(ALBUM_ID, lambda it: it)


async def test_what_was_changed_here_is_not_read_again(store: CountingStore):
    records = records_in(store)
    await records.add_track(TRACK)
    changed = await records.change_track(TRACK_ID, lambda it: replace(it, label="Label"))
    reads = store.reads
    assert await records.track(TRACK_ID) == changed
    assert store.reads == reads


async def test_a_change_that_loses_once_is_tried_again(store: CountingStore):
    records = records_in(store)
    await records.add_track(TRACK)
    losing = records_in(BreakingStore(store, writes=0, error=ObjectConflictError("x")))
    changed = await losing.change_track(TRACK_ID, lambda it: replace(it, label="Label"))
    assert changed.label == "Label"


@pytest.mark.parametrize("track_id", ["", "x", "../" * 7 + "x", "z" * 22, "\0" * 22])
async def test_what_is_no_id_is_no_track(store: CountingStore, track_id: str):
    records = records_in(store)
    with pytest.raises(NotFoundError):
        await records.track(track_id)
    assert await records.find_album(track_id) is None


async def test_a_record_is_read_again_only_when_it_changed(store: CountingStore):
    records = records_in(store)
    await records.add_track(TRACK)
    for _ in range(3):
        assert await records.find_track(TRACK_ID) == TRACK
    assert store.reads == 1
    changed = replace(TRACK, tags=Tags("Other"))
    await store.put(track_key(TRACK_ID), encode_track(changed))
    assert await records.find_track(TRACK_ID) == changed
    await store.delete(track_key(TRACK_ID))
    assert await records.find_track(TRACK_ID) is None


async def test_an_album_is_read_again_only_when_it_changed(store: CountingStore):
    records = records_in(store)
    assert await records.find_album(ALBUM_ID) is None
    album = AlbumRecord(ALBUM_ID, "Album", "", (entry(TRACK_ID),))
    for title in ("Album", "Other"):
        changed = replace(album, title=title)
        await store.put(album_key(ALBUM_ID), encode_album(changed))
        reads = store.reads
        for _ in range(3):
            assert await records.find_album(ALBUM_ID) == changed
        assert store.reads == reads + 1
    await store.delete(album_key(ALBUM_ID))
    assert await records.find_album(ALBUM_ID) is None


async def test_so_much_is_kept_and_no_more(store: CountingStore):
    size = len(encode_track(TRACK))
    records = records_in(store, kept_bytes_max=3 * size)  # A part of it is for albums.
    ids = [encode_base62(number.to_bytes(16, "big")) for number in range(1, 4)]
    for track_id in ids:
        await records.add_track(replace(TRACK, track_id=track_id))
        await records.find_track(track_id)
    await records.find_track(ids[2])
    await records.find_track(ids[1])
    assert store.reads == 3
    await records.find_track(ids[0])
    assert store.reads == 4


async def test_a_record_that_is_none_is_told(store: CountingStore):
    await store.put(track_key(TRACK_ID), b"{}")
    with pytest.raises(RecordError):
        await records_in(store).find_track(TRACK_ID)


async def test_tracks_are_listed_by_pages(store: CountingStore):
    records = records_in(store)
    ids = [encode_base62(number.to_bytes(16, "big")) for number in range(1, 6)]
    for track_id in ids:
        await records.add_track(replace(TRACK, track_id=track_id))
    found: list[str] = []
    after: str | None = ""
    while after is not None:
        page = await records.list_tracks(after=after, limit=2)
        found += [record.track_id for record in page.tracks]
        after = page.after
    assert found == ids


async def test_a_damaged_record_takes_no_other_track_out_of_the_list(store: CountingStore):
    records = records_in(store)
    ids = [encode_base62(number.to_bytes(16, "big")) for number in range(1, 5)]
    for track_id in ids:
        await records.add_track(replace(TRACK, track_id=track_id))
    await store.put(track_key(ids[1]), b"{}")
    store.damaged = track_key(ids[2])
    page = await records.list_tracks(after="", limit=9)
    assert [record.track_id for record in page.tracks] == [ids[0], ids[3]]
    assert [type(one) for one in page.failures] == [RecordError, ObjectDamagedError]


async def test_a_damaged_record_is_a_track_nevertheless(store: CountingStore):
    records = records_in(store)
    assert not await records.has_tracks()
    await store.put(track_key(TRACK_ID), b"{}")
    assert await records.has_tracks()


async def test_writers_of_one_album_all_get_in(store: CountingStore):
    def add(track_id: str) -> ChangeAlbum:
        blank = AlbumRecord(ALBUM_ID, "Album", "", ())
        return lambda old: (old or blank).with_entry(entry(track_id))

    ids = [encode_base62(number.to_bytes(16, "big")) for number in range(1, 9)]
    async with asyncio.TaskGroup() as group:
        for track_id in ids:
            group.create_task(records_in(store).change_album(ALBUM_ID, add(track_id)))
    album = await records_in(store).find_album(ALBUM_ID)
    assert album is not None
    assert {one.track_id for one in album.entries} == set(ids)


async def test_an_album_that_does_not_change_is_not_written(store: CountingStore):
    head = await store.put(album_key(ALBUM_ID), encode_album(ALBUM))
    await records_in(store).change_album(ALBUM_ID, lambda old: old or ALBUM)
    assert await store.head(album_key(ALBUM_ID)) == head


async def test_an_album_that_others_change_each_time_is_told():
    busy = ObjectConflictError("albums/busy.json")
    store = BreakingStore(MemoryStore(size_max=1, clock=lambda: 0.0), writes=0, error=busy)
    store.is_broken_for_good = True
    with pytest.raises(ObjectConflictError):
        await records_in(store).change_album(ALBUM_ID, lambda _: ALBUM)
