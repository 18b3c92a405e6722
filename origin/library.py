"""The library: what the commands and the service do with tracks, apart from serving them."""

import contextlib
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from pathlib import Path

from origin import metrics
from origin.demand import Demand, targets_of
from origin.errors import NotFoundError
from origin.export import export_track
from origin.ingest import (
    IngestOrder,
    IngestOutcome,
    IngestResult,
    Ingests,
    OnManyProgress,
)
from origin.progress import OnIngestProgress
from origin.record_store import TrackPage
from origin.rendition_job import find_published
from origin.upkeep import Upkeep
from origin.workshop import Workshop
from packager.errors import WorkerStartError
from packager.priority import Priority
from packager.seek_index import RenditionFacts


class Library:
    """Tracks in an object store, and the workers that make them. Made by `open_library`.

    Several libraries, in several processes, may work on one store.

    Attributes:
        upkeep: changes tracks that are there.
    """

    def __init__(
        self, workshop: Workshop, demand: Demand, upkeep: Upkeep, figures: metrics.OriginMetrics
    ) -> None:
        self.upkeep = upkeep
        self._workshop = workshop
        self._demand = demand
        self._figures = figures
        self._ingests = Ingests(workshop, demand)
        self._inspection_problem = ""

    @property
    def packager_problem(self) -> str:
        """Why the last job could not even start a worker; empty if it could."""
        return self._demand.packager_problem or self._inspection_problem

    async def ingest(
        self,
        path: Path,
        *,
        album: str | None = None,
        label: str = "",
        overrides: Mapping[str, Sequence[str]] | None = None,
        renditions: Sequence[str] | None = None,
        on_progress: OnIngestProgress | None = None,
    ) -> IngestResult:
        """Take the master `path` in; see `origin.preparation.IngestOrder` and `Ingests.ingest`."""
        order = IngestOrder(
            path=path,
            album=album,
            label=label,
            overrides=overrides or {},
            renditions=None if renditions is None else tuple(renditions),
        )
        with self._figures.counting_job("ingest"), self._watching_packager():
            return await self._ingests.ingest(order, on_progress=on_progress)

    def ingest_all(
        self, orders: Sequence[IngestOrder], *, on_progress: OnManyProgress | None = None
    ) -> AsyncGenerator[IngestOutcome, None]:
        """Take several masters in; see `origin.ingest.Ingests.ingest_all`.

        Tracks of one album that come in its order are encoded with what stands next to them.
        """
        return self._counted(self._ingests.ingest_all(orders, on_progress=on_progress))

    async def package(
        self,
        track_id: str,
        rendition: str | None = None,
        *,
        on_progress: Callable[[float], None] = lambda _: None,
    ) -> list[RenditionFacts]:
        """Make what is missing of a track's current version, or one rendition in any case.

        Returns:
            What was made.

        Raises:
            NotFoundError: there is no such track, or it has no such rendition.
            OriginError, PackagerError, DrmError: as `Demand.ensure_all`.
        """
        record = await self._workshop.records.track(track_id)
        version = record.current
        names = version.ladder if rendition is None else (rendition,)
        unknown = [name for name in names if name not in version.ladder]
        if unknown:
            there = ", ".join(version.ladder)
            raise NotFoundError(f"track {track_id} has no {unknown[0][:40]!r}; it has {there}")
        targets = list(targets_of(track_id, version.version, names))
        if rendition is None:
            targets = [one for one in targets if await find_published(self._workshop, one) is None]
        return await self._demand.ensure_all(
            targets,
            priority=Priority.OPERATOR,
            is_forced=rendition is not None,
            on_progress=on_progress,
        )

    async def export(
        self,
        track_id: str,
        rendition: str,
        folder: Path,
        *,
        on_progress: Callable[[float], None] = lambda _: None,
    ) -> Path:
        """Write a clear, tagged file of a track; see `origin.export.export_track`."""
        return await export_track(
            self._workshop, self._demand, track_id, rendition, folder, on_progress=on_progress
        )

    async def tracks(self, *, after: str = "", limit: int = 100) -> TrackPage:
        """Some of the tracks, in the order of their ids; damaged ones are counted and left out.

        Raises:
            StoreError: the store cannot be read.
        """
        page = await self._workshop.records.list_tracks(after=after, limit=limit)
        for failure in page.failures:
            self._figures.record_failure(failure)
        return page

    async def label_of(self, track_id: str) -> str | None:
        """Whose a track is; None if there is no such track.

        Raises:
            StoreError: its record cannot be read.
        """
        try:
            return (await self._workshop.records.track(track_id)).label
        except NotFoundError:
            return None

    async def has_tracks(self) -> bool:
        """Whether there is any track.

        Raises:
            StoreError: the store cannot be read.
        """
        return await self._workshop.records.has_tracks()

    async def _counted(
        self, outcomes: AsyncGenerator[IngestOutcome, None]
    ) -> AsyncGenerator[IngestOutcome, None]:
        async with contextlib.aclosing(outcomes):
            async for outcome in outcomes:
                self._figures.record_job("ingest", outcome.failure)
                is_start = isinstance(outcome.failure, WorkerStartError)
                self._inspection_problem = str(outcome.failure) if is_start else ""
                yield outcome

    @contextlib.contextmanager
    def _watching_packager(self) -> Iterator[None]:
        try:
            yield
        except WorkerStartError as error:
            self._inspection_problem = str(error)
            raise
        self._inspection_problem = ""
