"""Changes of tracks that are there: another version, withheld, put back; and what edges are told.

Every change goes through the outbox, so that edges purge what they have of the track.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from origin.answer import LIBRARY_TAG, cover_tag, listing_tag
from origin.collection import Collected, Collection, OnCollected
from origin.demand import Demand, targets_of
from origin.neighborhood import find_neighbors
from origin.outbox import Outbox
from origin.packaging_plan import Means, differences, plan_version
from origin.rebuild_errors import RebuildMismatchError
from origin.records import Takedown, TrackRecord, VersionRecord
from origin.retention import Retention
from origin.tags import clean_text
from origin.workshop import Workshop
from packager.priority import Priority


@dataclass(frozen=True, slots=True)
class Repackaged:
    """What became of a track.

    Attributes:
        former: the version that listeners got.
        version: the one that they get now; the same if nothing has changed.
    """

    track_id: str
    former: str
    version: str


class Upkeep:
    """Works on tracks that are there.

    Args:
        workshop: what to work with.
        demand: packages.
        outbox: what edges are to be told.
    """

    def __init__(self, workshop: Workshop, demand: Demand, outbox: Outbox) -> None:
        self._workshop = workshop
        self._records = workshop.records
        self._demand = demand
        self._outbox = outbox

    async def repackage(
        self,
        track_id: str,
        *,
        is_forced: bool = False,
        on_progress: Callable[[float], None] = lambda _: None,
    ) -> Repackaged:
        """Move a track to the version that its inputs have now, once all of it is packaged.

        Inputs are the encoders, the neighbours in its album, the content keys and the scheme of
        Common Encryption. Listeners of the former version go on with it.

        Args:
            track_id: the track.
            is_forced: make a new version also of equal inputs: what the present one records cannot
                be made again.
            on_progress: is told how far it is.

        Raises:
            NotFoundError: there is no such track.
            OriginError, PackagerError, DrmError: as `Demand.ensure_all`; listeners keep the former
                version.
        """
        record = await self._records.track(track_id)
        planned = await self._plan(record, is_forced=is_forced)
        if planned.version == record.current_version:
            return Repackaged(track_id, record.current_version, record.current_version)
        record = await self._records.change_track(track_id, lambda old: old.with_planned(planned))
        targets = list(targets_of(track_id, planned.version, planned.ladder))
        try:
            await self._demand.ensure_all(
                targets, priority=Priority.OPERATOR, on_progress=on_progress
            )
        except RebuildMismatchError:
            # What is recorded of the plan cannot be made again: the next one begins afresh.
            await self._records.change_track(
                track_id, lambda old: old.without_planned(planned.version)
            )
            raise
        now_s = int(self._workshop.clock())
        former = record.current_version
        async with self._outbox.announcing(_tags_of(record)):
            await self._records.change_track(
                track_id, lambda old: old.moved_to(planned.version, now_s=now_s)
            )
        return Repackaged(track_id, former, planned.version)

    async def take_down(self, track_id: str, *, reason: str) -> TrackRecord:
        """Withhold a track from listeners; its master and all else stay.

        Args:
            track_id: the track.
            reason: why, as listeners are told; kept as one line of text.

        Raises:
            NotFoundError: there is no such track.
            StoreError: the record cannot be written, or the note to the edges.
        """
        takedown = Takedown(clean_text(reason), int(self._workshop.clock()))
        return await self._change(track_id, lambda old: replace(old, takedown=takedown))

    async def put_back(self, track_id: str) -> TrackRecord:
        """Undo `take_down`.

        Raises:
            NotFoundError: there is no such track.
            StoreError: the record cannot be written, or the note to the edges.
        """
        return await self._change(track_id, lambda old: replace(old, takedown=None))

    async def collect(
        self,
        retention: Retention,
        *,
        is_dry: bool = False,
        on_progress: OnCollected = lambda _prefix, _seen: None,
    ) -> Collected:
        """Drop what is not kept; see `origin.collection.Collection`.

        Raises:
            StoreError: the store cannot be read or written.
            DrmError: the content keys of a track whose files are unused cannot be had.
        """
        collection = Collection(
            self._workshop.store,
            self._records,
            retention,
            can_make=self._can_make,
            now_s=self._workshop.clock(),
            is_dry=is_dry,
        )
        return await collection.run(on_progress)

    async def _change(
        self, track_id: str, change: Callable[[TrackRecord], TrackRecord]
    ) -> TrackRecord:
        record = await self._records.track(track_id)
        async with self._outbox.announcing(_tags_of(record)):
            return await self._records.change_track(track_id, change)

    async def _can_make(self, record: TrackRecord, version: VersionRecord) -> bool:
        keys = await self._workshop.content_keys.keys_of_track(record.track_id)
        identity = self._workshop.packager.identity
        return not any(differences(record, version, identity, keys))

    async def _plan(self, record: TrackRecord, *, is_forced: bool) -> VersionRecord:
        workshop = self._workshop
        keys = await workshop.content_keys.keys_of_track(record.track_id)
        means = Means(workshop.packager.identity, keys, workshop.scheme)
        neighbors = await find_neighbors(self._records, record)

        def planned(revision: int) -> VersionRecord:
            return plan_version(
                record, neighbors, means, now_s=int(workshop.clock()), revision=revision
            )

        if not is_forced:
            return planned(record.current.revision)
        newest = max(one.revision for one in record.versions)
        # A plan that failed to be packaged is taken up again: one more each time would push out
        # versions that listeners still play.
        left = record.version(planned(newest).version)
        return planned(newest + 1) if left is None or record.was_current(left) else left


def _tags_of(record: TrackRecord) -> list[str]:
    listing = [] if record.album_id is None else [listing_tag(record.album_id)]
    cover = [] if record.cover is None else [cover_tag(record.cover.digest)]
    return [f"track:{record.track_id}", *cover, *listing, LIBRARY_TAG]
