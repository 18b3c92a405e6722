"""Looks up what stands next to a track in its album."""

import contextlib

from origin.errors import AlbumFullError
from origin.neighbors import Neighbors, neighbor_ids
from origin.preparation import album_artist_of
from origin.record_store import RecordStore
from origin.records import AlbumRecord, TrackRecord, entry_of


async def find_neighbors(
    records: RecordStore, track: TrackRecord, *, ahead: TrackRecord | None = None
) -> Neighbors:
    """The tracks that adjoin `track`; one that is withheld from listeners is none.

    Args:
        records: where tracks and albums are.
        track: need not be visible yet.
        ahead: another track that is about to be.

    Raises:
        AlbumFullError: the album has no place for `track`.
        StoreError: a record cannot be read.
    """
    if track.album_id is None:
        return Neighbors()
    album = await records.find_album(track.album_id) or blank_album(track)
    album = album.with_entry(entry_of(track))
    if ahead is not None and ahead.album_id == track.album_id:
        with contextlib.suppress(AlbumFullError):
            album = album.with_entry(entry_of(ahead))

    async def find(track_id: str | None) -> TrackRecord | None:
        if track_id is None:
            return None
        if ahead is not None and ahead.track_id == track_id:
            return ahead
        found = await records.find_track(track_id)
        return found if found is not None and found.takedown is None else None

    before, after = neighbor_ids(album, track.track_id)
    return Neighbors(before=await find(before), after=await find(after))


def blank_album(record: TrackRecord) -> AlbumRecord:
    """The album of a track, as long as it has none."""
    assert record.album_id is not None
    tags = record.tags
    return AlbumRecord(record.album_id, tags.album or "", album_artist_of(tags), ())
