"""Reads and writes records in an object store; keeps those lately read, as long as they hold."""

import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from origin.album_json import decode_album, encode_album
from origin.errors import (
    NotFoundError,
    ObjectConflictError,
    ObjectDamagedError,
    ObjectMissingError,
    ObjectTooLargeError,
    RecordError,
    StoreError,
)
from origin.object_key import TRACKS_PREFIX, album_key, track_key
from origin.ports import IfAbsent, IfMatch, ObjectStore, PutCondition
from origin.record_json import RECORD_BYTES_MAX, decode_track, encode_track
from origin.records import AlbumRecord, TrackRecord
from origin.track_id import is_id

logger = logging.getLogger(__name__)

# Writers of one record that get in each other's way; each turn one of them succeeds.
_TRIES_MAX: Final = 100

# The part of what is kept that albums may take.
_ALBUMS_SHARE: Final = 4

_Record = TypeVar("_Record")

ChangeTrack = Callable[[TrackRecord], TrackRecord]
ChangeAlbum = Callable[[AlbumRecord | None], AlbumRecord]


@dataclass(frozen=True, slots=True)
class TrackPage:
    """Some tracks in the order of their ids.

    Attributes:
        tracks: those that could be read.
        after: ask for the next page with this; None on the last one.
        failures: why the others could not.
    """

    tracks: tuple[TrackRecord, ...]
    after: str | None
    failures: tuple[StoreError, ...] = ()


@dataclass(frozen=True, slots=True)
class _Kept(Generic[_Record]):
    etag: str
    size_bytes: int
    record: _Record


class _Shelf(Generic[_Record]):
    """Records of one kind by id, those lately used, up to `bytes_max` in stored form."""

    def __init__(self, bytes_max: int) -> None:
        self._kept: OrderedDict[str, _Kept[_Record]] = OrderedDict()
        self._bytes = 0
        self._bytes_max = bytes_max

    def find(self, record_id: str, etag: str) -> _Record | None:
        """The record, if this is the entity tag that it was kept with."""
        kept = self._kept.get(record_id)
        if kept is None or kept.etag != etag:
            return None
        self._kept.move_to_end(record_id)
        return kept.record

    def keep(self, record_id: str, kept: _Kept[_Record]) -> None:
        """Keep a record; the ones that were not used for longest make room."""
        self.forget(record_id)
        self._kept[record_id] = kept
        self._bytes += kept.size_bytes
        while self._bytes > self._bytes_max:
            _, victim = self._kept.popitem(last=False)
            self._bytes -= victim.size_bytes

    def forget(self, record_id: str) -> None:
        """Keep a record no longer."""
        kept = self._kept.pop(record_id, None)
        if kept is not None:
            self._bytes -= kept.size_bytes


class RecordStore:
    """The records in `store`.

    Args:
        store: where they are.
        kept_bytes_max: size of the stored form of the records that are kept in memory. Whether a
            kept record still holds is asked of the store each time.
    """

    def __init__(self, store: ObjectStore, *, kept_bytes_max: int) -> None:
        self._store = store
        self._albums = _Shelf[AlbumRecord](kept_bytes_max // _ALBUMS_SHARE)
        self._tracks = _Shelf[TrackRecord](kept_bytes_max - kept_bytes_max // _ALBUMS_SHARE)

    async def find_track(self, track_id: str) -> TrackRecord | None:
        """The record of a track; None if there is none.

        Raises:
            StoreError: it cannot be read.
        """
        if not is_id(track_id):
            return None
        key = track_key(track_id)
        head = await self._store.head(key)
        if head is None:
            self._tracks.forget(track_id)
            return None
        kept = self._tracks.find(track_id, head.etag)
        if kept is not None:
            return kept
        found = await self._read_track(track_id)
        return None if found is None else found.record

    async def track(self, track_id: str) -> TrackRecord:
        """The record of a track.

        Raises:
            NotFoundError: there is no such track.
            StoreError: the record cannot be read.
        """
        record = await self.find_track(track_id)
        if record is None:
            raise NotFoundError(f"no track has the id {track_id[:40]!r}")
        return record

    async def is_track(self, track_id: str) -> bool:
        """Whether a track is visible, without reading its record.

        Raises:
            StoreError: the store cannot be read.
        """
        return await self._store.head(track_key(track_id)) is not None

    async def add_track(self, record: TrackRecord) -> bool:
        """Make a track visible; tell whether it was not before.

        Raises:
            StoreError: the record cannot be written.
        """
        try:
            await self._store.put(
                track_key(record.track_id), encode_track(record), condition=IfAbsent()
            )
        except ObjectConflictError:
            return False
        return True

    async def change_track(self, track_id: str, change: ChangeTrack) -> TrackRecord:
        """Put what `change` makes of a track; again if somebody else changed it meanwhile.

        Returns:
            The record as it is then.

        Raises:
            NotFoundError: there is no such track.
            ObjectConflictError: others changed it each time.
            StoreError: it cannot be read or written.
        """
        key = track_key(track_id)
        for _ in range(_TRIES_MAX):
            found = await self._read_track(track_id)
            if found is None:
                raise NotFoundError(f"no track has the id {track_id[:40]!r}")
            new = change(found.record)
            if new == found.record:
                return new
            content = encode_track(new)
            try:
                head = await self._store.put(key, content, condition=IfMatch(found.etag))
            except ObjectConflictError:
                continue
            self._tracks.keep(track_id, _Kept(head.etag, head.size_bytes, new))
            return new
        raise ObjectConflictError(key)

    async def list_tracks(self, *, after: str, limit: int) -> TrackPage:
        """Records of the tracks that follow the id `after` (empty to begin).

        A damaged one is left out: it must not take the others away.

        Raises:
            StoreError: the store cannot be read.
        """
        place = track_key(after) if after else ""
        page = await self._store.list_keys(TRACKS_PREFIX, after=place, limit=limit)
        ids = [key.removeprefix(TRACKS_PREFIX).removesuffix(".json") for key in page.keys]
        tracks: list[TrackRecord] = []
        failures: list[StoreError] = []
        for track_id in ids:
            try:
                record = await self.find_track(track_id)
            except (ObjectDamagedError, ObjectTooLargeError, RecordError) as error:
                logger.warning(
                    "a track is left out of the list",
                    extra={"track_id": track_id, "reason": error.reason},
                )
                failures.append(error)
            else:
                tracks += [] if record is None else [record]
        return TrackPage(
            tracks=tuple(tracks),
            after=ids[-1] if page.has_more and ids else None,
            failures=tuple(failures),
        )

    async def has_tracks(self) -> bool:
        """Whether there is any track, without reading a record.

        Raises:
            StoreError: the store cannot be read.
        """
        return bool((await self._store.list_keys(TRACKS_PREFIX, limit=1)).keys)

    async def find_album(self, album_id: str) -> AlbumRecord | None:
        """The record of an album; None if there is none.

        Raises:
            StoreError: it cannot be read.
        """
        if not is_id(album_id):
            return None
        head = await self._store.head(album_key(album_id))
        if head is None:
            self._albums.forget(album_id)
            return None
        kept = self._albums.find(album_id, head.etag)
        if kept is not None:
            return kept
        found = await self._read_album(album_id)
        return None if found is None else found.record

    async def change_album(self, album_id: str, change: ChangeAlbum) -> None:
        """Put what `change` makes of an album; again if somebody else changed it meanwhile.

        Raises:
            ObjectConflictError: others changed it each time.
            StoreError: it cannot be read or written.
        """
        for _ in range(_TRIES_MAX):
            found = await self._read_album(album_id)
            old = None if found is None else found.record
            condition: PutCondition = IfAbsent() if found is None else IfMatch(found.etag)
            new = change(old)
            if new == old:
                return
            try:
                await self._store.put(album_key(album_id), encode_album(new), condition=condition)
            except ObjectConflictError:
                continue
            return
        raise ObjectConflictError(album_key(album_id))

    async def _read_track(self, track_id: str) -> _Kept[TrackRecord] | None:
        try:
            stored = await self._store.read(track_key(track_id), size_max=RECORD_BYTES_MAX)
        except ObjectMissingError:
            return None
        found = _Kept(stored.head.etag, stored.head.size_bytes, decode_track(stored.content))
        self._tracks.keep(track_id, found)
        return found

    async def _read_album(self, album_id: str) -> _Kept[AlbumRecord] | None:
        try:
            stored = await self._store.read(album_key(album_id), size_max=RECORD_BYTES_MAX)
        except ObjectMissingError:
            return None
        found = _Kept(stored.head.etag, stored.head.size_bytes, decode_album(stored.content))
        self._albums.keep(album_id, found)
        return found
