"""Writes the content of a request through to the store, part by part, and into the record.

What the record names is stored: so `HEAD` never tells an offset that could be lost. A content that
breaks off is kept as far as it came, unless it has a checksum, since nobody knows whether half of
it is right. A content with a checksum becomes a part of the upload only when all of it is there.
"""

from collections.abc import AsyncIterator, Callable, Sequence

from origin.errors import ObjectConflictError
from origin.intake.content import ContentCutError
from origin.intake.errors import (
    ChecksumMismatchError,
    SlowContentError,
    UploadDamagedError,
    UploadLockedError,
    UploadTooLargeError,
)
from origin.intake.part_store import PartStore
from origin.intake.tus_fields import Checksum
from origin.intake.upload import PART_BYTES, TAIL_PARTS_MAX, Part, State, Upload
from origin.intake.upload_store import StoredUpload, UploadStore

Renew = Callable[[Upload], Upload]
"""Moves the time at which an upload expires."""


class Appender:
    """Appends to one upload, for one request.

    Args:
        uploads: where its record is.
        parts: where its bytes are.
        stored: the upload, which is receiving.
        checksum: of the content, if its sender gave one.
        renew: called for each state that is stored.
    """

    def __init__(
        self,
        uploads: UploadStore,
        parts: PartStore,
        stored: StoredUpload,
        *,
        checksum: Checksum | None,
        renew: Renew,
    ) -> None:
        assert stored.upload.state is State.RECEIVING
        self._uploads = uploads
        self._parts = parts
        self._stored = stored
        self._upload = stored.upload
        self._checksum = checksum
        self._hasher = None if checksum is None else checksum.start()
        self._renew = renew
        self._buffer = bytearray()
        self._replaced: list[Part] = []

    @property
    def stored(self) -> StoredUpload:
        """The upload as the store has it."""
        return self._stored

    async def append(self, content: AsyncIterator[bytes]) -> StoredUpload:
        """Append a content.

        Returns:
            The upload with all of it. If it is complete, its state is received.

        Raises:
            UploadTooLargeError: the content goes beyond the upload's length.
            ChecksumMismatchError: it does not have its checksum; nothing of it is kept.
            ContentCutError, SlowContentError: it broke off; what came is kept, unless it has a
                checksum.
            UploadLockedError: another request has appended meanwhile.
            UploadDamagedError: the store has lost a part that was to be merged.
            StoreError: the store failed; what `HEAD` tells is kept.
        """
        try:
            await self._take(content)
            await self._finish()
        except (ContentCutError, SlowContentError):
            if self._checksum is None:
                await self._flush_rest()
                await self._commit()
            else:
                await self._discard()
            raise
        except (UploadTooLargeError, ChecksumMismatchError):
            await self._discard()
            raise
        except UploadDamagedError as error:
            await self._discard()
            await self._check_unchanged(error)
            raise
        return self._stored

    async def _take(self, content: AsyncIterator[bytes]) -> None:
        async for chunk in content:
            size_bytes = self._upload.offset + len(self._buffer) + len(chunk)
            if size_bytes > self._upload.length:
                raise UploadTooLargeError(size_bytes, size_max=self._upload.length)
            if self._hasher is not None:
                self._hasher.update(chunk)
            self._buffer += chunk
            while len(self._buffer) >= (room := PART_BYTES - _size_of(self._upload.tail)):
                await self._flush(room)
                if self._checksum is None:
                    await self._commit()

    async def _finish(self) -> None:
        if self._checksum is not None:
            assert self._hasher is not None
            if self._hasher.digest() != self._checksum.digest:
                raise ChecksumMismatchError
        await self._flush_rest()
        await self._commit()

    async def _flush_rest(self) -> None:
        if self._buffer:
            await self._flush(len(self._buffer))

    async def _flush(self, count: int) -> None:
        """Make a part of the first `count` bytes that are held, and of the tail if it is time."""
        upload = self._upload
        tail = upload.tail
        is_whole = _size_of(tail) + count == PART_BYTES
        is_last = upload.offset + count == upload.length
        merged = tail if is_whole or is_last or len(tail) >= TAIL_PARTS_MAX else ()
        pieces = [await self._parts.read(upload.folder, part) for part in merged]
        with memoryview(self._buffer) as view:
            content = b"".join((*pieces, view[:count]))
        offset = merged[0].offset if merged else upload.offset
        part = await self._parts.put(upload.folder, offset, content)
        del self._buffer[:count]
        self._replaced += merged
        self._upload = upload.with_part(part.size_bytes, part.nonce, replaced=merged)

    async def _commit(self) -> None:
        """Let the record name what is stored."""
        if self._upload.parts == self._stored.upload.parts:
            return
        upload = self._renew(self._upload)
        if upload.is_complete:
            # First into the queue: nobody finds a complete upload that is not in it.
            await self._uploads.enqueue(upload)
            upload = upload.in_state(State.RECEIVED)
        try:
            self._stored = await self._uploads.change(self._stored, upload)
        except ObjectConflictError as error:
            await self._yield_to(error)
        self._upload = self._stored.upload
        await self._parts.discard(upload.folder, self._replaced)
        self._replaced = []

    async def _yield_to(self, error: ObjectConflictError) -> None:
        """Somebody else has changed the record: it may be that it names our parts all the same."""
        found = await self._uploads.find(self._upload.label, self._upload.upload_id)
        if found is not None and set(self._upload.parts) <= set(found.upload.parts):
            self._stored = found
            return
        await self._discard()
        raise UploadLockedError from error

    async def _check_unchanged(self, error: UploadDamagedError) -> None:
        """A part that is not there may have been merged by somebody else: then nothing is lost."""
        found = await self._uploads.find(self._upload.label, self._upload.upload_id)
        if found is None or found.etag != self._stored.etag:
            raise UploadLockedError from error

    async def _discard(self) -> None:
        """Remove parts that the record does not name."""
        named = set(self._stored.upload.parts)
        new = [part for part in self._upload.parts if part not in named]
        await self._parts.discard(self._upload.folder, new)


def _size_of(parts: Sequence[Part]) -> int:
    return sum(part.size_bytes for part in parts)
