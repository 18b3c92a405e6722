"""Has edges fetch a new track once it is packaged, so that its first listener waits for nobody.

What is lost by a crash, or by an edge that is away, is fetched when somebody asks for it: so
nothing is kept of it, and nothing is tried again.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

from origin.documents import SEEK_INDEX_SUFFIX
from origin.errors import EdgeUnreachableError, OriginError
from origin.ingest import IngestResult
from origin.intake.ports import Ingest
from origin.metrics import OriginMetrics
from origin.progress import OnIngestProgress
from origin.record_store import RecordStore
from origin.records import TrackRecord
from packager.dash import FILE_NAME as DASH_MANIFEST
from packager.hls import HlsFlavor
from packager.presentation import file_name
from packager.renditions import Container

logger = logging.getLogger(__name__)

# Tracks that wait for their turn; beyond them the newest are left to their listeners.
_TRACKS_MAX: Final = 1_000


class WarmableEdge(Protocol):
    """An edge that can be told to fetch."""

    @property
    def name(self) -> str:
        """For logs; holds no secret."""
        ...

    async def warm(self, targets: Sequence[str]) -> None:
        """Have paths fetched; returns when they are, or failed.

        Raises:
            EdgeUnreachableError: it refused, or did not come to an end.
        """
        ...


class ReleaseWarming:
    """New tracks on their way to the edges."""

    def __init__(self, records: RecordStore, *, figures: OriginMetrics) -> None:
        self._records = records
        self._figures = figures
        self._waiting: asyncio.Queue[str] = asyncio.Queue(_TRACKS_MAX)

    def note(self, track_id: str) -> None:
        """A track is new, and packaged."""
        try:
            self._waiting.put_nowait(track_id)
        except asyncio.QueueFull:
            logger.warning("a new track is not warmed", extra={"track_id": track_id})

    async def run(self, edges: Sequence[WarmableEdge]) -> None:
        """Tell the edges, one track after another, until cancelled."""
        while True:
            track_id = await self._waiting.get()
            try:
                record = await self._records.track(track_id)
            except OriginError as error:
                logger.info("a new track is gone", extra={"reason": error.reason})
                continue
            targets = targets_of_release(record)
            async with asyncio.TaskGroup() as group:
                for edge in edges:
                    group.create_task(self._tell(edge, targets))

    async def _tell(self, edge: WarmableEdge, targets: Sequence[str]) -> None:
        try:
            await edge.warm(targets)
        except EdgeUnreachableError as error:
            self._figures.record_failure(error)
            logger.warning("an edge was not warmed", extra={"edge": edge.name})


class NotingIngest:
    """An ingest that notes what is new."""

    def __init__(self, ingest: Ingest, warming: ReleaseWarming) -> None:
        self._ingest = ingest
        self._warming = warming

    async def ingest(
        self,
        path: Path,
        *,
        label: str = "",
        overrides: Mapping[str, Sequence[str]] | None = None,
        on_progress: OnIngestProgress | None = None,
    ) -> IngestResult:
        """See `origin.intake.ports.Ingest`."""
        result = await self._ingest.ingest(
            path, label=label, overrides=overrides, on_progress=on_progress
        )
        if result.is_new:
            self._warming.note(result.track_id)
        return result

    async def label_of(self, track_id: str) -> str | None:
        """See `origin.intake.ports.Ingest`."""
        return await self._ingest.label_of(track_id)


def targets_of_release(record: TrackRecord) -> list[str]:
    """What listeners of a track ask for, of what is packaged: what is small first."""
    folder = f"/v1/audio/{record.track_id}/{record.current_version}/"
    packaged = record.current.renditions
    names = [f"{facts.name}{SEEK_INDEX_SUFFIX}" for facts in packaged]
    is_complete = {facts.name for facts in packaged} >= set(record.current.ladder)
    if is_complete and any(facts.container is Container.MP4 for facts in packaged):
        names += [DASH_MANIFEST, *(flavor.value for flavor in HlsFlavor)]
    names += [file_name(facts) for facts in packaged]
    return [f"/v1/tracks/{record.track_id}", *(folder + name for name in names)]
