"""Finds out at the start which conditions a store keeps. Some overwrite, and say nothing."""

import contextlib
import hashlib
import secrets
from collections.abc import Mapping
from typing import Any, Final

from botocore.exceptions import ClientError

from origin.adapters.s3_connection import S3Control
from origin.adapters.s3_errors import client_error_of, translated
from origin.adapters.s3_put import S3Conditions
from origin.errors import ObjectConflictError, ObjectMissingError, StoreBucketError

# No key begins with a dot: nobody sees the probe, nobody runs into it.
_PROBE: Final = ".probe-"

_CONTENT: Final = b"probe"
_NO_ETAG: Final = f'"{hashlib.md5(b"none", usedforsecurity=False).hexdigest()}"'


class S3Probe:
    """Puts an object that is not there for long, in ways that a store should refuse."""

    def __init__(self, control: S3Control, *, bucket: str) -> None:
        self._control = control
        self._bucket = bucket
        self._key = f"{_PROBE}{secrets.token_hex(8)}"

    async def look(self) -> S3Conditions:
        """Find out what the store keeps.

        Raises:
            StoreError: it cannot be reached, or not be written.
        """
        await self._check_bucket()
        with translated(self._key, is_write=True):
            etag = str((await self._call("put_object", {"Body": _CONTENT}))["ETag"])
            try:
                return await self._try(etag)
            finally:
                await self._call("delete_object", {})

    async def _try(self, etag: str) -> S3Conditions:
        """Put the probe again where conditions forbid it, and where they allow it."""
        if not (
            await self._is_put_refused({"IfNoneMatch": "*"})
            and await self._is_put_refused({"IfMatch": _NO_ETAG})
        ):
            return S3Conditions(on_put=False, on_parts=False)
        is_quoted = not await self._is_put_refused({"IfMatch": etag})
        if not is_quoted and not await self._is_bare_tag_compared(etag):
            return S3Conditions(on_put=False, on_parts=False)
        on_parts = await self._are_parts_refused()
        return S3Conditions(on_parts=on_parts, is_etag_quoted=is_quoted)

    async def _is_bare_tag_compared(self, etag: str) -> bool:
        is_refused = await self._is_put_refused({"IfMatch": _NO_ETAG.strip('"')})
        return is_refused and not await self._is_put_refused({"IfMatch": etag.strip('"')})

    async def _check_bucket(self) -> None:
        try:
            with translated(f"of bucket {self._bucket}"):
                await self._control.of_bucket("head_bucket", {})
        except ObjectMissingError as error:
            raise StoreBucketError(f"the store has no bucket {self._bucket}") from error

    async def _is_put_refused(self, condition: Mapping[str, object]) -> bool:
        try:
            await self._call("put_object", {"Body": _CONTENT, **condition})
        except ClientError as error:
            return self._is_refusal(error)
        return False

    async def _are_parts_refused(self) -> bool:
        created = await self._call("create_multipart_upload", {})
        upload = {"UploadId": created["UploadId"]}
        part = await self._call("upload_part", {"Body": _CONTENT, "PartNumber": 1, **upload})
        parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        complete = {"MultipartUpload": parts, "IfNoneMatch": "*", **upload}
        try:
            await self._call("complete_multipart_upload", complete)
        except ClientError as error:
            is_refused = self._is_refusal(error)
            with contextlib.suppress(ClientError):
                await self._call("abort_multipart_upload", upload)
            return is_refused
        return False

    async def _call(self, operation: str, arguments: Mapping[str, object]) -> Mapping[str, Any]:
        return await self._control.of_object(operation, self._key, arguments)

    def _is_refusal(self, error: ClientError) -> bool:
        """Whether a condition was refused for what it says; 501 means that none is known."""
        told = client_error_of(error, self._key, is_write=True)
        if isinstance(told, ObjectConflictError):
            return True
        if error.response["ResponseMetadata"]["HTTPStatusCode"] in {400, 501}:
            return False
        raise told
