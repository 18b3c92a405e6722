"""Takes a master in: read, decoded whole, packaged, published; its record comes last.

The same bytes are the same track: a second ingest finds the record and does nothing, unless the
master is lost. An ingest that was killed leaves no record; the next one reuses what it published,
if the bytes are equal.
"""

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from origin.errors import ObjectDamagedError, OriginError
from origin.object_key import rendition_key
from origin.progress import IngestProgress, OnIngestProgress, ProgressTeller, Stage
from origin.publication import NewObject, Publication
from origin.records import AlbumRecord, TrackRecord, VersionRecord, entry_of, key_of_master
from origin.source_file import copy_source, hash_source
from origin.tags import Tags, clean_text, make_tags
from origin.track_id import album_id_of, track_id_of
from origin.work_folder import open_job_folder
from origin.workshop import PackagedFile, PackagingTask, Workshop, package_renditions
from packager.errors import WorkerDiedError, WorkerTimeoutError
from packager.inspection_result import Edge
from packager.jobs import MasterFacts
from packager.loudness import SILENCE_DBTP, SILENCE_LUFS, Loudness
from packager.renditions import PROFILES, Protection
from packager.seek_index import encode_seek_index
from packager.version import VersionInputs, plan_ladder, version_of

__all__ = ["IngestProgress", "IngestResult", "ingest_master"]

logger = logging.getLogger(__name__)

_NO_EDGE = Edge(frames=0, sha256=hashlib.sha256(b"").hexdigest(), is_silent=True)


@dataclass(frozen=True, slots=True)
class IngestResult:
    """What became of a master.

    Attributes:
        is_new: whether the track was not there before.
    """

    track_id: str
    version: str
    title: str
    samples: int
    sample_rate_hz: int
    pcm_sha256: str
    renditions: tuple[str, ...]
    is_new: bool


async def ingest_master(
    workshop: Workshop,
    path: Path,
    *,
    album: str | None = None,
    on_progress: OnIngestProgress | None = None,
) -> IngestResult:
    """Take the master `path` in.

    Args:
        workshop: what to work with.
        path: a regular file; it is only read.
        album: title of its album, whatever its tags say.
        on_progress: is told how far it is.

    Raises:
        SourceError: the file cannot be read, or changes meanwhile.
        PackagerError: it is no sound master, or a worker failed.
        StoreError: the store failed.
        DrmError: its content keys cannot be had.
    """
    teller = ProgressTeller(on_progress)
    teller.enter(Stage.READING)
    bytes_max = workshop.master_bytes_max
    sha256 = await asyncio.to_thread(hash_source, path, bytes_max=bytes_max)
    there = await workshop.records.find_track(track_id_of(sha256))
    if there is not None:
        await _restore_master(workshop, there, path)
        teller.finish()
        return _result_of(there, is_new=False)
    async with open_job_folder(workshop.scratch) as folder:
        master = folder / "master"
        await asyncio.to_thread(copy_source, path, master, sha256=sha256, bytes_max=bytes_max)
        record, files = await _package(workshop, master, path, album, teller)
        teller.enter(Stage.PUBLISHING)
        is_new = await _publish(workshop, record, master, files)
        if not is_new:
            record = await workshop.records.track(record.track_id)
    teller.finish()
    logger.info("master ingested", extra={"track_id": record.track_id, "is_new": is_new})
    return _result_of(record, is_new=is_new)


async def _restore_master(workshop: Workshop, record: TrackRecord, path: Path) -> None:
    """Put the master of a track that is there once more if the store has lost it.

    Its renditions follow from it when they are asked for.
    """
    facts = record.master
    key = key_of_master(record.track_id, facts)
    with contextlib.suppress(ObjectDamagedError):
        if await workshop.store.head(key) is not None:
            return
    async with open_job_folder(workshop.scratch) as folder:
        master = folder / "master"
        await asyncio.to_thread(
            copy_source, path, master, sha256=facts.sha256, bytes_max=workshop.master_bytes_max
        )
        await Publication(workshop.store).put(NewObject(key, master, facts.sha256))
    logger.warning("a lost master was put again", extra={"track_id": record.track_id})


async def _package(
    workshop: Workshop, master: Path, path: Path, album: str | None, teller: ProgressTeller
) -> tuple[TrackRecord, Sequence[PackagedFile]]:
    """The record of a track that is not published yet, and its files."""
    facts = await workshop.packager.inspect(master, on_progress=teller.enter(Stage.INSPECTING))
    track_id = track_id_of(facts.sha256)
    tags = make_tags(await _tag_values(workshop, master), file_stem=path.stem)
    if album is not None and clean_text(album):
        # One album for all that is named together, also where the artists of its tracks differ.
        tags = replace(tags, album=clean_text(album), album_artist=tags.album_artist or "")
    keys = await workshop.content_keys.keys_of_track(track_id)
    inputs = VersionInputs(
        master_sha256=facts.sha256,
        context_before="",
        context_after="",
        metadata_sha256="",
        identity=workshop.packager.identity,
        kids={key_class: key.kid for key_class, key in keys.by_class.items()},
        ladder=plan_ladder(scheme=Protection.CBCS, master_rate_hz=facts.sample_rate_hz),
    )
    version = version_of(inputs)
    files = await package_renditions(
        workshop.packager,
        PackagingTask(master, facts, version, keys, master.parent),
        tuple(PROFILES),
        on_progress=teller.enter(Stage.PACKAGING),
    )
    now_s = int(workshop.clock())
    version_record = VersionRecord(
        version=version,
        identity=inputs.identity,
        key_version=keys.key_version,
        scheme=Protection.CBCS,
        kids={key_class: str(kid) for key_class, kid in inputs.kids.items()},
        metadata_sha256=inputs.metadata_sha256,
        context_before=inputs.context_before,
        context_after=inputs.context_after,
        ladder=tuple(PROFILES),
        created_s=now_s,
        superseded_s=None,
        renditions=tuple(file.facts for file in files),
    )
    return _track_of(track_id, facts, tags, path, version_record), files


async def _tag_values(workshop: Workshop, master: Path) -> Mapping[str, Sequence[str]]:
    """What the master says about itself; nothing if that would take too much time or memory."""
    try:
        return await workshop.packager.read_tags(master)
    except (WorkerDiedError, WorkerTimeoutError) as error:
        logger.warning("tags cannot be read", extra={"reason": error.reason})
        return {}


def _track_of(
    track_id: str, facts: MasterFacts, tags: Tags, path: Path, version: VersionRecord
) -> TrackRecord:
    return TrackRecord(
        track_id=track_id,
        master=facts,
        loudness=Loudness(SILENCE_LUFS, 0.0, SILENCE_DBTP, ()),
        stereo_loudness=None,
        head=_NO_EDGE,
        tail=_NO_EDGE,
        file_name=clean_text(path.name),
        tags=tags,
        cover=None,
        label="",
        album_id=_album_id_of(tags),
        created_s=version.created_s,
        current_version=version.version,
        versions=(version,),
        takedown=None,
    )


def _album_id_of(tags: Tags) -> str | None:
    if tags.album is None:
        return None
    return album_id_of(artist=_album_artist_of(tags), title=tags.album)


def _album_artist_of(tags: Tags) -> str:
    if tags.album_artist is not None:
        return tags.album_artist
    return tags.artists[0] if tags.artists else ""


async def _publish(
    workshop: Workshop, record: TrackRecord, master: Path, files: Sequence[PackagedFile]
) -> bool:
    """Make a track visible; if that fails, the store is as it was. Tells whether it is new."""
    publication = Publication(workshop.store)
    try:
        for new in _objects_of(record, master, files):
            await publication.put(new)
        await _join_album(workshop, record)
        is_new = await workshop.records.add_track(record)
    except BaseException:
        await _take_back(workshop, record, publication)
        raise
    # Another ingest of the same bytes may have failed meanwhile, and taken back what we reused.
    await publication.confirm()
    await _join_album(workshop, record)
    return is_new


def _objects_of(
    record: TrackRecord, master: Path, files: Sequence[PackagedFile]
) -> list[NewObject]:
    master_sha256 = record.master.sha256
    objects = [NewObject(key_of_master(record.track_id, record.master), master, master_sha256)]
    for file in files:
        facts = file.facts
        index = encode_seek_index(facts)
        for extension, source, sha256 in (
            (facts.container.value, file.path, facts.sha256),
            ("json", index, hashlib.sha256(index).hexdigest()),
        ):
            key = rendition_key(
                record.track_id,
                version=record.current_version,
                rendition=facts.name,
                extension=extension,
            )
            objects.append(NewObject(key, source, sha256))
    return objects


async def _join_album(workshop: Workshop, record: TrackRecord) -> None:
    if record.album_id is None:
        return
    tags = record.tags
    blank = AlbumRecord(record.album_id, tags.album or "", _album_artist_of(tags), ())
    await workshop.records.change_album(
        record.album_id, lambda old: (old or blank).with_entry(entry_of(record))
    )


async def _take_back(workshop: Workshop, record: TrackRecord, publication: Publication) -> None:
    """Undo a failed publication as far as the store lets us; its failure is told already."""
    records = workshop.records

    async def is_visible() -> bool:
        return await records.is_track(record.track_id)

    try:
        await publication.take_back(is_visible)
        album_id = record.album_id
        if album_id is None or await is_visible() or await records.find_album(album_id) is None:
            return
        await records.change_album(album_id, lambda old: _left(old, record))
        if await is_visible():
            await _join_album(workshop, record)
    except OriginError as error:
        # Nobody sees what stays behind, and the next ingest of these bytes reuses it.
        logger.warning("a failed ingest left objects behind", extra={"reason": error.reason})


def _left(album: AlbumRecord | None, record: TrackRecord) -> AlbumRecord:
    """The album without a track that was not published; one without tracks is shown to nobody."""
    assert record.album_id is not None
    found = album or AlbumRecord(record.album_id, record.tags.album or "", "", ())
    return found.without_track(record.track_id)


def _result_of(record: TrackRecord, *, is_new: bool) -> IngestResult:
    return IngestResult(
        track_id=record.track_id,
        version=record.current_version,
        title=record.tags.title,
        samples=record.master.samples,
        sample_rate_hz=record.master.sample_rate_hz,
        pcm_sha256=record.master.pcm_sha256,
        renditions=tuple(facts.name for facts in record.current.renditions),
        is_new=is_new,
    )
