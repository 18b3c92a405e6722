"""Takes a track out of the library as a clear, tagged file, for its owner.

Nothing is encoded again: the packets are those that listeners get.
"""

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from drm.ports import TrackKeys
from origin.demand import Demand, Target
from origin.errors import NotFoundError, ObjectMissingError
from origin.object_key import cover_key
from origin.packaging_plan import embedded_gain
from origin.records import TrackRecord, VersionRecord
from origin.tags import tag_values
from origin.workshop import Workshop
from packager.clear_rendition import open_clear
from packager.loudness import album_loudness
from packager.priority import Priority
from packager.renditions import profile_of
from packager.seek_index import RenditionFacts
from packager.tag_writer import FileMetadata
from packager.tagged_file import SUFFIXES, write_tagged_file

_COVER_BYTES_MAX: Final = 8 << 20

# What a file name should not hold on any system, or would hide a file.
_UNFIT: Final = str.maketrans(dict.fromkeys('/\\:*?"<>|', "_"))
_NAME_LENGTH_MAX: Final = 120
# File systems count bytes, 255 as a rule; an id and an ending come behind.
_NAME_BYTES_MAX: Final = 200


async def export_track(
    workshop: Workshop,
    demand: Demand,
    track_id: str,
    rendition: str,
    folder: Path,
    *,
    on_progress: Callable[[float], None] = lambda _: None,
) -> Path:
    """Write a rendition of a track's current version into `folder`, packaging it if need be.

    Returns:
        The file, named after the track. Where there is a file of that name, which may be somebody's
        master, it is left alone and the name has the track's id too.

    Raises:
        NotFoundError: there is no such track or rendition.
        OriginError, PackagerError, DrmError: it cannot be had.
        FormatError: what the store holds is not what the record says.
        OSError: the file cannot be written.
    """
    record = await workshop.records.track(track_id)
    version = record.current
    if rendition not in version.ladder:
        there = ", ".join(version.ladder)
        raise NotFoundError(f"track {track_id} has no {rendition[:40]!r}; it has {there}")
    target = Target(track_id, version.version, rendition)
    facts = await demand.ensure(target, priority=Priority.OPERATOR, on_progress=on_progress)
    metadata = await _metadata_of(workshop, record)
    keys = await workshop.content_keys.keys_of_track(track_id)
    stem, suffix = _stem_of(record), SUFFIXES[facts.codec]
    names = (f"{stem}{suffix}", f"{stem} ({track_id}){suffix}")
    async with workshop.store.open_local(target.file_key) as packaged:
        key = _key_of(keys, version, facts)
        return await asyncio.to_thread(_write, folder, names, packaged, facts, key, metadata)


def _write(
    folder: Path,
    names: tuple[str, str],
    packaged: Path,
    facts: RenditionFacts,
    key: bytes,
    metadata: FileMetadata,
) -> Path:
    """Write a file whole or not at all; see `export_track` for its name."""
    with tempfile.TemporaryDirectory(dir=folder, prefix=".attacca-") as partials:
        partial = Path(partials) / "partial"
        with open_clear(packaged, facts, key) as clear:
            write_tagged_file(partial, clear, metadata)
        return partial.replace(_free_path(folder, *names))


def _free_path(folder: Path, name: str, name_with_id: str) -> Path:
    """Where to put a file: under its name, taken at once, or under the one that only ours has."""
    path = folder / name
    try:
        path.touch(exist_ok=False)
    except FileExistsError:
        return folder / name_with_id
    return path


def _key_of(keys: TrackKeys, version: VersionRecord, facts: RenditionFacts) -> bytes:
    found = keys.by_class[profile_of(facts.name, version.scheme).key_class]
    if str(found.kid) != facts.kid:
        raise NotFoundError(f"the key of {facts.name} is none of the track's present ones")
    return found.key


async def _metadata_of(workshop: Workshop, record: TrackRecord) -> FileMetadata:
    album = None
    if record.album_id is not None:
        album = await workshop.records.find_album(record.album_id)
    return FileMetadata(
        tags=tag_values(record.tags),
        cover=await _cover_of(workshop, record),
        track=embedded_gain(record),
        album=album_loudness([entry.loudness for entry in album.entries]) if album else None,
    )


async def _cover_of(workshop: Workshop, record: TrackRecord) -> bytes | None:
    """The largest picture that there is."""
    if record.cover is None or not record.cover.sizes:
        return None
    largest = max(record.cover.sizes, key=lambda one: one.size)
    key = cover_key(record.cover.digest, size=largest.size, extension=largest.extension)
    try:
        return (await workshop.store.read(key, size_max=_COVER_BYTES_MAX)).content
    except ObjectMissingError:
        return None


def _stem_of(record: TrackRecord) -> str:
    """`03 Title`, or the title alone; fit to be a file's name."""
    tags = record.tags
    number = "" if tags.track is None else f"{tags.track:02d} "
    fit = (number + tags.title).translate(_UNFIT).strip(" .")[:_NAME_LENGTH_MAX]
    cut = fit.encode()[:_NAME_BYTES_MAX].decode(errors="ignore")
    return cut.rstrip(" .") or record.track_id
