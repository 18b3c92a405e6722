import asyncio
from dataclasses import replace

import pytest
from typing_extensions import override

from drm.base62 import encode_base62
from origin.adapters.memory_store import MemoryStore
from origin.errors import StoreError, StoreUnreachableError, TakenDownError
from origin.object_key import cover_track_key, track_key
from origin.ports import ObjectHead
from origin.record_store import RecordStore
from origin.records import Takedown
from origin.tests.examples import COVER, TRACK
from origin.tests.workshops import NOW_S
from origin.visible_tracks import VisibleTracks

IDS = [encode_base62(number.to_bytes(16, "big")) for number in range(1, 41)]
DOWN = Takedown("by order", NOW_S)


class CountingStore(MemoryStore):
    """Knows how many were looking at the same time, and can be out of reach."""

    def __init__(self) -> None:
        super().__init__(size_max=1 << 20, clock=lambda: float(NOW_S))
        self.looking = 0
        self.looking_most = 0
        self.failure: StoreError | None = None

    @override
    async def head(self, key: str) -> ObjectHead | None:
        self.looking += 1
        self.looking_most = max(self.looking_most, self.looking)
        try:
            await asyncio.sleep(0)
            if self.failure is not None:
                raise self.failure
            return await super().head(key)
        finally:
            self.looking -= 1


class World:
    """Tracks of which some were taken down."""

    def __init__(self) -> None:
        self.store = CountingStore()
        self.records = RecordStore(self.store, kept_bytes_max=0)
        self.tracks = VisibleTracks(self.store, self.records)

    async def add(self, *track_ids: str, takedown: Takedown | None = None) -> None:
        for track_id in track_ids:
            record = replace(TRACK, track_id=track_id, cover=COVER, takedown=takedown)
            await self.records.add_track(record)
            await self.store.put(cover_track_key(COVER.digest, track_id), b"{}\n")


@pytest.fixture
def world() -> World:
    return World()


async def test_what_was_taken_down_or_is_damaged_or_not_there_is_left_out(world: World):
    await world.add(IDS[0], IDS[3], IDS[4])
    await world.add(IDS[1], takedown=DOWN)
    await world.store.put(track_key(IDS[3]), b"no record")
    found = await world.tracks.find_all(IDS[4::-1])
    assert [record.track_id for record in found] == [IDS[4], IDS[0]]
    assert await world.tracks.find(IDS[1]) is None
    assert await world.tracks.find(IDS[3]) is None
    assert (await world.tracks.find(IDS[0])) == found[1]


async def test_many_are_looked_up_together_but_not_all_at_once(world: World):
    await world.add(*IDS)
    assert [record.track_id for record in await world.tracks.find_all(IDS)] == IDS
    assert world.store.looking_most == 16


async def test_a_store_that_fails_is_told_as_it_is(world: World):
    world.store.failure = StoreUnreachableError("no answer")
    with pytest.raises(StoreUnreachableError):
        await world.tracks.find_all(IDS)


async def test_a_cover_is_withheld_with_the_last_of_its_tracks(world: World):
    await world.tracks.check_cover(COVER.digest)
    await world.add(*IDS[:20], takedown=DOWN)
    with pytest.raises(TakenDownError, match="by order"):
        await world.tracks.check_cover(COVER.digest)
    await world.add(IDS[20])
    await world.tracks.check_cover(COVER.digest)
