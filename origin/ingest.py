"""Takes masters in: prepared, published, and packaged.

A track is visible, and can be played, once its record is there; its renditions are packaged after
that, by the same jobs as for a listener who is faster. An ingest that was killed is completed by
the next one of the same bytes: it reuses what is there and packages what is missing.

An album's tracks are encoded with what stands next to them, so of several masters one is prepared
ahead of the one that is published.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from drm.errors import DrmError
from origin.demand import Demand, targets_of
from origin.errors import OriginError
from origin.neighborhood import blank_album, find_neighbors
from origin.object_key import context_key
from origin.packaging_plan import Means, plan_version
from origin.preparation import IngestOrder, Prepared, prepare
from origin.progress import IngestProgress, OnIngestProgress, ProgressTeller, Stage
from origin.publication import Publication
from origin.rebuild_errors import VersionGoneError
from origin.records import TrackRecord, entry_of
from origin.work_folder import open_job_folder
from origin.workshop import Workshop
from packager.errors import PackagerError
from packager.priority import Priority

__all__ = [
    "IngestOrder",
    "IngestOutcome",
    "IngestProgress",
    "IngestResult",
    "Ingests",
]

logger = logging.getLogger(__name__)

IngestFailure = OriginError | PackagerError | DrmError


@dataclass(frozen=True, slots=True)
class IngestResult:
    """What became of a master.

    Attributes:
        renditions: those that are packaged.
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


@dataclass(frozen=True, slots=True)
class IngestOutcome:
    """How the ingest of one of several masters ended: with a result or with a failure."""

    order: IngestOrder
    result: IngestResult | None
    failure: IngestFailure | None


OnManyProgress = Callable[[Path, IngestProgress], None]


class _Item:
    """A master on its way through."""

    def __init__(self, order: IngestOrder, on_progress: OnIngestProgress | None) -> None:
        self.order = order
        self.teller = ProgressTeller(on_progress)
        self.stack = contextlib.AsyncExitStack()
        self.prepared: Prepared | None = None
        self.record: TrackRecord | None = None
        self.is_new = False
        self.failure: IngestFailure | None = None

    @contextlib.contextmanager
    def noting_failure(self) -> Iterator[None]:
        """Note what refuses this master: it does not stop the others."""
        try:
            yield
        except (OriginError, PackagerError, DrmError) as error:
            self.failure = error


class Ingests:
    """Takes masters in, one or several.

    Args:
        workshop: what to work with.
        demand: packages.
    """

    def __init__(self, workshop: Workshop, demand: Demand) -> None:
        self._workshop = workshop
        self._records = workshop.records
        self._demand = demand

    async def ingest(
        self, order: IngestOrder, *, on_progress: OnIngestProgress | None = None
    ) -> IngestResult:
        """Take one master in. If packaging fails, the track is visible all the same.

        Raises:
            SourceError: the file cannot be read, or changes meanwhile.
            TakenDownError: the same bytes were taken down.
            PackagerError: it is no sound master, or a worker failed.
            StoreError: the store failed.
            DrmError: its content keys cannot be had.
        """
        item = _Item(order, on_progress)
        async with item.stack:
            await self._prepare(item)
            await self._publish(item, None)
            await self._package(item)
        if item.failure is not None:
            raise item.failure
        return await self._result_of(item)

    async def ingest_all(
        self, orders: Sequence[IngestOrder], *, on_progress: OnManyProgress | None = None
    ) -> AsyncGenerator[IngestOutcome, None]:
        """Take several masters in, in their order; one that is refused does not stop the others.

        While one is packaged the next but one is prepared. Leave it by `contextlib.aclosing`.
        """
        published: _Item | None = None
        prepared: _Item | None = None
        async with contextlib.AsyncExitStack() as stack:
            for order in (*orders, None, None):
                upcoming = None if order is None else _item_of(order, on_progress)
                if upcoming is not None:
                    stack.push_async_exit(upcoming.stack)
                async with asyncio.TaskGroup() as group:
                    if upcoming is not None:
                        group.create_task(self._prepare(upcoming))
                    if published is not None:
                        group.create_task(self._package(published))
                if published is not None:
                    yield await self._finish(published)
                if prepared is not None:
                    await self._publish(prepared, upcoming)
                published, prepared = prepared, upcoming

    async def _prepare(self, item: _Item) -> None:
        with item.noting_failure():
            folder = await item.stack.enter_async_context(open_job_folder(self._workshop.scratch))
            item.prepared = await prepare(self._workshop, item.order, folder, item.teller)

    async def _publish(self, item: _Item, ahead: _Item | None) -> None:
        """Make a track visible, once all is there that packaging it takes."""
        prepared = item.prepared
        if prepared is None:
            return
        with item.noting_failure():
            item.teller.enter(Stage.PUBLISHING)
            publication = Publication(self._workshop.store, clock=self._workshop.clock)
            for new in prepared.objects:
                await publication.put(new)
            record = prepared.record
            if not prepared.is_there:
                record = await self._plan(
                    record, None if ahead is None else ahead.prepared, publication
                )
                item.is_new = await self._records.add_track(record)
                if item.is_new:
                    item.teller.note_new()
            await publication.confirm()
            item.record = record if item.is_new else await self._records.track(record.track_id)
            await self._join_album(item.record)
            logger.info(
                "master ingested", extra={"track_id": record.track_id, "is_new": item.is_new}
            )

    async def _package(self, item: _Item) -> None:
        record, prepared = item.record, item.prepared
        if record is None or prepared is None or item.failure is not None:
            return
        tell = item.teller.enter(Stage.PACKAGING)
        version = record.current
        wanted = item.order.renditions
        names = [one for one in version.ladder if wanted is None or one in wanted]
        with item.noting_failure(), contextlib.ExitStack() as stack:
            if prepared.master is not None:
                lending = self._demand.masters.lending(record.master_key, prepared.master)
                stack.enter_context(lending)
            try:
                await self._demand.ensure_all(
                    list(targets_of(record.track_id, version.version, names)),
                    priority=Priority.INGEST,
                    on_progress=tell,
                )
            except VersionGoneError:
                # The track was there before and plays what it has; `repackage` moves it.
                if item.is_new:
                    raise
            item.teller.finish()

    async def _plan(
        self, draft: TrackRecord, ahead: Prepared | None, publication: Publication
    ) -> TrackRecord:
        """The record of a new track, with a version of which nothing is packaged."""
        workshop = self._workshop
        keys = await workshop.content_keys.keys_of_track(draft.track_id)
        means = Means(workshop.packager.identity, keys, workshop.scheme)
        neighbors = await find_neighbors(
            self._records, draft, ahead=None if ahead is None else ahead.record
        )
        version = plan_version(draft, neighbors, means, now_s=draft.created_s)
        if ahead is not None and version.context_after:
            for new in ahead.objects:
                if new.key == context_key(version.context_after):
                    await publication.put(new)
        return replace(draft, current_version=version.version, versions=(version,))

    async def _join_album(self, record: TrackRecord) -> None:
        if record.album_id is None:
            return
        await self._records.change_album(
            record.album_id, lambda old: (old or blank_album(record)).with_entry(entry_of(record))
        )

    async def _finish(self, item: _Item) -> IngestOutcome:
        await item.stack.aclose()
        result: IngestResult | None = None
        if item.failure is None:
            with item.noting_failure():
                result = await self._result_of(item)
        return IngestOutcome(item.order, result, item.failure)

    async def _result_of(self, item: _Item) -> IngestResult:
        assert item.record is not None, "what did not fail has a record"
        record = await self._records.track(item.record.track_id)
        return IngestResult(
            track_id=record.track_id,
            version=record.current_version,
            title=record.tags.title,
            samples=record.master.samples,
            sample_rate_hz=record.master.sample_rate_hz,
            pcm_sha256=record.master.pcm_sha256,
            renditions=tuple(facts.name for facts in record.current.renditions),
            is_new=item.is_new,
        )


def _item_of(order: IngestOrder, on_progress: OnManyProgress | None) -> _Item:
    if on_progress is None:
        return _Item(order, None)
    tell = on_progress
    return _Item(order, lambda progress: tell(order.path, progress))
