"""Makes renditions of a track again, under the version that its record names.

What comes out is compared with the recorded SHA-256 before a byte of it is published.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from drm.ports import TrackKeys
from origin.errors import (
    NotFoundError,
    ObjectDamagedError,
    RebuildMismatchError,
    VersionGoneError,
)
from origin.object_key import rendition_key
from origin.ports import ObjectStore
from origin.records import TrackRecord, VersionRecord
from origin.work_folder import open_job_folder
from origin.workshop import PackagedFile, PackagingTask, Workshop, package_renditions
from packager.identity import identity_to_json
from packager.renditions import PROFILES
from packager.seek_index import RenditionFacts, encode_seek_index

_DIFFERENCES_SHOWN: Final = 5


async def rebuild_renditions(
    workshop: Workshop,
    record: TrackRecord,
    rendition: str | None = None,
    *,
    on_progress: Callable[[float], None] = lambda _: None,
) -> list[RenditionFacts]:
    """Make what is missing of a track's current version, or one rendition in any case.

    Returns:
        What was made and published.

    Raises:
        NotFoundError: the version has no such rendition.
        VersionGoneError: the version was made by other encoders, or under other keys.
        RebuildMismatchError: other bytes came out; nothing was published.
        PackagerError: a worker failed.
        StoreError: the store failed.
    """
    version = record.current
    wanted = await _wanted(workshop.store, record, rendition)
    if not wanted:
        return []
    keys = await workshop.content_keys.keys_of_track(record.track_id)
    differences = list(_differences(workshop, version, keys))
    if differences:
        shown = ", ".join(differences[:_DIFFERENCES_SHOWN])
        raise VersionGoneError(version.version, differences=shown)
    async with open_job_folder(workshop.scratch) as folder:
        async with workshop.store.open_local(record.master_key) as master:
            task = PackagingTask(master, record.master, version.version, keys, folder)
            names = [facts.name for facts in wanted]
            files = await package_renditions(
                workshop.packager, task, names, on_progress=on_progress
            )
        _compare(record, wanted, files)
        for facts, file in zip(wanted, files, strict=True):
            await _publish(workshop.store, record, facts, file.path)
    return wanted


async def _wanted(
    store: ObjectStore, record: TrackRecord, rendition: str | None
) -> list[RenditionFacts]:
    if rendition is None:
        return [
            facts
            for facts in record.current.renditions
            if not await _is_published(store, record, facts)
        ]
    facts = record.current.rendition(rendition)
    if facts is None:
        names = ", ".join(one.name for one in record.current.renditions)
        raise NotFoundError(f"track {record.track_id} has no {rendition!r}; it has {names}")
    return [facts]


async def _is_published(store: ObjectStore, record: TrackRecord, facts: RenditionFacts) -> bool:
    index_sha256 = hashlib.sha256(encode_seek_index(facts)).hexdigest()
    for extension, sha256 in ((facts.container.value, facts.sha256), ("json", index_sha256)):
        try:
            head = await store.head(_key_of(record, facts, extension))
        except ObjectDamagedError:
            return False
        if head is None or head.sha256 != sha256:
            return False
    return True


def _differences(workshop: Workshop, version: VersionRecord, keys: TrackKeys) -> Iterator[str]:
    """What keeps this machine from making a version, in words."""
    recorded = identity_to_json(version.identity)
    ours = identity_to_json(workshop.packager.identity)
    yield from _differences_of(recorded, ours, "")
    kids = {str(key.kid) for key in keys.by_class.values()}
    if {facts.kid for facts in version.renditions} - kids:
        yield "its content keys are not the track's present ones"
    unknown = [facts.name for facts in version.renditions if facts.name not in PROFILES]
    if unknown:
        yield f"this release does not know {', '.join(unknown)}"


def _differences_of(
    recorded: Mapping[str, object], ours: Mapping[str, object], path: str
) -> Iterator[str]:
    for name in sorted(recorded.keys() | ours.keys()):
        then, now = recorded.get(name), ours.get(name)
        if isinstance(then, dict) and isinstance(now, dict):
            yield from _differences_of(then, now, f"{path}{name}.")
        elif then != now:
            yield f"{path}{name} was {str(then)[:80]}, is {str(now)[:80]}"


def _compare(
    record: TrackRecord, wanted: list[RenditionFacts], files: tuple[PackagedFile, ...]
) -> None:
    for facts, file in zip(wanted, files, strict=True):
        if file.facts.sha256 != facts.sha256:
            key = _key_of(record, facts, facts.container.value)
            raise RebuildMismatchError(key, recorded=facts.sha256, built=file.facts.sha256)


async def _publish(
    store: ObjectStore, record: TrackRecord, facts: RenditionFacts, file: Path
) -> None:
    # Over whatever is there: by now it is known that these bytes are the right ones.
    await store.put(_key_of(record, facts, facts.container.value), file, sha256=facts.sha256)
    await store.put(_key_of(record, facts, "json"), encode_seek_index(facts))


def _key_of(record: TrackRecord, facts: RenditionFacts, extension: str) -> str:
    return rendition_key(
        record.track_id,
        version=record.current_version,
        rendition=facts.name,
        extension=extension,
    )
