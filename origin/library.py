"""The library: what the commands and the service do with tracks, apart from serving them."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from origin import metrics
from origin.ingest import IngestResult, ingest_master
from origin.progress import OnIngestProgress
from origin.rebuild import rebuild_renditions
from origin.record_store import TrackPage
from origin.workshop import Workshop
from packager.errors import WorkerStartError
from packager.seek_index import RenditionFacts


class Library:
    """Tracks in an object store, and the workers that make them. Made by `open_library`.

    Several libraries, in several processes, may work on one store.
    """

    def __init__(self, workshop: Workshop, figures: metrics.OriginMetrics) -> None:
        self._workshop = workshop
        self._figures = figures
        self._packager_problem = ""

    @property
    def packager_problem(self) -> str:
        """Why the last job could not even start a worker; empty if it could."""
        return self._packager_problem

    async def ingest(
        self,
        path: Path,
        *,
        album: str | None = None,
        on_progress: OnIngestProgress | None = None,
    ) -> IngestResult:
        """Take the master `path` in; see `origin.ingest.ingest_master`."""
        with self._figures.counting_job("ingest"), self._watching_packager():
            return await ingest_master(self._workshop, path, album=album, on_progress=on_progress)

    async def package(
        self,
        track_id: str,
        rendition: str | None = None,
        *,
        on_progress: Callable[[float], None] = lambda _: None,
    ) -> list[RenditionFacts]:
        """Make what is missing of a track, or one rendition in any case.

        See `origin.rebuild.rebuild_renditions`.

        Raises:
            NotFoundError: there is no such track, or it has no such rendition.
        """
        with self._figures.counting_job("rebuild"), self._watching_packager():
            record = await self._workshop.records.track(track_id)
            return await rebuild_renditions(
                self._workshop, record, rendition, on_progress=on_progress
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

    async def has_tracks(self) -> bool:
        """Whether there is any track.

        Raises:
            StoreError: the store cannot be read.
        """
        return await self._workshop.records.has_tracks()

    @contextlib.contextmanager
    def _watching_packager(self) -> Iterator[None]:
        try:
            yield
        except WorkerStartError as error:
            self._packager_problem = str(error)
            raise
        self._packager_problem = ""
