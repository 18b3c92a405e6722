"""One rendition of one version: found in the store, or made and published.

The file is published first and its facts go into the track's record afterwards, so what a record
names was there. Nothing is published under a digest that the record does not promise.
"""

import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from origin.errors import NotFoundError, ObjectConflictError, ObjectDamagedError, ObjectMissingError
from origin.local_masters import LocalMasters
from origin.object_key import context_key, rendition_key
from origin.packaging_plan import Ingredients, differences, order_of, with_packaged
from origin.ports import IfAbsent, IfMatch, ObjectHead, ObjectStore, PutCondition
from origin.rebuild_errors import IngredientLostError, RebuildMismatchError, VersionGoneError
from origin.records import TrackRecord, VersionRecord
from origin.version_files import seek_index_of
from origin.work_folder import open_job_folder
from origin.workshop import Workshop
from packager.errors import MasterChangedError
from packager.format_error import FormatError
from packager.priority import Priority
from packager.renditions import PROFILES
from packager.seek_index import JSON_BYTES_MAX, RenditionFacts, decode_seek_index

logger = logging.getLogger(__name__)

_DIFFERENCES_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Target:
    """A rendition of a version of a track."""

    track_id: str
    version: str
    rendition: str

    @property
    def name(self) -> str:
        """Names it among all; the name of its claim too."""
        return f"package/{self.track_id}/{self.version}/{self.rendition}"

    @property
    def index_key(self) -> str:
        """Where its seek index is kept beside it."""
        return self._key("json")

    @property
    def file_key(self) -> str:
        """Where its file is kept. The rendition must be one of the ladder."""
        return self._key(PROFILES[self.rendition].container.value)

    def _key(self, extension: str) -> str:
        return rendition_key(
            self.track_id, version=self.version, rendition=self.rendition, extension=extension
        )


async def find_published(workshop: Workshop, target: Target) -> RenditionFacts | None:
    """The facts of a rendition whose file is in the store as its record promises.

    Raises:
        NotFoundError: there is no such track, version or rendition.
        StoreError: the store cannot be read.
    """
    _, version = await _recorded(workshop, target)
    facts = version.rendition(target.rendition)
    if facts is None:
        return None
    head = await find_file_head(workshop.store, target)
    return facts if head is not None and head.sha256 == facts.sha256 else None


async def find_file_head(store: ObjectStore, target: Target) -> ObjectHead | None:
    """What the store knows of a rendition's file; None if it is missing or cut short.

    Raises:
        StoreError: the store cannot be read.
    """
    try:
        return await store.head(target.file_key)
    except ObjectDamagedError:
        return None


async def make_rendition(
    workshop: Workshop,
    masters: LocalMasters,
    target: Target,
    *,
    priority: Priority,
    on_progress: Callable[[float], None],
) -> RenditionFacts:
    """Package a rendition and publish it; whoever calls this holds the claim on it.

    Raises:
        NotFoundError: there is no such track, version or rendition.
        VersionGoneError: the version was made by other encoders, or under other keys.
        RebuildMismatchError: other bytes came out than the record promises; nothing was published.
        IngredientLostError: the master is lost or damaged.
        PackagerError: a worker failed.
        StoreError: the store failed.
        DrmError: the content keys cannot be had.
    """
    record, version = await _recorded(workshop, target)
    if version.rendition(target.rendition) is None:
        left = await _adopt(workshop, target)
        if left is not None:
            return left
    keys = await workshop.content_keys.keys_of_track(target.track_id)
    identity = workshop.packager.identity
    found = list(differences(record, version, identity, keys, rendition=target.rendition))
    if found:
        raise VersionGoneError(
            version.version,
            current_version=record.current_version,
            differences=", ".join(found[:_DIFFERENCES_SHOWN]),
        )
    async with open_job_folder(workshop.scratch) as folder:
        async with _ingredients(workshop, masters, record, version, folder) as ingredients:
            order = order_of(
                record,
                version,
                target.rendition,
                keys=keys,
                ingredients=ingredients,
                folder=folder,
            )
            try:
                facts = await workshop.packager.package(
                    order, on_progress=on_progress, priority=priority
                )
            except MasterChangedError as error:
                raise IngredientLostError(record.master_key, str(error)) from error
        await _publish(workshop, target, facts, order.output)
    logger.info(
        "rendition packaged",
        extra={
            "track_id": target.track_id,
            "version": target.version,
            "rendition": target.rendition,
            "content_bytes": facts.bytes,
        },
    )
    return facts


async def _recorded(workshop: Workshop, target: Target) -> tuple[TrackRecord, VersionRecord]:
    record = await workshop.records.track(target.track_id)
    version = record.version(target.version)
    if version is None:
        raise NotFoundError(f"track {target.track_id} has no version {target.version[:40]!r}")
    if target.rendition not in version.ladder:
        names = ", ".join(version.ladder)
        raise NotFoundError(
            f"track {target.track_id} has no {target.rendition[:40]!r}; it has {names}"
        )
    return record, version


@contextlib.asynccontextmanager
async def _ingredients(
    workshop: Workshop,
    masters: LocalMasters,
    record: TrackRecord,
    version: VersionRecord,
    folder: Path,
) -> AsyncIterator[Ingredients]:
    """What a version is made from, as local files."""
    async with contextlib.AsyncExitStack() as stack:
        key = record.master_key
        try:
            master = await stack.enter_async_context(masters.opening(key, folder))
            contexts: list[Path | None] = []
            for sha256 in (version.context_before, version.context_after):
                key = context_key(sha256) if sha256 else ""
                opened = workshop.store.open_local(key) if key else contextlib.nullcontext()
                contexts.append(await stack.enter_async_context(opened))
        except (ObjectMissingError, ObjectDamagedError) as error:
            raise IngredientLostError(key, str(error)) from error
        yield Ingredients(master, *contexts)


async def _adopt(workshop: Workshop, target: Target) -> RenditionFacts | None:
    """Take over what was published by somebody who died before its facts were in the record."""
    head = await find_file_head(workshop.store, target)
    if head is None:
        return None
    try:
        stored = await workshop.store.read(target.index_key, size_max=JSON_BYTES_MAX)
        facts = decode_seek_index(stored.content)
    except (ObjectMissingError, ObjectDamagedError, FormatError):
        return None
    if (facts.name, facts.sha256, facts.bytes) != (target.rendition, head.sha256, head.size_bytes):
        return None
    await _note_facts(workshop, target, facts, opus_probe="")  # Nobody is there to say.
    logger.info("a published rendition was adopted", extra={"target": target.name})
    return facts


async def _publish(workshop: Workshop, target: Target, facts: RenditionFacts, file: Path) -> None:
    _, version = await _recorded(workshop, target)
    recorded = version.rendition(target.rendition)
    if recorded is not None:
        _compare(target, recorded, facts)
        # Over whatever is there: by now it is known that these bytes are the right ones.
        await workshop.store.put(target.file_key, file, sha256=facts.sha256)
    else:
        await _put_first(workshop.store, target, facts, file)
    await workshop.store.put(target.index_key, seek_index_of(version, facts))
    if recorded is None:
        probe = workshop.packager.identity.opus_probe
        await _note_facts(workshop, target, facts, opus_probe=probe)


async def _put_first(store: ObjectStore, target: Target, facts: RenditionFacts, file: Path) -> None:
    """Publish a file that no record promises; what is left of somebody who died is replaced."""
    condition: PutCondition | None = IfAbsent()
    while True:
        try:
            await store.put(target.file_key, file, sha256=facts.sha256, condition=condition)
        except ObjectConflictError:
            head = await find_file_head(store, target)
            if head is not None and head.sha256 == facts.sha256:
                return
            condition = None if head is None else IfMatch(head.etag)
        else:
            return


async def _note_facts(
    workshop: Workshop, target: Target, facts: RenditionFacts, *, opus_probe: str
) -> None:
    def change(record: TrackRecord) -> TrackRecord:
        version = record.version(target.version)
        if version is None:
            raise NotFoundError(f"track {target.track_id} has lost version {target.version}")
        recorded = version.rendition(target.rendition)
        if recorded is not None:
            _compare(target, recorded, facts)
            return record
        return record.with_version(with_packaged(version, facts, opus_probe=opus_probe))

    await workshop.records.change_track(target.track_id, change)


def _compare(target: Target, recorded: RenditionFacts, made: RenditionFacts) -> None:
    if made.sha256 != recorded.sha256:
        raise RebuildMismatchError(target.file_key, recorded=recorded.sha256, built=made.sha256)
