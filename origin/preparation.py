"""Prepares a master for the library: read, copied, decoded whole and described; nothing stored yet.

What is prepared has a record without a version: that depends on the tracks next to it.
"""

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from origin.covers import CoverRecord
from origin.errors import ObjectDamagedError, TakenDownError
from origin.object_key import context_key, cover_key, cover_track_key, fingerprint_key
from origin.progress import ProgressTeller, Stage
from origin.publication import NewObject
from origin.records import TrackRecord, key_of_master
from origin.source_file import copy_source, find_picture_beside, hash_source
from origin.tags import Tags, clean_text, make_tags
from origin.track_id import album_id_of, track_id_of
from origin.workshop import Workshop
from packager.cover_facts import cover_file_name
from packager.edges import HEAD_NAME, TAIL_NAME
from packager.errors import WorkerDiedError, WorkerTimeoutError
from packager.fingerprint import encode_fingerprint
from packager.inspection_result import Inspection

logger = logging.getLogger(__name__)

# What is in an object that says all by its key.
_NOTE: Final = b"{}\n"


@dataclass(frozen=True, slots=True)
class IngestOrder:
    """A master to be taken in.

    Attributes:
        path: a regular file; it is only read.
        album: title of its album, whatever its tags say.
        label: whose it is; empty for the operator's own.
        overrides: values of tags by name, in the place of those in the file.
        renditions: what to package at once; None for the whole ladder, empty for nothing.
    """

    path: Path
    album: str | None = None
    label: str = ""
    overrides: Mapping[str, Sequence[str]] = field(default_factory=dict)
    renditions: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A master that is ready to be published.

    Attributes:
        record: its track; without a version if it is new.
        is_there: whether the track was visible already.
        master: its copy; None if nothing needs it.
        objects: what is to be in the store before the track is visible.
    """

    record: TrackRecord
    is_there: bool
    master: Path | None
    objects: tuple[NewObject, ...]


async def prepare(
    workshop: Workshop, order: IngestOrder, folder: Path, teller: ProgressTeller
) -> Prepared:
    """Read a master and find out all about it.

    Args:
        workshop: what to work with.
        order: the master.
        folder: for its copy and what is found in it; stays until the ingest ends.
        teller: is told how far it is.

    Raises:
        SourceError: the file cannot be read, or changes meanwhile.
        TakenDownError: the same bytes were taken down.
        PackagerError: it is no sound master, or a worker failed.
        StoreError: the store failed.
    """
    teller.enter(Stage.READING)
    bytes_max = workshop.master_bytes_max
    sha256 = await asyncio.to_thread(hash_source, order.path, bytes_max=bytes_max)
    there = await workshop.records.find_track(track_id_of(sha256))
    if there is not None:
        if there.takedown is not None:
            raise TakenDownError(there.track_id, there.takedown.reason)
        if not await _has_lost(workshop, there):
            return Prepared(there, is_there=True, master=None, objects=())
        logger.warning("a track has lost what it is made from", extra={"track_id": there.track_id})
    master = folder / "master"
    await asyncio.to_thread(copy_source, order.path, master, sha256=sha256, bytes_max=bytes_max)
    inspection = await workshop.packager.inspect(
        master, edges=folder, on_progress=teller.enter(Stage.INSPECTING)
    )
    beside = await asyncio.to_thread(find_picture_beside, order.path)
    cover = await _cover_of(workshop, master, beside)
    record = there or await _draft(workshop, order, master, inspection, cover)
    objects = [*_objects_of(record, inspection, folder)]
    if record.cover == cover:
        objects += _covers_of(record, folder)
    return Prepared(record, is_there=there is not None, master=master, objects=tuple(objects))


async def _has_lost(workshop: Workshop, record: TrackRecord) -> bool:
    """Whether something is missing that renditions of it or of its neighbours need, or a cover."""
    edges = (context_key(record.head.sha256), context_key(record.tail.sha256))
    covers = () if record.cover is None else tuple(_cover_keys(record.cover, record.track_id))
    for key in (record.master_key, *edges, *covers):
        with contextlib.suppress(ObjectDamagedError):
            if await workshop.store.head(key) is not None:
                continue
        return True
    return False


async def _draft(
    workshop: Workshop,
    order: IngestOrder,
    master: Path,
    inspection: Inspection,
    cover: CoverRecord | None,
) -> TrackRecord:
    values = {**await _tag_values(workshop, master), **order.overrides}
    tags = make_tags(values, file_stem=order.path.stem)
    if order.album is not None and clean_text(order.album):
        # One album for all that is named together, also where the artists of its tracks differ.
        tags = replace(tags, album=clean_text(order.album), album_artist=tags.album_artist or "")
    facts = inspection.facts
    return TrackRecord(
        track_id=track_id_of(facts.sha256),
        master=facts,
        loudness=inspection.loudness,
        stereo_loudness=inspection.stereo_loudness,
        head=inspection.head,
        tail=inspection.tail,
        file_name=clean_text(order.path.name),
        tags=tags,
        cover=cover,
        label=order.label,
        album_id=_album_id_of(tags, order.label),
        created_s=int(workshop.clock()),
        current_version="",
        versions=(),
        takedown=None,
    )


async def _tag_values(workshop: Workshop, master: Path) -> Mapping[str, Sequence[str]]:
    """What the master says about itself; nothing if that would take too much time or memory."""
    try:
        return await workshop.packager.read_tags(master)
    except (WorkerDiedError, WorkerTimeoutError) as error:
        logger.warning("tags cannot be read", extra={"reason": error.reason})
        return {}


async def _cover_of(workshop: Workshop, master: Path, beside: Path | None) -> CoverRecord | None:
    """The master's cover; none if it would take too much time or memory. Its files lie beside."""
    try:
        finding = await workshop.packager.read_cover(master, master.parent, beside=beside)
    except (WorkerDiedError, WorkerTimeoutError) as error:
        logger.warning("a cover cannot be read", extra={"reason": error.reason})
        return None
    if finding.refusals:
        logger.warning(
            "pictures were passed over", extra={"reasons": [str(one) for one in finding.refusals]}
        )
    return finding.cover


def _objects_of(record: TrackRecord, inspection: Inspection, folder: Path) -> list[NewObject]:
    facts = inspection.facts
    fingerprint = encode_fingerprint(inspection.fingerprint)
    objects = [
        NewObject(key_of_master(record.track_id, facts), folder / "master", facts.sha256),
        NewObject(context_key(inspection.head.sha256), folder / HEAD_NAME, inspection.head.sha256),
        NewObject(context_key(inspection.tail.sha256), folder / TAIL_NAME, inspection.tail.sha256),
    ]
    if fingerprint:
        digest = hashlib.sha256(fingerprint).hexdigest()
        key = fingerprint_key(record.track_id)
        objects.append(NewObject(key, fingerprint, digest, is_replaced=True))
    return objects


def _covers_of(record: TrackRecord, folder: Path) -> Iterator[NewObject]:
    cover = record.cover
    if cover is None:
        return
    *keys, note_key = _cover_keys(cover, record.track_id)
    for key, one in zip(keys, cover.sizes, strict=True):
        yield NewObject(key, folder / cover_file_name(cover.digest, one), one.sha256)
    yield NewObject(note_key, _NOTE, hashlib.sha256(_NOTE).hexdigest())


def _cover_keys(cover: CoverRecord, track_id: str) -> Iterator[str]:
    for one in cover.sizes:
        yield cover_key(cover.digest, size=one.size, extension=one.extension)
    yield cover_track_key(cover.digest, track_id)


def album_artist_of(tags: Tags) -> str:
    """Under whose name the album of a track stands; empty if nobody is named."""
    if tags.album_artist is not None:
        return tags.album_artist
    return tags.artists[0] if tags.artists else ""


def _album_id_of(tags: Tags, label: str) -> str | None:
    if tags.album is None:
        return None
    return album_id_of(artist=album_artist_of(tags), title=tags.album, label=label)
