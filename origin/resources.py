"""Finds what a path of `/v1/` names: how it is represented, and where its bytes come from."""

import hashlib
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Final

from origin.answer import IMMUTABLE, LIBRARY, RECORD, Representation
from origin.documents import (
    encode_album_document,
    encode_library_document,
    encode_track_document,
    track_url,
)
from origin.errors import NotFoundError, ObjectDamagedError, PackagingPendingError, StoreError
from origin.object_key import rendition_key
from origin.ports import ObjectHead, ObjectStore
from origin.record_store import RecordStore
from origin.records import AlbumRecord, TrackRecord
from origin.track_id import is_id
from origin.version_files import NeedsRenditions, WrittenFile, find_file
from packager.seek_index import RenditionFacts

_JSON: Final = "application/json"

# A following track may be invisible for a moment; a row of them is not looked through.
_LOOKAHEAD_MAX: Final = 8

# What fits into one field without upsetting anybody.
_SURROGATE_TRACKS_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class InMemory:
    """A resource whose bytes are here."""

    representation: Representation
    content: bytes

    async def stream(self, *, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        """The bytes `[start, stop)`."""
        yield self.content[start:stop]


@dataclass(frozen=True, slots=True)
class InStore:
    """A resource whose bytes are in the object store."""

    representation: Representation
    store: ObjectStore
    head: ObjectHead

    def stream(self, *, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        """The bytes `[start, stop)`; see `ObjectStore.stream`."""
        return self.store.stream(self.head, start=start, stop=stop)


Resource = InMemory | InStore


class Resources:
    """What there is under `/v1/`. Every method raises `StoreError` if the store fails."""

    def __init__(self, store: ObjectStore, records: RecordStore) -> None:
        self._store = store
        self._records = records

    async def track(self, track_id: str) -> Resource:
        """`/v1/tracks/{track_id}`.

        Raises:
            NotFoundError: there is no such track.
        """
        record = await self._records.track(track_id)
        album = await self._album_of(record)
        following = await self._next_track_id(record, album)
        links = () if following is None else (f"<{track_url(following)}>; rel=next",)
        content = encode_track_document(record, album, following)
        return _in_memory(content, _JSON, RECORD, _surrogate_keys(record), links)

    async def audio(self, track_id: str, version: str, name: str) -> Resource:
        """`/v1/audio/{track_id}/{version}/{name}`.

        Raises:
            NotFoundError: there is no such track, version or file.
            PackagingPendingError: the rendition's bytes are not in the store.
            ObjectDamagedError: they are not the recorded ones.
        """
        record = await self._records.track(track_id)
        found = record.version(version)
        file = find_file(found, name) if found is not None else None
        match file:
            case None:
                raise NotFoundError(f"track {track_id} has no such version or file")
            case WrittenFile(content, content_type):
                keys = _surrogate_keys(record)
                return _in_memory(content, content_type, IMMUTABLE, keys, ())
            case RenditionFacts():
                return await self._rendition(record, version, file)
            case NeedsRenditions(names):
                raise PackagingPendingError(record.track_id, names[0])

    async def album(self, album_id: str) -> Resource:
        """`/v1/albums/{album_id}`.

        Its `Surrogate-Key` begins with `album:{album_id}`, so that to purge this key is enough
        whatever changes in it. The tracks follow, as many as fit into a field: to purge one of the
        others does not purge this page.

        Raises:
            NotFoundError: there is no such album, or none of its tracks is visible.
        """
        record = await self._records.find_album(album_id)
        entries = [
            entry
            for entry in (record.entries if record is not None else ())
            if await self._records.is_track(entry.track_id)
        ]
        if record is None or not entries:
            raise NotFoundError(f"no album has the id {album_id[:40]!r}")
        tracks = [f"track:{entry.track_id}" for entry in entries[:_SURROGATE_TRACKS_MAX]]
        keys = (f"album:{album_id}", *tracks)
        links = (f"<{track_url(entries[0].track_id)}>; rel=next",)
        content = encode_album_document(record, entries)
        return _in_memory(content, _JSON, RECORD, keys, links)

    async def library(
        self, *, after: str, limit: int, on_failure: Callable[[StoreError], None]
    ) -> Resource:
        """A page of `/v1/library`; `after` is empty or an id.

        A track whose record is damaged is told to `on_failure` and left out.

        Raises:
            NotFoundError: `after` is no id.
        """
        if after and not is_id(after):
            raise NotFoundError(f"no page begins after {after[:40]!r}")
        page = await self._records.list_tracks(after=after, limit=limit)
        for failure in page.failures:
            on_failure(failure)
        following = None if page.after is None else f"library?limit={limit}&after={page.after}"
        content = encode_library_document(page.tracks, following)
        # No `Link`: edges fetch a next track ahead, and the next page is none.
        return _in_memory(content, _JSON, LIBRARY, ("library",), ())

    async def _rendition(self, record: TrackRecord, version: str, facts: RenditionFacts) -> InStore:
        key = rendition_key(
            record.track_id,
            version=version,
            rendition=facts.name,
            extension=facts.container.value,
        )
        head = await self._store.head(key)
        if head is None:
            raise PackagingPendingError(record.track_id, facts.name)
        if (head.sha256, head.size_bytes) != (facts.sha256, facts.bytes):
            raise ObjectDamagedError(key, "it is not the file that its record names")
        representation = Representation(
            size_bytes=facts.bytes,
            sha256=facts.sha256,
            content_type=facts.mime,
            cache_control=IMMUTABLE,
            surrogate_keys=_surrogate_keys(record),
            modified_s=head.modified_s,
        )
        return InStore(representation, self._store, head)

    async def _album_of(self, record: TrackRecord) -> AlbumRecord | None:
        if record.album_id is None:
            return None
        return await self._records.find_album(record.album_id)

    async def _next_track_id(self, record: TrackRecord, album: AlbumRecord | None) -> str | None:
        if album is None:
            return None
        for entry in album.entries_after(record.track_id)[:_LOOKAHEAD_MAX]:
            if await self._records.is_track(entry.track_id):
                return entry.track_id
        return None


def _surrogate_keys(record: TrackRecord) -> tuple[str, ...]:
    keys = (f"track:{record.track_id}",)
    return keys if record.album_id is None else (*keys, f"album:{record.album_id}")


def _in_memory(
    content: bytes,
    content_type: str,
    cache_control: str,
    surrogate_keys: tuple[str, ...],
    links: tuple[str, ...],
) -> InMemory:
    representation = Representation(
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        content_type=content_type,
        cache_control=cache_control,
        surrogate_keys=surrogate_keys,
        links=links,
    )
    return InMemory(representation, content)
