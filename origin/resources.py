"""Finds what a path of `/v1/` names: how it is represented, and where its bytes come from."""

import hashlib
import logging
import re
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from origin.album_files import AlbumTrack, NeedsOfTracks, find_album_file
from origin.answer import (
    IMMUTABLE,
    LIBRARY,
    LIBRARY_TAG,
    RECORD,
    Representation,
    cover_tag,
    listing_tag,
)
from origin.demand import Demand, targets_of
from origin.documents import (
    Surroundings,
    encode_album_document,
    encode_library_document,
    encode_track_document,
    track_url,
)
from origin.errors import (
    NotFoundError,
    ObjectDamagedError,
    ObjectTooLargeError,
    PackagingPendingError,
    RecordError,
    StoreError,
    TakenDownError,
)
from origin.neighbors import Neighbors, neighbor_ids
from origin.object_key import cover_key
from origin.ports import ObjectHead, ObjectStore
from origin.rebuild_errors import VersionGoneError
from origin.record_store import RecordStore
from origin.records import AlbumRecord, TrackRecord
from origin.rendition_file import RenditionFile, RenditionMeans
from origin.rendition_job import Target
from origin.track_id import is_id
from origin.version_files import NeedsRenditions, WrittenFile, find_file
from origin.visible_tracks import VisibleTracks
from packager.presentation import file_name
from packager.priority import Priority
from packager.seek_index import RenditionFacts

logger = logging.getLogger(__name__)

_JSON: Final = "application/json"

# A file is written from facts; by the second look they are there, unless the version has changed.
_LOOKS_MAX: Final = 3

_COVER_NAME: Final = re.compile(r"([0-9a-f]{32})-([1-9][0-9]{0,4})\.(jpg|png)", re.ASCII)
_COVER_TYPES: Final = {"jpg": "image/jpeg", "png": "image/png"}

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

    async def prove(self) -> None:
        """It is here."""

    def repair(self) -> None:
        """What is here is not damaged."""


@dataclass(frozen=True, slots=True)
class InStore:
    """A resource whose bytes are in the object store."""

    representation: Representation
    store: ObjectStore
    head: ObjectHead

    def stream(self, *, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        """The bytes `[start, stop)`; see `ObjectStore.stream`."""
        return self.store.stream(self.head, start=start, stop=stop)

    async def prove(self) -> None:
        """Its head is here, so it was there a moment ago."""

    def repair(self) -> None:
        """Nothing is known that it could be made from again."""


Resource = InMemory | InStore | RenditionFile


class Resources:
    """What there is under `/v1/`. Every method raises `StoreError` if the store fails.

    Args:
        store: where the bytes are.
        records: in it.
        demand: packages what is asked for and not there.
        wait_s: how long a request waits for that.
        note_use: is told the keys of a rendition's objects when somebody hears it.
    """

    def __init__(
        self,
        store: ObjectStore,
        records: RecordStore,
        demand: Demand,
        *,
        wait_s: float,
        note_use: Callable[[tuple[str, ...]], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._records = records
        self._visible = VisibleTracks(store, records)
        self._demand = demand
        self._wait_s = wait_s
        self._note_use = note_use

    async def track(self, track_id: str) -> Resource:
        """`/v1/tracks/{track_id}`.

        Raises:
            NotFoundError: there is no such track.
            TakenDownError: it is withheld.
        """
        record = await self._track(track_id)
        around = await self._surroundings_of(record)
        links = () if around.following is None else (f"<{track_url(around.following)}>; rel=next",)
        content = encode_track_document(record, around)
        keys = _surrogate_keys(record)
        if record.album_id is not None:
            # It tells of other tracks, too; the files of a track do not change with the album.
            keys = (*keys, listing_tag(record.album_id))
        return _in_memory(content, _JSON, RECORD, keys, links)

    async def audio(self, track_id: str, version: str, name: str, *, session: str = "") -> Resource:
        """`/v1/audio/{track_id}/{version}/{name}`; what is not packaged is packaged first.

        What was packaged, and is not in the store any more, is packaged when it is read.

        Args:
            track_id: of the track.
            version: of the track.
            name: of the file.
            session: of the listener; empty if it is not known.

        Raises:
            NotFoundError: there is no such track, version or file.
            TakenDownError: the track is withheld.
            PackagingPendingError: it takes longer than a request waits.
            VersionGoneError: it is not there, and cannot be made here.
            OriginError, PackagerError, DrmError: it cannot be made.
        """
        record = await self._track(track_id)
        try:
            found = await self._find_file(record, version, name, session)
            if isinstance(found, RenditionFacts):
                return self._rendition(record, version, found, session)
        except VersionGoneError as error:
            raise error.about(name) from error
        return _in_memory(found.content, found.content_type, IMMUTABLE, _surrogate_keys(record), ())

    async def album(self, album_id: str) -> Resource:
        """`/v1/albums/{album_id}`.

        Its `Surrogate-Key` has `listing:{album_id}`, so that to purge this key is enough whatever
        changes in it, and leaves the files of its tracks alone. The tracks follow, as many as fit
        into a field: to purge one of the others does not purge this page.

        Raises:
            NotFoundError: there is no such album, or none of its tracks is visible.
        """
        album, tracks = await self._album(album_id)
        visible = {track.track_id for track in tracks}
        entries = [entry for entry in album.entries if entry.track_id in visible]
        cover = next((track.cover for track in tracks if track.cover is not None), None)
        links = (f"<{track_url(entries[0].track_id)}>; rel=next",)
        content = encode_album_document(album, entries, cover)
        return _in_memory(content, _JSON, RECORD, _surrogate_keys_of_album(album, tracks), links)

    async def album_file(self, album_id: str, name: str, *, session: str = "") -> Resource:
        """`/v1/albums/{album_id}/{name}`, a playlist of the whole album.

        Raises:
            NotFoundError: there is no such album or file.
            PackagingPendingError: its tracks are packaged first, and that takes longer.
            OriginError, PackagerError, DrmError: they cannot be packaged.
        """
        for _ in range(_LOOKS_MAX):
            album, records = await self._album(album_id)
            tracks = [AlbumTrack(record.track_id, record.current) for record in records]
            match find_album_file(tracks, name):
                case None:
                    raise NotFoundError(f"album {album_id} has no file {name[:40]!r}")
                case WrittenFile(content, content_type):
                    keys = _surrogate_keys_of_album(album, records)
                    return _in_memory(content, content_type, RECORD, keys, ())
                case NeedsOfTracks(needs):
                    targets = [
                        target
                        for track, names in needs
                        for target in targets_of(track.track_id, track.version.version, names)
                    ]
                    await self._package(targets, session)
        raise PackagingPendingError(album_id, [name], progress=1.0)

    async def cover(self, name: str) -> Resource:
        """`/v1/covers/{name}`.

        Raises:
            NotFoundError: there is no such cover.
            TakenDownError: all tracks that have it are withheld.
        """
        match = _COVER_NAME.fullmatch(name)
        if match is None:
            raise NotFoundError(f"no cover is called {name[:60]!r}")
        digest, size, extension = match.groups()
        head = await self._store.head(cover_key(digest, size=int(size), extension=extension))
        if head is None:
            raise NotFoundError(f"no cover is called {name[:60]!r}")
        await self._visible.check_cover(digest)
        representation = Representation(
            size_bytes=head.size_bytes,
            sha256=head.sha256,
            content_type=_COVER_TYPES[extension],
            cache_control=IMMUTABLE,
            surrogate_keys=(cover_tag(digest),),
            modified_s=head.modified_s,
        )
        return InStore(representation, self._store, head)

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
        return _in_memory(content, _JSON, LIBRARY, (LIBRARY_TAG,), ())

    async def _track(self, track_id: str) -> TrackRecord:
        record = await self._records.track(track_id)
        if record.takedown is not None:
            raise TakenDownError(track_id, record.takedown.reason)
        return record

    async def _find_file(
        self, record: TrackRecord, version: str, name: str, session: str
    ) -> RenditionFacts | WrittenFile:
        """The file with this name, once the facts that it is written from are there."""
        for _ in range(_LOOKS_MAX):
            found = record.version(version)
            match None if found is None else find_file(found, name):
                case None:
                    raise NotFoundError(f"track {record.track_id} has no such version or file")
                case NeedsRenditions(names):
                    await self._package(list(targets_of(record.track_id, version, names)), session)
                    record = await self._track(record.track_id)
                case RenditionFacts() | WrittenFile() as file:
                    return file
        raise PackagingPendingError(record.track_id, [name], progress=1.0)

    def _rendition(
        self, record: TrackRecord, version: str, facts: RenditionFacts, session: str
    ) -> RenditionFile:
        found = record.version(version)
        assert found is not None

        async def package(target: Target) -> None:
            try:
                await self._package([target], session)
            except VersionGoneError as error:
                raise error.about(file_name(facts)) from error

        representation = Representation(
            size_bytes=facts.bytes,
            sha256=facts.sha256,
            content_type=facts.mime,
            cache_control=IMMUTABLE,
            surrogate_keys=_surrogate_keys(record),
            # Not the object's own time: that moves whenever the file is used.
            modified_s=found.created_s,
            bitrate_bps=facts.bitrate_bps,
        )
        means = RenditionMeans(
            self._store, package=package, repair=self._demand.repair, note_use=self._note_use
        )
        return RenditionFile(representation, Target(record.track_id, version, facts.name), means)

    async def _package(self, targets: Sequence[Target], session: str) -> None:
        await self._demand.ensure_all(
            targets, priority=Priority.LISTENER, session=session, wait_s=self._wait_s
        )

    async def _album(self, album_id: str) -> tuple[AlbumRecord, list[TrackRecord]]:
        """An album, and those of its tracks that listeners may see."""
        album = await self._records.find_album(album_id)
        if album is not None:
            tracks = await self._visible.find_all([one.track_id for one in album.entries])
            if tracks:
                return album, tracks
        raise NotFoundError(f"no album has the id {album_id[:40]!r}")

    async def _album_around(self, record: TrackRecord) -> AlbumRecord | None:
        """The album of a track; a damaged one must not take its tracks away."""
        if record.album_id is None:
            return None
        try:
            return await self._records.find_album(record.album_id)
        except (ObjectDamagedError, ObjectTooLargeError, RecordError) as error:
            logger.warning(
                "an album is left out", extra={"album_id": record.album_id, "reason": error.reason}
            )
            return None

    async def _surroundings_of(self, record: TrackRecord) -> Surroundings:
        track_id = record.track_id
        album = await self._album_around(record)
        if album is None:
            return Surroundings()
        before, after = neighbor_ids(album, track_id)
        neighbors = Neighbors(
            before=None if before is None else await self._visible.find(before),
            after=None if after is None else await self._visible.find(after),
        )
        following: str | None = None
        for entry in album.entries_after(track_id)[:_LOOKAHEAD_MAX]:
            if await self._visible.find(entry.track_id) is not None:
                following = entry.track_id
                break
        return Surroundings(album, following, neighbors)


def _surrogate_keys_of_album(album: AlbumRecord, tracks: Sequence[TrackRecord]) -> tuple[str, ...]:
    names = [f"track:{track.track_id}" for track in tracks[:_SURROGATE_TRACKS_MAX]]
    return (f"album:{album.album_id}", listing_tag(album.album_id), *names)


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
