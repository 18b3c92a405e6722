"""Makes tracks of complete uploads, one after another; every origin on the store takes part.

Whatever step a process is killed at, the entry of the queue is still there, and the next one does
the step again: the same bytes are the same track, a record has one state, and only when that is a
final one and told as an event are the parts removed, and the entry last. The claim keeps others
from doing the same work at the same time; that no harm comes of it rests on the record alone.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from config.tasks import open_tasks
from drm.errors import DrmError
from origin.claims import Claim, Claims
from origin.errors import (
    ClaimLostError,
    ObjectConflictError,
    OriginError,
    StoreError,
    StoreFullError,
)
from origin.intake.announcing import Announcer
from origin.intake.assembly import assemble
from origin.intake.backlog import Backlog
from origin.intake.duplicates import Duplicates
from origin.intake.errors import IntakePausedError, UploadRoomError
from origin.intake.metrics import IntakeMetrics
from origin.intake.part_store import PartStore
from origin.intake.ports import Ingest
from origin.intake.refusing import Failure, advice_of, is_final, is_suspect, refusal_of
from origin.intake.upload import (
    PROCESSED,
    Duplicate,
    Outcome,
    QueuedUpload,
    State,
    Upload,
    processing_claim,
)
from origin.intake.upload_metadata import file_name_of, tag_values
from origin.intake.upload_store import StoredUpload, UploadStore
from origin.progress import IngestProgress, Stage
from origin.work_folder import open_job_folder
from packager.errors import PackagerError, ScratchError

logger = logging.getLogger(__name__)

_NAME_WITHOUT: Final = "Untitled"

# No new upload is taken for so many pauses after a failure for want of room.
_PAUSES: Final = 2


@dataclass(frozen=True, slots=True)
class Means:
    """What processing works with.

    Attributes:
        kept_s: how long what has become of an upload is told.
        clock: seconds since the epoch.
        monotonic: seconds since any moment.
    """

    uploads: UploadStore
    parts: PartStore
    announcer: Announcer
    duplicates: Duplicates
    claims: Claims
    ingest: Ingest
    figures: IntakeMetrics
    scratch: Path
    kept_s: int
    clock: Callable[[], float]
    monotonic: Callable[[], float]


@dataclass(frozen=True, slots=True)
class _Pause:
    """Why no new upload of `length_min` and more is taken for a while."""

    until_s: float
    length_min: int
    problem: str
    advice: str


@dataclass(slots=True)
class _Attempt:
    """An attempt to make a track of an upload.

    Attributes:
        stored: the upload, as the attempt has begun.
        claim: to the work.
        told: states of the processing that there are events for.
        is_new: whether this attempt or an earlier one has made the track.
    """

    stored: StoredUpload
    claim: Claim
    told: set[State]
    is_new: bool


class Processor:
    """Takes uploads from the queue."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._backlog = Backlog(monotonic=means.monotonic)
        self._progress: dict[str, float] = {}
        self._pauses: dict[str, _Pause] = {}
        self._pulse = asyncio.Event()

    async def work(self, poll_s: float) -> None:
        """Process what comes until cancelled. Several may run at a time."""
        while True:
            if not await self._try_step():
                await self._wait(poll_s)

    async def step(self) -> bool:
        """Process one upload; False if there is none to process.

        Raises:
            StoreError: the queue or the claim cannot be read.
        """
        queued = await self._means.uploads.queued()
        self._means.figures.show_queue(len(queued), resting=self._backlog.count_resting(queued))
        for entry in self._backlog.in_turn(queued):
            if entry.upload_id in self._progress:
                continue
            self._progress[entry.upload_id] = 0.0
            try:
                claim = await self._means.claims.take(processing_claim(entry.upload_id))
                if claim is not None:
                    self._backlog.begin(entry)
                    await self._process_under(claim, entry)
                    return True
            finally:
                del self._progress[entry.upload_id]
        return False

    def wake(self, upload_id: str) -> None:
        """An upload has been completed in this process."""
        self._backlog.wake(upload_id)
        self._pulse.set()

    async def progress_of(self, upload: Upload) -> float:
        """How far the processing of an upload is, in whichever process.

        Raises:
            StoreError: the store cannot be read.
        """
        if upload.state not in PROCESSED:
            return 0.0
        here = self._progress.get(upload.upload_id)
        if here is not None:
            return here
        found = await self._means.claims.peek(processing_claim(upload.upload_id))
        return 0.0 if found is None else found.progress

    def waiting(self, upload_id: str) -> dict[str, str] | None:
        """Why an upload is not processed at the moment, if this process knows."""
        rest = self._backlog.find(upload_id)
        return (
            {"code": rest.code, "advice": rest.advice} if rest is not None and rest.code else None
        )

    def check_paused(self, length: int) -> None:
        """Refuse a new upload of `length` while there is no room to process it.

        Raises:
            IntakePausedError: there is none.
        """
        now_s = self._means.monotonic()
        for pause in self._pauses.values():
            if length >= pause.length_min and now_s < pause.until_s:
                raise IntakePausedError(pause.problem, advice=pause.advice)

    async def _try_step(self) -> bool:
        try:
            return await self.step()
        except StoreError as error:
            logger.warning("the queue of uploads cannot be read", extra={"reason": error.reason})
        return False

    async def _wait(self, poll_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(poll_s):
                await self._pulse.wait()
        self._pulse.clear()

    async def _process_under(self, claim: Claim, entry: QueuedUpload) -> None:
        try:
            async with self._means.claims.keep(claim):
                is_done = await self._process(entry, claim)
            if is_done:
                # Last: as long as there is the entry, somebody looks after a dead one's claim.
                await self._means.uploads.dequeue(entry.key)
        except ClaimLostError:
            logger.warning("an upload was taken over", extra={"upload_id": entry.upload_id})
        except ObjectConflictError:
            logger.info("an upload was changed", extra={"upload_id": entry.upload_id})
        except (OriginError, PackagerError, DrmError) as error:
            self._put_off(entry, error)
        except Exception:  # The job's boundary: one upload must not end the work on the others.
            logger.exception("an upload cannot be processed", extra={"upload_id": entry.upload_id})
            self._backlog.rest(entry.upload_id, code="internal", advice="Look at the origin's log.")

    async def _process(self, entry: QueuedUpload, claim: Claim) -> bool:
        """Bring an upload to its end; False if it is not time."""
        means = self._means
        stored = await means.uploads.find(entry.label, entry.upload_id)
        if stored is not None and stored.upload.state is State.RECEIVING:
            # Entered just now, or by a process that was killed before the upload was complete.
            self._backlog.rest(entry.upload_id)
            return False
        if stored is not None and stored.upload.state is not State.GONE:
            if stored.upload.state in PROCESSED:
                stored = await self._make_track(stored, claim)
            await means.announcer.tell_once(stored)
        if stored is not None:
            await means.parts.clear(stored.upload.folder)
        self._backlog.wake(entry.upload_id)
        return True

    async def _make_track(self, stored: StoredUpload, claim: Claim) -> StoredUpload:
        """Bring an upload into a final state, of which nobody knows yet."""
        means = self._means
        if stored.upload.state is State.RECEIVED:
            stored = await means.announcer.tell_once(stored)
        begun = replace(stored.upload.in_state(State.DECODING), attempts=stored.upload.attempts + 1)
        attempt = _Attempt(stored, claim, set(begun.told), begun.is_new)
        attempt.stored = await self._enter(attempt, begun)
        try:
            outcome = await self._ingest(attempt)
        except (OriginError, PackagerError, DrmError) as error:
            if not is_final(error, attempts=begun.attempts):
                await self._step_back(attempt, is_counted=is_suspect(error))
                raise
            ended = replace(begun.in_state(State.REFUSED), refusal=refusal_of(error))
        else:
            ended = replace(begun.in_state(State.READY), outcome=outcome)
            if outcome.duplicates:
                means.figures.record_duplicate()
        latest = await self._latest(begun)
        expires_s = int(means.clock()) + means.kept_s
        return await means.uploads.change(latest, replace(ended, parts=(), expires_s=expires_s))

    async def _enter(self, attempt: _Attempt, upload: Upload) -> StoredUpload:
        """Put `upload` in place of what it was, and tell its state unless another attempt did."""
        if upload.state in attempt.told:
            return await self._means.uploads.change(attempt.stored, upload)
        entered = await self._means.announcer.enter(attempt.stored, upload)
        attempt.told.add(upload.state)
        return entered

    async def _step_back(self, attempt: _Attempt, *, is_counted: bool) -> None:
        """Let an upload wait for another attempt, as one that its label may terminate meanwhile."""
        begun = attempt.stored.upload
        waiting = replace(
            begun,
            state=State.RECEIVED,
            is_told=True,
            attempts=begun.attempts if is_counted else begun.attempts - 1,
            told=frozenset(attempt.told),
            is_new=attempt.is_new,
        )
        try:
            await self._means.uploads.change(await self._latest(begun), waiting)
        except StoreError as error:
            logger.info("a state was not noted", extra={"reason": error.reason})

    async def _ingest(self, attempt: _Attempt) -> Outcome:
        means = self._means
        upload = attempt.stored.upload
        async with open_job_folder(means.scratch) as folder, self._reporting(attempt) as tell:
            path = folder / (file_name_of(upload.metadata) or _NAME_WITHOUT)
            await assemble(means.parts, upload, path)
            result = await means.ingest.ingest(
                path,
                label=upload.label,
                overrides=tag_values(upload.metadata),
                on_progress=tell,
            )
        if result.is_new or attempt.is_new:
            attempt.is_new = True
            # What follows may be cut off, and another attempt will find the track there.
            await self._note_new(upload)
        duplicates = await self._find_duplicates(upload, result.track_id)
        return Outcome(result.track_id, result.version, attempt.is_new, duplicates)

    async def _note_new(self, begun: Upload) -> None:
        latest = await self._latest(begun)
        if not latest.upload.is_new:
            await self._means.uploads.change(latest, replace(latest.upload, is_new=True))

    async def _find_duplicates(self, upload: Upload, track_id: str) -> tuple[Duplicate, ...]:
        """Other tracks with the same audio; none if they cannot be looked up."""
        means = self._means
        try:
            found = await means.duplicates.find(track_id)
            labels = [await means.ingest.label_of(one.track_id) for one in found]
        except OriginError as error:
            means.figures.record_failed_search()
            logger.warning(
                "duplicates of an upload were not looked up",
                extra={"upload_id": upload.upload_id, "reason": error.reason},
            )
            return ()
        return tuple(
            replace(one, is_foreign=label != upload.label)
            for one, label in zip(found, labels, strict=True)
        )

    @contextlib.asynccontextmanager
    async def _reporting(
        self, attempt: _Attempt
    ) -> AsyncIterator[Callable[[IngestProgress], None]]:
        """A function that is told how far it is; the state follows behind."""
        upload = attempt.stored.upload
        is_packaging = asyncio.Event()

        def tell(progress: IngestProgress) -> None:
            self._progress[upload.upload_id] = progress.fraction
            attempt.claim.tell(progress.fraction)
            attempt.is_new |= progress.is_new
            if progress.stage is Stage.PACKAGING:
                is_packaging.set()

        async def follow() -> None:
            await is_packaging.wait()
            try:
                packaged = replace(upload.in_state(State.PACKAGING), is_new=attempt.is_new)
                await self._enter(attempt, packaged)
            except StoreError as error:
                logger.info("a state was not told", extra={"reason": error.reason})

        async with open_tasks() as tasks:
            tasks.start(follow())
            yield tell

    async def _latest(self, begun: Upload) -> StoredUpload:
        """The record as this attempt left it: telling its state may have been cut off.

        Raises:
            ObjectConflictError: another attempt has begun, or it was removed.
        """
        found = await self._means.uploads.find(begun.label, begun.upload_id)
        if (
            found is None
            or found.upload.nonce != begun.nonce
            or found.upload.attempts != begun.attempts
            or found.upload.state not in PROCESSED
        ):
            raise ObjectConflictError(processing_claim(begun.upload_id))
        return found

    def _put_off(self, entry: QueuedUpload, error: Failure) -> None:
        """Try an upload again later."""
        rest = self._backlog.rest(entry.upload_id, code=error.reason, advice=advice_of(error))
        logger.warning(
            "an upload has to wait",
            extra={"upload_id": entry.upload_id, "reason": error.reason, "pause_s": rest.pause_s},
        )
        if isinstance(error, ScratchError | StoreFullError | UploadRoomError):
            self._pause(entry, error, pause_s=rest.pause_s)

    def _pause(
        self,
        entry: QueuedUpload,
        error: ScratchError | StoreFullError | UploadRoomError,
        *,
        pause_s: float,
    ) -> None:
        """Take no new upload that would fare like this one."""
        now_s = self._means.monotonic()
        self._pauses = {name: one for name, one in self._pauses.items() if now_s < one.until_s}
        self._pauses[entry.upload_id] = _Pause(
            until_s=now_s + _PAUSES * pause_s,
            length_min=error.length if isinstance(error, UploadRoomError) else 0,
            problem=str(error),
            advice=error.advice,
        )
