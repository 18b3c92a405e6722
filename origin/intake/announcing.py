"""Changes the state of an upload and tells it: in the record, as an event, in the metrics.

The record comes first, so that an event never tells what is not so. Who is killed between the two
leaves the upload in the queue, and whoever takes it up tells the state again.
"""

from collections.abc import Callable
from dataclasses import replace

from origin.errors import ObjectConflictError
from origin.intake.event_log import EventLog
from origin.intake.metrics import IntakeMetrics
from origin.intake.upload import Upload
from origin.intake.upload_document import event_document
from origin.intake.upload_store import StoredUpload, UploadStore


class Announcer:
    """Tells of uploads. Every method raises `StoreError` if the store fails.

    Args:
        uploads: their records.
        events: where labels follow them.
        figures: counts states.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        uploads: UploadStore,
        events: EventLog,
        figures: IntakeMetrics,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._uploads = uploads
        self._events = events
        self._figures = figures
        self._clock = clock

    async def enter(self, stored: StoredUpload, upload: Upload) -> StoredUpload:
        """Put `upload` in place of what `stored` is, and tell its state.

        Raises:
            ObjectConflictError: somebody else has changed it; nothing is told.
        """
        changed = await self._uploads.change(stored, upload)
        await self.tell(changed.upload)
        return changed

    async def tell(self, upload: Upload) -> None:
        """Tell the state of an upload as an event."""
        document = event_document(upload, at_s=int(self._clock()))
        await self._events.append(upload.label, document)
        refusal = upload.refusal
        self._figures.record_state(upload.state, reason=refusal.code if refusal is not None else "")

    async def tell_once(self, stored: StoredUpload) -> StoredUpload:
        """Tell the state of an upload unless it was told, and note that it was."""
        if stored.upload.is_told:
            return stored
        await self.tell(stored.upload)
        try:
            return await self._uploads.change(stored, replace(stored.upload, is_told=True))
        except ObjectConflictError:
            return stored  # It has another state already.
