"""An object store in a bucket of an S3 service.

Beside each object the store notes its SHA-256 (`x-amz-meta-sha256`). Names that begin with a dot
are ours; keys never do.
"""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from pathlib import Path
from typing import Final

import aiofiles
from aiobotocore.session import AioSession

from http_semantics.http_date import parse_http_date
from origin.adapters.s3_connection import (
    S3Address,
    S3Control,
    SessionCredentials,
    Slots,
    address_of,
    open_control,
    open_reading,
    session_of,
)
from origin.adapters.s3_errors import translated
from origin.adapters.s3_probe import S3Probe
from origin.adapters.s3_put import S3Writer, Upload, digest_of
from origin.adapters.s3_reader import S3Reader
from origin.adapters.s3_touch import touch
from origin.adapters.uncancelled import finished
from origin.errors import (
    ObjectDamagedError,
    ObjectKeyError,
    ObjectMissingError,
    StoreError,
    StoreUnsafeError,
)
from origin.object_key import check_key, check_prefix
from origin.ports import KeyPage, ObjectContent, ObjectHead, PutCondition, StoredObject
from origin.settings import S3Settings
from origin.signing import RequestSigner
from origin.work_folder import open_job_folder
from packager.errors import ScratchError

logger = logging.getLogger(__name__)

# What readiness puts and reads again. It stays: one object, whoever looks.
_CHECK_KEY: Final = ".check"

# Below this, hashing takes less than to hand it to a thread.
_HASH_HERE_BYTES: Final = 64 * 1024


class S3Store:
    """Keeps objects in a bucket. Made by `open_s3_store`. `scratch` is for local copies."""

    def __init__(
        self,
        control: S3Control,
        address: S3Address,
        *,
        reader: S3Reader,
        writer: S3Writer,
        scratch: Path,
        clock: Callable[[], float],
    ) -> None:
        self._control = control
        self._address = address
        self._reader = reader
        self._writer = writer
        self._scratch = scratch
        self._clock = clock

    async def put(
        self,
        key: str,
        source: bytes | Path,
        *,
        sha256: str | None = None,
        condition: PutCondition | None = None,
    ) -> ObjectHead:
        """See `ObjectStore.put`."""
        upload = await self._upload_of(check_key(key), source, condition)
        if sha256 not in (None, upload.sha256):
            raise ObjectDamagedError(key, "the bytes to put are not those they should be")
        placed = await self._writer.put(upload)
        modified_s = parse_http_date(placed.date, now_s=self._clock())
        if modified_s is None:
            raise StoreError(f"object {key}: the store took it, and does not tell the date")
        return ObjectHead(key, upload.size_bytes, upload.sha256, placed.etag, float(modified_s))

    async def head(self, key: str) -> ObjectHead | None:
        """See `ObjectStore.head`."""
        return await self._reader.head(check_key(key))

    async def read(self, key: str, *, size_max: int) -> StoredObject:
        """See `ObjectStore.read`."""
        return await self._reader.read(check_key(key), size_max=size_max)

    def stream(
        self, content: ObjectContent, *, start: int, stop: int
    ) -> AsyncGenerator[bytes, None]:
        """See `ObjectStore.stream`."""
        check_key(content.key)
        return self._reader.stream(content, start=start, stop=stop)

    @contextlib.asynccontextmanager
    async def open_local(self, key: str) -> AsyncIterator[Path]:
        """See `ObjectStore.open_local`: a copy that is removed afterwards."""
        head = await self.head(key)
        if head is None:
            raise ObjectMissingError(key)
        async with open_job_folder(self._scratch) as folder:
            path = folder / "object"
            await self._download(head, path)
            yield path

    async def list_keys(self, prefix: str, *, after: str = "", limit: int) -> KeyPage:
        """See `ObjectStore.list_keys`."""
        assert 1 <= limit <= 1000
        listing: dict[str, object] = {
            "Prefix": self._address.name_of(check_prefix(prefix)),
            "MaxKeys": limit,
        }
        if after:
            listing["StartAfter"] = self._address.name_of(after)
        while True:
            with translated(prefix):
                page = await self._control.of_bucket("list_objects_v2", listing)
            found = (str(one["Key"]) for one in page.get("Contents", ()))
            keys = tuple(filter(_is_key, (one[len(self._address.prefix) :] for one in found)))
            has_more = bool(page["IsTruncated"])
            # A page may hold nothing but what others have put there.
            if keys or not has_more:
                return KeyPage(keys, has_more=has_more)
            listing["ContinuationToken"] = page["NextContinuationToken"]

    async def delete(self, key: str) -> bool:
        """See `ObjectStore.delete`."""
        if await self._reader.fields(check_key(key)) is None:
            return False
        with translated(key, is_write=True):
            await finished(self._control.of_object("delete_object", key, {}))
        return True

    async def touch(self, key: str) -> None:
        """See `ObjectStore.touch`."""
        fields = await self._reader.fields(check_key(key))
        if fields is not None:
            await touch(self._control, self._address, key, fields)

    async def check(self) -> None:
        """See `ObjectStore.check`."""
        upload = await self._upload_of(_CHECK_KEY, b"check", None)
        await self._writer.put_whole(upload)
        await self._reader.read(_CHECK_KEY, size_max=upload.size_bytes)

    async def _upload_of(
        self, key: str, source: bytes | Path, condition: PutCondition | None
    ) -> Upload:
        if isinstance(source, bytes) and len(source) <= _HASH_HERE_BYTES:
            sha256, size_bytes = digest_of(source)
        else:
            try:
                sha256, size_bytes = await asyncio.to_thread(digest_of, source)
            except OSError as error:
                raise StoreError(f"object {key}: its source: {error.strerror}") from error
        return Upload(key, source, sha256, size_bytes, secrets.token_hex(8), condition)

    async def _download(self, head: ObjectHead, path: Path) -> None:
        chunks = self._reader.stream(head, start=0, stop=head.size_bytes)
        try:
            async with contextlib.aclosing(chunks), aiofiles.open(path, "xb") as file:
                async for chunk in chunks:
                    await file.write(chunk)
        except OSError as error:
            raise ScratchError(f"object {head.key}: no copy: {error.strerror}") from error


@contextlib.asynccontextmanager
async def open_s3_store(
    settings: S3Settings,
    *,
    scratch: Path,
    clock: Callable[[], float],
    session: AioSession | None = None,
) -> AsyncIterator[S3Store]:
    """Open the store in a bucket, and find out whether it keeps the conditions of a put.

    Args:
        settings: which bucket, and how to reach it.
        scratch: a folder of this process for local copies.
        clock: the wall clock, in seconds since the epoch.
        session: whose credentials to use instead of those of the settings.

    Raises:
        StoreError: the bucket cannot be reached or written, or the store is not safe to use.
        SettingsError: a file with a secret or with certificates cannot be read.
    """
    session = session or session_of(settings)
    async with (
        open_reading(settings) as reading,
        open_control(settings, session) as client,
    ):
        address = address_of(settings, client.meta.endpoint_url)
        credentials = SessionCredentials(session)
        reader = S3Reader(
            reading,
            address,
            signer=RequestSigner(settings.region),
            credentials=credentials,
            slots=Slots(settings.connections_max, wait_s=settings.read_timeout_s),
            clock=clock,
        )
        control = S3Control(
            client,
            address,
            credentials=credentials,
            slots=Slots(settings.connections_max, wait_s=settings.read_timeout_s),
            answer_s=settings.connect_timeout_s + settings.read_timeout_s,
        )
        writer = S3Writer(control, reader=reader)
        writer.conditions = await S3Probe(control, bucket=settings.bucket).look()
        _check_conditions(settings, writer)
        yield S3Store(control, address, reader=reader, writer=writer, scratch=scratch, clock=clock)


def _check_conditions(settings: S3Settings, writer: S3Writer) -> None:
    if not writer.conditions.on_put:
        text = f"the store replaces an object of bucket {settings.bucket} that a put was to spare"
        if settings.requires_conditional_put:
            raise StoreUnsafeError(text)
        logger.warning("the store keeps no conditions: two origins would overwrite each other")
    elif not writer.conditions.on_parts:
        logger.info("the store keeps no conditions of objects in parts: they are checked before")


def _is_key(name: str) -> bool:
    try:
        check_key(name)
    except ObjectKeyError:
        return False
    return True
