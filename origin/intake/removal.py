"""Removes uploads: those that their label terminates, that expired, or that are told long enough.

An upload is gone when its record says so, from then on nobody appends to it; then its parts are
removed. What a killed process leaves behind is found by the next sweep: parts whose upload has no
record belong to nothing, since a record is there before the first part and goes after the last.
"""

import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import Final

from origin.claims import Claims
from origin.errors import ObjectConflictError
from origin.intake.errors import UploadClosedError, UploadLockedError, UploadMissingError
from origin.intake.event_log import EventLog
from origin.intake.ledger_store import LedgerStore
from origin.intake.part_store import PartStore
from origin.intake.upload import PROCESSED, State, Upload, processing_claim
from origin.intake.upload_store import StoredUpload, UploadStore

logger = logging.getLogger(__name__)

_SWEEP_CLAIM: Final = "uploads-sweep"

# Requests that append to what is terminated; each turn one of them succeeds.
_TRIES_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class UploadObjects:
    """All that the store has of uploads.

    Attributes:
        uploads: their records.
        parts: their bytes.
        ledgers: what labels have open.
        events: of labels.
    """

    uploads: UploadStore
    parts: PartStore
    ledgers: LedgerStore
    events: EventLog


class Removal:
    """Removes uploads from an object store.

    Every method raises `StoreError` if the store fails.

    Args:
        objects: what there is of them.
        claims: one process sweeps at a time.
        kept_s: how long it is told that an upload has expired, and how long events are kept.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        objects: UploadObjects,
        claims: Claims,
        *,
        kept_s: int,
        clock: Callable[[], float],
    ) -> None:
        self._uploads = objects.uploads
        self._parts = objects.parts
        self._ledgers = objects.ledgers
        self._events = objects.events
        self._claims = claims
        self._kept_s = kept_s
        self._clock = clock

    async def terminate(self, label: str, upload_id: str) -> None:
        """Remove an upload and what is stored of it; a track that was made of it stays.

        Raises:
            UploadMissingError: there is none.
            UploadClosedError: it is being processed.
            UploadLockedError: others change it all the time.
        """
        for _ in range(_TRIES_MAX):
            stored = await self._uploads.find(label, upload_id)
            if stored is None:
                raise UploadMissingError
            async with self._undisturbed(stored.upload):
                try:
                    await self._make_gone(stored)
                except ObjectConflictError:
                    continue
                await self._uploads.remove(stored.upload)
                return
        raise UploadLockedError

    async def sweep(self) -> int:
        """Remove what has expired; nothing if another process is at it.

        Returns:
            How many uploads are gone.
        """
        claim = await self._claims.take(_SWEEP_CLAIM)
        if claim is None:
            return 0
        async with self._claims.keep(claim):
            left = {folder async for folder in self._parts.folders()}
            count = 0
            async for label, upload_id in self._uploads.all_names():
                stored = await self._uploads.find_readable(label, upload_id)
                if stored is None:
                    # Nobody knows which are the parts of a record that cannot be read.
                    left = {one for one in left if not one.startswith(f"{upload_id}/")}
                    continue
                left.discard(stored.upload.folder)
                count += await self._expire(stored)
            for folder in left:
                await self._parts.clear(folder)
            for segment in await self._events.labels():
                await self._events.expire(segment, before_s=self._clock() - self._kept_s)
        return count

    @contextlib.asynccontextmanager
    async def _undisturbed(self, upload: Upload) -> AsyncIterator[None]:
        """Let nobody process an upload while the block runs.

        Whoever was processing it may have been killed, or have met a defect: then it is free.

        Raises:
            UploadClosedError: somebody is processing it.
        """
        if upload.state not in {State.DECODING, State.PACKAGING}:
            yield
            return
        claim = await self._claims.take(processing_claim(upload.upload_id))
        if claim is None:
            raise UploadClosedError(upload.state)
        async with self._claims.keep(claim):
            yield

    async def _expire(self, stored: StoredUpload) -> bool:
        """Take an upload one step nearer to its end, if it is time."""
        if not self._has_expired(stored.upload):
            return False
        try:
            if stored.upload.state is State.RECEIVING:
                await self._make_gone(stored)
                return True
        except ObjectConflictError:
            return False  # It goes on after all.
        await self._parts.clear(stored.upload.folder)
        await self._uploads.remove(stored.upload)
        return False

    def _has_expired(self, upload: Upload) -> bool:
        return upload.state not in PROCESSED and upload.expires_s <= self._clock()

    async def _make_gone(self, stored: StoredUpload) -> None:
        upload = replace(
            stored.upload.in_state(State.GONE),
            parts=(),
            expires_s=int(self._clock()) + self._kept_s,
        )
        await self._uploads.change(stored, upload)
        await self._parts.clear(upload.folder)
        await self._ledgers.close(upload.label, upload.upload_id)
        logger.info("an upload was removed", extra={"upload_id": upload.upload_id})
