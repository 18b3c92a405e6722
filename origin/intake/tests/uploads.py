"""Uploads for tests."""

import hashlib
import itertools
from collections.abc import AsyncIterator, Iterable

from origin.intake.appending import Appender
from origin.intake.part_store import PartStore
from origin.intake.tus_fields import Checksum
from origin.intake.upload import Upload
from origin.intake.upload_store import StoredUpload, UploadStore
from origin.ports import ObjectStore

NOW_S = 1_700_000_000
UPLOAD_ID = "0123456789abcdef" * 2
NONCE = "fedcba9876543210"
FOLDER = f"{UPLOAD_ID}/{NONCE}"


def make_upload(
    *, upload_id: str = UPLOAD_ID, label: str = "nebula", length: int = 10, **fields: str
) -> Upload:
    return Upload(
        upload_id=upload_id,
        nonce=NONCE,
        label=label,
        length=length,
        metadata=fields,
        request_sha256=hashlib.sha256(b"").hexdigest(),
        created_s=NOW_S,
        expires_s=NOW_S + 86_400,
    )


async def chunks_of(*chunks: bytes, failure: Exception | None = None) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
    if failure is not None:
        raise failure


def cut(content: bytes, positions: Iterable[int]) -> list[bytes]:
    edges = [0, *sorted(positions), len(content)]
    return [content[start:stop] for start, stop in itertools.pairwise(edges)]


def make_appender(
    store: ObjectStore, stored: StoredUpload, *, checksum: Checksum | None = None
) -> Appender:
    return Appender(
        UploadStore(store),
        PartStore(store),
        stored,
        checksum=checksum,
        renew=lambda upload: upload,
    )


async def append(store: ObjectStore, stored: StoredUpload, *chunks: bytes) -> StoredUpload:
    return await make_appender(store, stored).append(chunks_of(*chunks))


async def add_complete(store: ObjectStore, content: bytes, **told: str) -> StoredUpload:
    """An upload that is there and waits to be processed."""
    upload_id = hashlib.sha256(content + repr(told).encode()).hexdigest()[:32]
    label = told.pop("label", "nebula")
    upload = make_upload(upload_id=upload_id, label=label, length=len(content), **told)
    return await append(store, await UploadStore(store).add(upload), content)


async def content_of(store: ObjectStore, upload: Upload) -> bytes:
    parts = PartStore(store)
    return b"".join([await parts.read(upload.folder, part) for part in upload.parts])
