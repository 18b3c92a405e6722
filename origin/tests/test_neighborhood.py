from dataclasses import replace

import pytest

from origin.adapters.memory_store import MemoryStore
from origin.neighborhood import blank_album, find_neighbors
from origin.neighbors import Neighbors
from origin.record_store import RecordStore
from origin.records import Takedown, TrackRecord, entry_of
from origin.tests.examples import ALBUM_ID, TRACK


def numbered(number: int) -> TrackRecord:
    return replace(
        TRACK, track_id=f"{number:022d}", tags=replace(TRACK.tags, disc=None, track=number)
    )


@pytest.fixture
async def records() -> RecordStore:
    """An album of which the tracks 1 and 3 are there."""
    records = RecordStore(MemoryStore(size_max=1 << 20, clock=lambda: 0.0), kept_bytes_max=0)
    for record in (numbered(1), numbered(3)):
        await records.add_track(record)
        await records.change_album(
            ALBUM_ID,
            lambda old, one=record: (old or blank_album(one)).with_entry(entry_of(one)),  # type: ignore[misc]
        )
    return records


async def test_a_track_stands_between_those_of_its_album(records: RecordStore):
    found = await find_neighbors(records, numbered(2))
    assert found == Neighbors(before=numbered(1), after=numbered(3))


async def test_a_track_that_is_about_to_be_there_counts(records: RecordStore):
    ahead = numbered(5)
    found = await find_neighbors(records, numbered(4), ahead=ahead)
    assert found == Neighbors(before=numbered(3), after=ahead)


async def test_a_track_of_no_album_and_a_gap_have_no_neighbors(records: RecordStore):
    assert await find_neighbors(records, replace(TRACK, album_id=None)) == Neighbors()
    assert await find_neighbors(records, numbered(9)) == Neighbors()


async def test_a_track_that_was_taken_down_is_no_neighbor(records: RecordStore):
    await records.change_track(
        numbered(1).track_id, lambda old: replace(old, takedown=Takedown("a claim", 1))
    )
    found = await find_neighbors(records, numbered(2))
    assert found == Neighbors(before=None, after=numbered(3))
