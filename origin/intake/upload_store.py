"""Records of uploads in the object store, and the queue of those that something is to be done with.

A record is changed only by whoever has its latest state (`If-Match`): of two that append, process
or remove at once, one succeeds.
"""

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from origin.errors import (
    ObjectConflictError,
    ObjectDamagedError,
    ObjectMissingError,
    ObjectTooLargeError,
    RecordError,
)
from origin.intake.upload import (
    QUEUE_PREFIX,
    RECORDS_PREFIX,
    QueuedUpload,
    Upload,
    label_segment,
    parse_queue_key,
    parse_record_key,
    queue_key,
    record_key,
)
from origin.intake.upload_json import RECORD_BYTES_MAX, decode_upload, encode_upload
from origin.ports import IfAbsent, IfMatch, ObjectStore

logger = logging.getLogger(__name__)

_PAGE: Final = 1000


@dataclass(frozen=True, slots=True)
class StoredUpload:
    """An upload, and the entity tag of its record at that moment."""

    upload: Upload
    etag: str


@dataclass(frozen=True, slots=True)
class UploadPage:
    """Some uploads of a label in the order of their ids.

    Attributes:
        after: ask for the next page with this; None on the last one.
    """

    uploads: tuple[Upload, ...]
    after: str | None


class UploadStore:
    """Uploads in an object store. Every method raises `StoreError` if the store fails."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def find(self, label: str, upload_id: str) -> StoredUpload | None:
        """An upload of a label; None if it has none of this name."""
        try:
            found = await self._store.read(record_key(label, upload_id), size_max=RECORD_BYTES_MAX)
        except ObjectMissingError:
            return None
        return StoredUpload(decode_upload(found.content), found.head.etag)

    async def find_readable(self, label: str, upload_id: str) -> StoredUpload | None:
        """The same where one damaged record must not keep others from being looked at."""
        try:
            return await self.find(label, upload_id)
        except (RecordError, ObjectDamagedError, ObjectTooLargeError) as error:
            logger.warning(
                "an upload's record cannot be read",
                extra={"upload_id": upload_id, "reason": error.reason},
            )
            return None

    async def add(self, upload: Upload) -> StoredUpload:
        """Put the record of a new upload.

        Raises:
            ObjectConflictError: there is an upload of this name.
        """
        key = record_key(upload.label, upload.upload_id)
        head = await self._store.put(key, encode_upload(upload), condition=IfAbsent())
        return StoredUpload(upload, head.etag)

    async def change(self, stored: StoredUpload, upload: Upload) -> StoredUpload:
        """Put `upload` in place of what `stored` is.

        Raises:
            ObjectConflictError: somebody else has changed it.
        """
        key = record_key(upload.label, upload.upload_id)
        try:
            head = await self._store.put(key, encode_upload(upload), condition=IfMatch(stored.etag))
        except ObjectConflictError:
            # A put that was tried again may have met the one that it was tried again for.
            found = await self.find(upload.label, upload.upload_id)
            if found is None or found.upload != upload:
                raise
            return found
        return StoredUpload(upload, head.etag)

    async def remove(self, upload: Upload) -> None:
        """Forget an upload."""
        await self._store.delete(record_key(upload.label, upload.upload_id))

    async def page(self, label: str, *, after: str, limit: int) -> UploadPage:
        """Some uploads of a label, in the order of their ids."""
        prefix = f"{RECORDS_PREFIX}{label_segment(label)}/"
        start = record_key(label, after) if after else ""
        page = await self._store.list_keys(prefix, after=start, limit=limit)
        uploads = []
        last: str | None = None
        for key in page.keys:
            names = parse_record_key(key)
            if names is None:
                continue
            last = names[1]
            found = await self.find_readable(*names)
            if found is not None:
                uploads.append(found.upload)
        return UploadPage(tuple(uploads), last if page.has_more else None)

    async def all_names(self) -> AsyncIterator[tuple[str, str]]:
        """Label and id of every upload."""
        async for key in self._keys(RECORDS_PREFIX):
            names = parse_record_key(key)
            if names is not None:
                yield names

    async def enqueue(self, upload: Upload) -> None:
        """Name an upload that something is to be done with; once, however often it is called."""
        await self._store.put(queue_key(upload), b"{}")

    async def dequeue(self, key: str) -> None:
        """Nothing is left to do with an upload."""
        await self._store.delete(key)

    async def queued(self, *, limit: int = _PAGE) -> tuple[QueuedUpload, ...]:
        """The uploads that wait, label by label, of each the oldest first and at most `limit`."""
        found: list[str] = []
        after = ""
        while True:
            page = await self._store.list_keys(QUEUE_PREFIX, after=after, limit=limit)
            keys = list(page.keys)
            if page.has_more:
                keys, after = _whole_labels(keys)
            found += keys
            if not page.has_more:
                break
        parsed = (parse_queue_key(key) for key in found)
        return tuple(one for one in parsed if one is not None)

    async def _keys(self, prefix: str) -> AsyncIterator[str]:
        after = ""
        while True:
            page = await self._store.list_keys(prefix, after=after, limit=_PAGE)
            for key in page.keys:
                yield key
            if not page.has_more or not page.keys:
                return
            after = page.keys[-1]


def _whole_labels(keys: list[str]) -> tuple[list[str], str]:
    """Of a page that was cut: the keys of labels that are not, and where to go on.

    A label that fills a page has had its share: the next one follows.
    """
    folders = [key.rpartition("/")[0] for key in keys]
    whole = [key for key, folder in zip(keys, folders, strict=True) if folder != folders[-1]]
    last = whole[-1].rpartition("/")[0] if whole else folders[-1]
    # "z" sorts after what the names of entries are made of.
    return whole or keys, f"{last}/z"
