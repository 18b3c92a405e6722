"""Has an object of a bucket count as modified now: S3 knows only a copy of it onto itself."""

import contextlib
from typing import Final

from origin.adapters.s3_connection import S3Address, S3Control
from origin.adapters.s3_errors import translated
from origin.adapters.s3_reader import Fields, metadata_in
from origin.errors import ObjectConflictError, ObjectMissingError

# What CopyObject takes at most.
_COPY_BYTES_MAX: Final = 5 << 30


async def touch(control: S3Control, address: S3Address, key: str, fields: Fields) -> None:
    """Copy an object onto itself, as long as it is the one that these header fields are of.

    What was noted when it was put is said again: S3 refuses a copy that changes nothing, and to
    replace the notes by equal ones is enough of a change. Class and type would be lost, too.

    Raises:
        StoreError: the store cannot be written.
    """
    size_bytes = int(fields["Content-Length"])
    if size_bytes > _COPY_BYTES_MAX:
        return
    arguments: dict[str, object] = {
        "CopySource": {"Bucket": address.bucket, "Key": address.name_of(key)},
        "CopySourceIfMatch": fields["ETag"],
        "MetadataDirective": "REPLACE",
        "Metadata": metadata_in(fields),
        "ContentType": fields.get("Content-Type", "application/octet-stream"),
    }
    storage_class = fields.get("x-amz-storage-class", "")
    if storage_class:
        arguments["StorageClass"] = storage_class
    # Whatever was put there meanwhile is new enough.
    with (
        contextlib.suppress(ObjectConflictError, ObjectMissingError),
        translated(key, is_write=True),
    ):
        await control.of_object("copy_object", key, arguments, size_bytes=size_bytes)
