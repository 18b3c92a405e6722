"""Which tracks listeners may see, and with them their covers.

A damaged record hides its track, and takes nothing else away.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Final

from origin.errors import ObjectDamagedError, ObjectTooLargeError, RecordError, TakenDownError
from origin.object_key import cover_tracks_prefix
from origin.ports import ObjectStore
from origin.record_store import RecordStore
from origin.records import TrackRecord

logger = logging.getLogger(__name__)

# Records that one request has looked up at the same time; a store has not many more connections.
_AT_ONCE: Final = 16

_PAGE: Final = 1000


class VisibleTracks:
    """The tracks in `records`, whose store is `store`. Its methods raise `StoreError`."""

    def __init__(self, store: ObjectStore, records: RecordStore) -> None:
        self._store = store
        self._records = records

    async def find(self, track_id: str) -> TrackRecord | None:
        """A track; None if listeners may not see it."""
        record = await self._find_any(track_id)
        return record if record is not None and record.takedown is None else None

    async def find_all(self, track_ids: Sequence[str]) -> list[TrackRecord]:
        """Those of the tracks that listeners may see, in this order."""
        return [
            record
            for start in range(0, len(track_ids), _AT_ONCE)
            for record in await self._find_some(track_ids[start : start + _AT_ONCE])
            if record.takedown is None
        ]

    async def check_cover(self, digest: str) -> None:
        """Refuse a cover of tracks of which listeners may see none.

        A cover of which nobody has noted whose it is may be seen.

        Raises:
            TakenDownError: all tracks that have it were taken down.
        """
        withheld: TrackRecord | None = None
        async for track_ids in self._track_ids_of(digest):
            for record in await self._find_some(track_ids):
                if record.takedown is None:
                    return
                withheld = withheld or record
        if withheld is not None and withheld.takedown is not None:
            raise TakenDownError(withheld.track_id, withheld.takedown.reason)

    async def _track_ids_of(self, digest: str) -> AsyncIterator[Sequence[str]]:
        prefix, after, has_more = cover_tracks_prefix(digest), "", True
        while has_more:
            page = await self._store.list_keys(prefix, after=after, limit=_PAGE)
            found = [key.removeprefix(prefix).removesuffix(".json") for key in page.keys]
            for start in range(0, len(found), _AT_ONCE):
                yield found[start : start + _AT_ONCE]
            after, has_more = page.keys[-1] if page.keys else after, page.has_more

    async def _find_some(self, track_ids: Sequence[str]) -> list[TrackRecord]:
        found = await asyncio.gather(*(self._find_any(track_id) for track_id in track_ids))
        return [record for record in found if record is not None]

    async def _find_any(self, track_id: str) -> TrackRecord | None:
        try:
            return await self._records.find_track(track_id)
        except (ObjectDamagedError, ObjectTooLargeError, RecordError) as error:
            logger.warning(
                "a track is left out", extra={"track_id": track_id, "reason": error.reason}
            )
            return None
