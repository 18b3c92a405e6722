"""Drops what is not kept: walks the store once, prefix by prefix, and deletes.

Whatever is deleted can be made again or was never named by a record, so a collection may be cut
short, run beside listeners and ingests, and run twice at the same time.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final

from origin.errors import ObjectDamagedError, RecordError
from origin.object_key import CLAIMS_PREFIX, COVER_TRACKS_PREFIX, RENDITIONS_PREFIX
from origin.ports import ObjectHead, ObjectStore
from origin.record_store import RecordStore
from origin.records import TrackRecord, VersionRecord
from origin.retention import (
    OWNED_PREFIXES,
    SHARED_PREFIXES,
    Fate,
    Retention,
    name_of,
    names_of,
    track_of,
)

_PAGE: Final = 1000
_TRACKS_PAGE: Final = 200

OnCollected = Callable[[str, int], None]
"""Is told how far a collection is: the prefix that it walks, and how many objects it has seen."""

CanMake = Callable[[TrackRecord, VersionRecord], Awaitable[bool]]
"""Tells whether a version of a track could be made again."""


@dataclass(slots=True)
class Collected:
    """What a collection did, or would do.

    Attributes:
        seen: objects that were looked at.
        bytes: of the objects that were dropped.
        by_fate: how many were dropped, and why.
        damaged: objects and records that could not be read; they are left as they are.
        irreplaceable: unused files that are kept, since they could not be made again here.
    """

    seen: int = 0
    bytes: int = 0
    by_fate: Counter[Fate] = field(default_factory=Counter)
    damaged: int = 0
    irreplaceable: int = 0


class Collection:
    """One walk over a store.

    Args:
        store: to walk.
        records: in it.
        retention: what is kept.
        can_make: decides about what is unused; the present encoders may be others than those that a
            version was made by.
        now_s: seconds since the epoch.
        is_dry: whether to count only.
    """

    def __init__(
        self,
        store: ObjectStore,
        records: RecordStore,
        retention: Retention,
        *,
        can_make: CanMake,
        now_s: float,
        is_dry: bool,
    ) -> None:
        self._store = store
        self._records = records
        self._retention = retention
        self._can_make = can_make
        self._now_s = now_s
        self._is_dry = is_dry
        self._on_progress: OnCollected = lambda _prefix, _seen: None
        self._collected = Collected()
        # Of the track that was looked up last: keys come track by track.
        self._record: tuple[str, TrackRecord | None] = ("", None)
        # Of the version that was judged last.
        self._makeable: tuple[tuple[str, str], bool] = (("", ""), False)

    async def run(self, on_progress: OnCollected = lambda _prefix, _seen: None) -> Collected:
        """Walk the store; `on_progress` is told how far it is.

        Raises:
            StoreError: it cannot be read or written. What was dropped stays dropped.
        """
        self._on_progress = on_progress
        await self._walk(RENDITIONS_PREFIX, self._fate_of_rendition)
        for prefix in OWNED_PREFIXES:
            await self._walk(prefix, self._fate_of_owned)
        await self._walk(COVER_TRACKS_PREFIX, self._fate_of_cover_track)
        await self._walk(CLAIMS_PREFIX, self._fate_of_nameless)
        named = await self._names()
        for prefix in SHARED_PREFIXES:
            await self._walk(prefix, lambda head: self._fate_of_shared(head, named))
        return self._collected

    async def _walk(self, prefix: str, judge: Callable[[ObjectHead], Awaitable[Fate]]) -> None:
        after, has_more = "", True
        while has_more:
            page = await self._store.list_keys(prefix, after=after, limit=_PAGE)
            for key in page.keys:
                await self._settle(key, judge)
            after, has_more = page.keys[-1] if page.keys else after, page.has_more
            self._on_progress(prefix, self._collected.seen)

    async def _settle(self, key: str, judge: Callable[[ObjectHead], Awaitable[Fate]]) -> None:
        self._collected.seen += 1
        try:
            head = await self._store.head(key)
            fate = Fate.KEPT if head is None else await judge(head)
        except (ObjectDamagedError, RecordError):
            self._collected.damaged += 1
            return
        if head is None or fate is Fate.KEPT:
            return
        if not self._is_dry:
            await self._store.delete(key)
        self._collected.by_fate[fate] += 1
        self._collected.bytes += head.size_bytes

    async def _fate_of_rendition(self, head: ObjectHead) -> Fate:
        record = await self._record_of(track_of(head.key))
        version = head.key.split("/")[2]
        fate = self._retention.fate_of_rendition(
            record, version, used_s=head.modified_s, now_s=self._now_s
        )
        if fate is not Fate.UNUSED or record is None or await self._is_makeable(record, version):
            return fate
        self._collected.irreplaceable += 1
        return Fate.KEPT

    async def _is_makeable(self, record: TrackRecord, version: str) -> bool:
        name, found = (record.track_id, version), record.version(version)
        if self._makeable[0] != name:
            self._makeable = (name, found is not None and await self._can_make(record, found))
        return self._makeable[1]

    async def _fate_of_owned(self, head: ObjectHead) -> Fate:
        if await self._record_of(track_of(head.key)) is not None:
            return Fate.KEPT
        return await self._fate_of_nameless(head)

    async def _fate_of_cover_track(self, head: ObjectHead) -> Fate:
        track_id = head.key.rpartition("/")[2].removesuffix(".json")
        if await self._record_of(track_id) is not None:
            return Fate.KEPT
        return await self._fate_of_nameless(head)

    async def _fate_of_nameless(self, head: ObjectHead) -> Fate:
        return self._retention.fate_of_nameless(used_s=head.modified_s, now_s=self._now_s)

    async def _fate_of_shared(self, head: ObjectHead, named: AbstractSet[str]) -> Fate:
        return Fate.KEPT if name_of(head.key) in named else await self._fate_of_nameless(head)

    async def _record_of(self, track_id: str) -> TrackRecord | None:
        if self._record[0] != track_id:
            self._record = (track_id, await self._records.find_track(track_id))
        return self._record[1]

    async def _names(self) -> AbstractSet[str]:
        """What all records name of shared objects.

        Raises:
            RecordError: a record cannot be read, so that nobody knows what it names.
        """
        names: set[str] = set()
        after: str | None = ""
        while after is not None:
            page = await self._records.list_tracks(after=after, limit=_TRACKS_PAGE)
            if page.failures:
                raise page.failures[0]
            for record in page.tracks:
                names |= names_of(record)
            after = page.after
        return names
