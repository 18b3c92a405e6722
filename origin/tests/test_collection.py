from dataclasses import replace

import pytest

from origin.adapters.memory_store import MemoryStore
from origin.collection import Collected, Collection
from origin.object_key import TRACKS_PREFIX, rendition_key, track_key
from origin.record_store import RecordStore
from origin.records import TrackRecord, VersionRecord
from origin.retention import ORPHAN_S, SPARED_S, Fate, Retention
from origin.tests.examples import COVER, HEAD, TAIL, TRACK, TRACK_ID, VERSION

BEGIN_S = 1_800_000_000.0
STRANGER = "0" * 21 + "9"


class World:
    """A store whose clock is set by hand."""

    def __init__(self) -> None:
        self.now_s = BEGIN_S
        self.is_makeable = True
        self.store = MemoryStore(size_max=1 << 20, clock=lambda: self.now_s)
        self.records = RecordStore(self.store, kept_bytes_max=0)

    async def put(self, *keys: str) -> None:
        for key in keys:
            await self.store.put(key, b"content")

    async def collect(self, *, unused_s: float | None = None, is_dry: bool = False) -> Collected:
        collection = Collection(
            self.store,
            self.records,
            Retention(unused_s=unused_s),
            can_make=self.can_make,
            now_s=self.now_s,
            is_dry=is_dry,
        )
        return await collection.run()

    async def can_make(self, record: TrackRecord, version: VersionRecord) -> bool:
        assert record.version(version.version) == version
        return self.is_makeable

    async def keys(self) -> set[str]:
        page = await self.store.list_keys("", limit=1000)
        return {key for key in page.keys if not key.startswith(TRACKS_PREFIX)}


@pytest.fixture
async def world() -> World:
    world = World()
    await world.records.add_track(TRACK)
    return world


def audio_key(track_id: str = TRACK_ID, version: str = VERSION) -> str:
    return rendition_key(track_id, version=version, rendition="flac", extension="mp4")


NAMED = {
    audio_key(),
    f"masters/{TRACK_ID}/{'cd' * 32}.flac",
    f"fingerprints/{TRACK_ID}.bin",
    f"contexts/{HEAD.sha256}.f32",
    f"contexts/{TAIL.sha256}.f32",
    f"contexts/{TRACK.current.context_after}.f32",
    f"covers/{COVER.digest}-480.jpg",
    f"cover-tracks/{COVER.digest}/{TRACK_ID}.json",
}
NAMELESS = {
    audio_key(STRANGER),
    audio_key(version="f" * 16),
    f"masters/{STRANGER}/{'ab' * 32}.flac",
    f"fingerprints/{STRANGER}.bin",
    f"contexts/{'77' * 32}.f32",
    f"covers/{'77' * 16}-480.jpg",
    f"cover-tracks/{COVER.digest}/{STRANGER}.json",
    "claims/a/b.json",
}


async def test_what_records_name_is_kept_and_old_rests_of_work_are_dropped(world: World):
    await world.put(*NAMED, *NAMELESS)
    world.now_s += ORPHAN_S
    assert (await world.collect()).by_fate == {}
    world.now_s += 1
    collected = await world.collect()
    assert await world.keys() == NAMED
    assert collected.by_fate == {Fate.ORPHAN: len(NAMELESS)}
    assert collected.bytes == len(NAMELESS) * len(b"content")
    assert collected.seen == len(NAMED | NAMELESS)


async def test_a_dry_collection_tells_and_drops_nothing(world: World):
    await world.put(*NAMED, *NAMELESS)
    world.now_s += ORPHAN_S + 1
    collected = await world.collect(is_dry=True)
    assert collected.by_fate == {Fate.ORPHAN: len(NAMELESS)}
    assert await world.keys() == NAMED | NAMELESS


async def test_an_unused_rendition_is_dropped_and_its_facts_stay(world: World):
    await world.put(*NAMED)
    world.now_s += 1000
    collected = await world.collect(unused_s=999)
    assert collected.by_fate == {Fate.UNUSED: 1}
    assert await world.keys() == NAMED - {audio_key()}
    assert (await world.records.track(TRACK_ID)).current.rendition("flac") is not None


async def test_an_unused_rendition_that_cannot_be_made_again_is_kept(world: World):
    await world.put(*NAMED)
    world.now_s += 1000
    world.is_makeable = False
    collected = await world.collect(unused_s=999)
    assert (collected.by_fate, collected.irreplaceable) == ({}, 1)
    assert await world.keys() == NAMED


async def test_a_superseded_version_goes_when_it_was_spared_long_enough(world: World):
    old = TRACK
    newer = replace(old.current, version="f" * 16)
    record = replace(
        old.with_version(replace(old.current, superseded_s=int(BEGIN_S))),
        versions=(replace(old.current, superseded_s=int(BEGIN_S)), newer),
        current_version=newer.version,
    )
    await world.store.delete(track_key(TRACK_ID))
    await world.records.add_track(record)
    await world.put(audio_key(), audio_key(version=newer.version))
    world.now_s += SPARED_S + 1
    collected = await world.collect()
    assert collected.by_fate == {Fate.SUPERSEDED: 1}
    assert await world.keys() == {audio_key(version=newer.version)}


async def test_a_damaged_record_stops_what_depends_on_all_records(world: World):
    await world.put(*NAMED, *NAMELESS)
    await world.store.put(track_key(STRANGER), b"{}")
    world.now_s += ORPHAN_S + 1
    with pytest.raises(Exception, match="schema"):
        await world.collect()
    assert f"contexts/{'77' * 32}.f32" in await world.keys()
    assert f"masters/{STRANGER}/{'ab' * 32}.flac" in await world.keys()


async def test_what_was_touched_when_it_was_used_is_kept(world: World):
    day_s = 86_400.0
    await world.put(audio_key())
    world.now_s += 29 * day_s
    await world.store.touch(audio_key())
    world.now_s += 29 * day_s
    assert (await world.collect(unused_s=30 * day_s)).by_fate == {}
    world.now_s += 2 * day_s
    assert (await world.collect(unused_s=30 * day_s)).by_fate == {Fate.UNUSED: 1}
