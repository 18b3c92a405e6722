"""The ingest API behind its routes: what one origin does with uploads. Opened by `open_intake`."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from aiohttp import StreamReader
from prometheus_client import CollectorRegistry

from config.tasks import open_tasks
from origin.claims import Claims
from origin.errors import OriginError
from origin.intake.admission import Admission, AdmissionLimits
from origin.intake.announcing import Announcer
from origin.intake.appending import Appender
from origin.intake.content import Contents, Pace, read_content
from origin.intake.creation import Creation, NewUpload
from origin.intake.duplicates import Duplicates
from origin.intake.errors import (
    OffsetConflictError,
    UploadFieldError,
    UploadGoneError,
    UploadMissingError,
    UploadTooLargeError,
)
from origin.intake.event_log import EventLog
from origin.intake.event_stream import EventStreams, StreamLimits
from origin.intake.labels import Label, Labels
from origin.intake.ledger_store import LedgerStore
from origin.intake.metrics import IntakeMetrics
from origin.intake.part_store import PartStore
from origin.intake.ports import Ingest
from origin.intake.processing import Means, Processor
from origin.intake.removal import Removal, UploadObjects
from origin.intake.settings import UploadSettings
from origin.intake.tus_fields import Checksum
from origin.intake.upload import LENGTH_MAX, State, Upload
from origin.intake.upload_document import received_bytes
from origin.intake.upload_store import StoredUpload, UploadStore
from origin.ports import ObjectStore

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class IntakeMeans:
    """What the ingest API works with.

    Attributes:
        store: where uploads are.
        claims: in the same store.
        ingest: makes tracks.
        labels: who may upload.
        scratch: folder of this process for work files.
        master_bytes_max: largest master that is taken.
        registry: for its metrics.
        clock: seconds since the epoch.
        monotonic: seconds since any moment.
    """

    store: ObjectStore
    claims: Claims
    ingest: Ingest
    labels: Labels
    scratch: Path
    master_bytes_max: int
    registry: CollectorRegistry
    clock: Callable[[], float]
    monotonic: Callable[[], float]


class Intake:
    """Uploads on one store, as one process serves and processes them."""

    def __init__(self, means: IntakeMeans, settings: UploadSettings) -> None:
        store, clock, monotonic = means.store, means.clock, means.monotonic
        figures = IntakeMetrics(means.registry)
        self._figures = figures
        self._clock = clock
        self._settings = settings
        self.labels: Final = means.labels
        self.length_max: Final = min(means.master_bytes_max, LENGTH_MAX)
        self.uploads: Final = UploadStore(store)
        self._parts = PartStore(store)
        events = EventLog(store)
        self._announcer = Announcer(self.uploads, events, figures, clock=clock)
        self._ledgers = LedgerStore(store, self.uploads, clock=clock)
        self._creation = Creation(
            self.uploads, self._ledgers, expiry_s=settings.expiry_s, clock=clock
        )
        self._admission = Admission(
            AdmissionLimits(
                settings.requests_max,
                settings.label_requests_max,
                settings.operator_requests_kept,
            ),
            on_change=figures.show_requests,
        )
        self._contents = Contents()
        self._pace = Pace(settings.idle_s, settings.rate_min_bps, monotonic)
        self.streams: Final = EventStreams(
            events,
            StreamLimits(settings.streams_max, settings.label_streams_max, settings.poll_s),
            monotonic=monotonic,
            on_change=figures.show_streams,
        )
        self.removal: Final = Removal(
            UploadObjects(self.uploads, self._parts, self._ledgers, events),
            means.claims,
            kept_s=settings.kept_s,
            clock=clock,
        )
        self.processor: Final = Processor(
            Means(
                uploads=self.uploads,
                parts=self._parts,
                announcer=self._announcer,
                duplicates=Duplicates(store, monotonic=monotonic),
                claims=means.claims,
                ingest=means.ingest,
                figures=figures,
                scratch=means.scratch,
                kept_s=settings.kept_s,
                clock=clock,
                monotonic=monotonic,
            )
        )

    async def create(
        self, label: Label, length: int, metadata: Mapping[str, str], key: str | None
    ) -> tuple[StoredUpload, bool]:
        """Create an upload; see `Creation.create`.

        Raises:
            IntakePausedError: there is no room to process it.
            UploadFieldError: it would have no bytes.
        """
        self.processor.check_paused(length)
        if not length:
            raise UploadFieldError("Upload-Length", "an empty file is no master")
        if length > self.length_max:
            raise UploadTooLargeError(length, size_max=self.length_max)
        return await self._creation.create(label, NewUpload(length, metadata, key))

    async def find(self, label: Label, upload_id: str) -> StoredUpload:
        """An upload of a label.

        Raises:
            UploadMissingError: it has none of this name.
            UploadGoneError: it has expired.
        """
        stored = await self.uploads.find(label.name, upload_id)
        if stored is None:
            raise UploadMissingError
        if stored.upload.state is State.GONE:
            raise UploadGoneError
        if stored.upload.state is State.RECEIVING and self._has_expired(stored.upload):
            raise UploadGoneError
        return stored

    async def append(
        self,
        label: Label,
        upload_id: str,
        content: StreamReader,
        *,
        offset: int,
        content_length: int | None,
        checksum: Checksum | None,
    ) -> StoredUpload:
        """Append the content of a request; see `Appender.append`.

        Args:
            label: whose upload.
            upload_id: which.
            content: as it comes.
            offset: where it begins.
            content_length: its length, if that is told.
            checksum: of it, if that is told.

        Raises:
            OffsetConflictError: the upload does not end there.
            IntakeBusyError: as many requests append as may.
        """
        appending = self._admission.appending(label.name, upload_id)
        with appending, self._contents.reading(content):
            stored = await self.find(label, upload_id)
            upload = stored.upload
            there = received_bytes(upload)
            if offset != there:
                raise OffsetConflictError(offset, offset=there)
            if there + (content_length or 0) > upload.length:
                raise UploadTooLargeError(there + (content_length or 0), size_max=upload.length)
            if upload.state is not State.RECEIVING:
                return stored
            stored = await self._append(stored, content, checksum)
        if stored.upload.state is not State.RECEIVING:
            await self._received(stored)
        return stored

    def stop(self) -> None:
        """Let no request go on: what came of contents is stored, and followers are let go."""
        self._contents.stop()
        self.streams.close()

    async def work(self) -> None:
        """Process uploads and remove what has expired, until cancelled."""
        async with open_tasks() as tasks:
            for _ in range(self._settings.jobs):
                tasks.start(self.processor.work(self._settings.poll_s))
            await self._sweep_often()

    async def _append(
        self, stored: StoredUpload, content: StreamReader, checksum: Checksum | None
    ) -> StoredUpload:
        appender = Appender(
            self.uploads,
            self._parts,
            stored,
            checksum=checksum,
            renew=lambda upload: replace(upload, expires_s=self._expires_s()),
        )
        try:
            return await appender.append(read_content(content, self._pace))
        finally:
            stored_bytes = appender.stored.upload.offset - stored.upload.offset
            self._figures.record_content(max(0, stored_bytes))

    async def _received(self, stored: StoredUpload) -> None:
        """An upload is complete. If this is cut short, its processing tells it."""
        await self._announcer.tell_once(stored)
        await self._ledgers.close(stored.upload.label, stored.upload.upload_id)
        self.processor.wake(stored.upload.upload_id)

    async def _sweep_often(self) -> None:
        while True:
            try:
                await self.removal.sweep()
            except OriginError as error:
                logger.warning("uploads cannot be swept", extra={"reason": error.reason})
            await asyncio.sleep(self._settings.sweep_s)

    def _expires_s(self) -> int:
        return int(self._clock()) + self._settings.expiry_s

    def _has_expired(self, upload: Upload) -> bool:
        return upload.expires_s <= self._clock()


@contextlib.asynccontextmanager
async def open_intake(means: IntakeMeans, settings: UploadSettings) -> AsyncIterator[Intake]:
    """Take uploads and process them until the block is left."""
    intake = Intake(means, settings)
    async with open_tasks() as tasks:
        tasks.start(intake.work())
        yield intake
