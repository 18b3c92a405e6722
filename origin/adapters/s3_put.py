"""Puts objects into a bucket: in one request, or in parts when they are large.

Every put carries a number of its own. When the answer to a put was lost and its repetition is
refused because "somebody" was there first, the number tells whether that was we.
"""

import asyncio
import base64
import contextlib
import hashlib
import math
from collections.abc import Coroutine, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeVar

from botocore.exceptions import ClientError

from origin.adapters.s3_connection import S3Control
from origin.adapters.s3_errors import client_error_of, translated
from origin.adapters.s3_reader import PUT_NAME, SHA256_NAME, S3Reader, put_id_of
from origin.adapters.uncancelled import finished
from origin.errors import (
    ObjectConflictError,
    ObjectDamagedError,
    ObjectMissingError,
    StoreError,
)
from origin.ports import IfAbsent, IfMatch, PutCondition

PARTS_FROM_BYTES: Final = 64 << 20

# S3 takes 10,000 parts, all but the last of 5 MiB at least.
_PART_BYTES_MIN: Final = 8 << 20
_PARTS_MAX: Final = 10_000
_PARTS_AT_ONCE: Final = 4

_READ_BYTES: Final = 1 << 20

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class S3Conditions:
    """Which conditions the store keeps, as the probe at the start has found.

    Attributes:
        on_put: of an object in one request.
        on_parts: of an object in parts, when they are put together.
        is_etag_quoted: whether it compares entity tags with their quotes, as RFC 9110 has them.
            Ceph 16 does so on a GET, and on a put only without them.
    """

    on_put: bool = True
    on_parts: bool = True
    is_etag_quoted: bool = True

    def fields(self, condition: PutCondition | None) -> dict[str, str]:
        """What a put with this condition says."""
        match condition:
            case IfAbsent():
                return {"IfNoneMatch": "*"}
            case IfMatch(etag):
                return {"IfMatch": etag if self.is_etag_quoted else etag.strip('"')}
            case None:
                return {}


@dataclass(frozen=True, slots=True)
class Upload:
    """One object to put.

    Attributes:
        key: where.
        source: its bytes, or a file.
        sha256: their digest.
        size_bytes: their number.
        put_id: of this put alone.
        condition: what must be true of the object that is there.
    """

    key: str
    source: bytes | Path
    sha256: str
    size_bytes: int
    put_id: str
    condition: PutCondition | None


@dataclass(frozen=True, slots=True)
class Placed:
    """What the store says of an object that it has taken."""

    etag: str
    date: str


class S3Writer:
    """Puts objects, under the conditions that the store keeps."""

    def __init__(self, control: S3Control, *, reader: S3Reader) -> None:
        self._control = control
        self._reader = reader
        self.conditions = S3Conditions()

    async def put(self, upload: Upload) -> Placed:
        """Put an object. A cancellation takes effect before the put or after it.

        A store that is stuck is not waited for: what is not sent whole by then, it does not take.

        Raises:
            ObjectConflictError: its condition does not hold.
            StoreError: it was not taken, or nobody knows.
        """
        if isinstance(upload.source, Path) and upload.size_bytes > PARTS_FROM_BYTES:
            return await self._put_parts(upload, upload.source)
        return await self._finished(self.put_whole(upload))

    async def put_whole(self, upload: Upload) -> Placed:
        """The same in one request, and without care for cancellations."""
        await self._check_before(upload, is_kept=self.conditions.on_put)
        with translated(upload.key, is_write=True), _opened(upload.source) as body:
            try:
                arguments = {
                    **_description_of(upload),
                    **self.conditions.fields(upload.condition),
                    "Body": body,
                    "ChecksumSHA256": _base64_of(bytes.fromhex(upload.sha256)),
                }
                answer = await self._control.of_object(
                    "put_object", upload.key, arguments, size_bytes=upload.size_bytes
                )
            except ClientError as error:
                return await self._ours_after_all(upload, error)
        return _placed(answer)

    async def _finished(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        return await finished(work, patience_s=self._control.patience_s)

    async def _put_parts(self, upload: Upload, path: Path) -> Placed:
        await self._check_before(upload, is_kept=self.conditions.on_parts)
        upload_ids: list[str] = []

        async def create() -> None:
            description = {**_description_of(upload), "ChecksumAlgorithm": "SHA256"}
            created = await self._control.of_object(
                "create_multipart_upload", upload.key, description
            )
            upload_ids.append(str(created["UploadId"]))

        with translated(upload.key, is_write=True):
            try:
                await self._finished(create())
                parts = await self._send_parts(upload, path, upload_ids[0])
                return await self._finished(self._complete(upload, upload_ids[0], parts))
            except BaseException:
                # What is not aborted is paid for. A lifecycle rule ends what a kill leaves.
                for upload_id in upload_ids:
                    await self._finished(self._abort(upload.key, upload_id))
                raise

    async def _send_parts(
        self, upload: Upload, path: Path, upload_id: str
    ) -> list[dict[str, object]]:
        """Send all parts, some at a time; they are returned in order."""
        part_bytes = part_bytes_for(upload.size_bytes)
        offsets = range(0, upload.size_bytes, part_bytes)
        numbers = iter(enumerate(offsets, start=1))
        parts: dict[int, dict[str, object]] = {}

        async def send_some() -> None:
            for number, offset in numbers:
                length = min(part_bytes, upload.size_bytes - offset)
                content, checksum = await asyncio.to_thread(_read_part, path, offset, length)
                if len(content) != length:
                    raise ObjectDamagedError(upload.key, "its source was cut while it was put")
                part: dict[str, object] = {"PartNumber": number, "ChecksumSHA256": checksum}
                answer = await self._control.of_object(
                    "upload_part",
                    upload.key,
                    {**part, "UploadId": upload_id, "Body": content},
                    size_bytes=length,
                )
                if "ChecksumSHA256" not in answer:
                    del part["ChecksumSHA256"]  # The store ignores it, and wants none back.
                parts[number] = {**part, "ETag": answer["ETag"]}

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(_PARTS_AT_ONCE, len(offsets))):
                    group.create_task(send_some())
        except ExceptionGroup as errors:
            # The first failure has cancelled the others.
            raise errors.exceptions[0] from None
        return [parts[number] for number in sorted(parts)]

    async def _complete(
        self, upload: Upload, upload_id: str, parts: list[dict[str, object]]
    ) -> Placed:
        condition = upload.condition if self.conditions.on_parts else None
        arguments = {
            **self.conditions.fields(condition),
            "UploadId": upload_id,
            "MultipartUpload": {"Parts": parts},
        }
        try:
            # As long as sending all of it: a store may put the parts together by copying them.
            answer = await self._control.of_object(
                "complete_multipart_upload", upload.key, arguments, size_bytes=upload.size_bytes
            )
        except ClientError as error:
            return await self._ours_after_all(upload, error)
        if answer.get("ETag"):
            return _placed(answer)
        placed = await self._find_ours(upload)  # Ceph 16 leaves the entity tag out.
        if placed is None:
            raise ObjectConflictError(upload.key)
        return placed

    async def _abort(self, key: str, upload_id: str) -> None:
        with contextlib.suppress(StoreError), translated(key, is_write=True):
            await self._control.of_object("abort_multipart_upload", key, {"UploadId": upload_id})

    async def _check_before(self, upload: Upload, *, is_kept: bool) -> None:
        """Check a condition that the store would ignore; another may come between."""
        if is_kept or upload.condition is None:
            return
        head = await self._reader.head(upload.key)
        match upload.condition:
            case IfAbsent() if head is not None:
                raise ObjectConflictError(upload.key)
            case IfMatch(etag) if head is None or head.etag != etag:
                raise ObjectConflictError(upload.key)
            case _:
                pass

    async def _ours_after_all(self, upload: Upload, error: ClientError) -> Placed:
        """What is there if this very put brought it; otherwise raise the error.

        A client repeats a put whose answer was lost. If the first one was taken, the store
        refuses the second: its condition does not hold any more, or its parts are gone.
        """
        told = client_error_of(error, upload.key, is_write=True)
        is_gone = error.response["Error"].get("Code") == "NoSuchUpload"
        if is_gone or isinstance(told, ObjectConflictError | ObjectMissingError):
            placed = await self._find_ours(upload)
            if placed is not None:
                return placed
        if isinstance(told, ObjectMissingError):  # There was nothing to match.
            told = ObjectConflictError(upload.key)
        raise told from error

    async def _find_ours(self, upload: Upload) -> Placed | None:
        """What is there, if this very put brought it."""
        fields = await self._reader.fields(upload.key)
        if fields is None or put_id_of(fields) != upload.put_id:
            return None
        return Placed(fields["ETag"], fields.get("Last-Modified", ""))


def part_bytes_for(size_bytes: int) -> int:
    """Length of all parts but the last: whole MiB, so that there are not too many."""
    needed = math.ceil(size_bytes / _PARTS_MAX / (1 << 20)) << 20
    return max(_PART_BYTES_MIN, needed)


def digest_of(source: bytes | Path) -> tuple[str, int]:
    """SHA-256 and length of what is to be put."""
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest(), len(source)
    digest = hashlib.sha256()
    size_bytes = 0
    with source.open("rb") as file:
        while chunk := file.read(_READ_BYTES):
            digest.update(chunk)
            size_bytes += len(chunk)
    return digest.hexdigest(), size_bytes


@contextlib.contextmanager
def _opened(source: bytes | Path) -> Iterator[bytes | BinaryIO]:
    if isinstance(source, bytes):
        yield source
        return
    with source.open("rb") as file:
        yield file


def _read_part(path: Path, offset: int, length: int) -> tuple[bytes, str]:
    with path.open("rb") as file:
        file.seek(offset)
        content = file.read(length)
    return content, _base64_of(hashlib.sha256(content).digest())


def _base64_of(digest: bytes) -> str:
    return base64.b64encode(digest).decode("ascii")


def _description_of(upload: Upload) -> dict[str, object]:
    return {
        "ContentType": "application/octet-stream",
        "Metadata": {SHA256_NAME: upload.sha256, PUT_NAME: upload.put_id},
    }


def _placed(answer: Mapping[str, Any]) -> Placed:
    fields = answer["ResponseMetadata"]["HTTPHeaders"]
    return Placed(str(answer["ETag"]), str(fields.get("date", "")))
