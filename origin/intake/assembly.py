"""Makes one file of an upload's parts, in the scratch folder."""

import asyncio
import hashlib
import shutil
from pathlib import Path
from typing import Final

from origin.adapters.uncancelled import finished
from origin.intake.errors import UploadDamagedError, UploadMismatchError, UploadRoomError
from origin.intake.part_store import PartStore
from origin.intake.upload import Upload
from origin.intake.upload_metadata import SHA256_FIELD
from packager.errors import ScratchError

# The file, the copy that is ingested, and what is packaged of it.
_ROOM_FACTOR: Final = 3


async def assemble(parts: PartStore, upload: Upload, path: Path) -> None:
    """Write the new file `path`.

    Raises:
        UploadDamagedError: a part is lost or damaged.
        UploadMismatchError: the file has another SHA-256 than its sender named.
        UploadRoomError: there is no room for what follows.
        ScratchError: the file cannot be written.
        StoreError: the store failed.
    """
    digest = hashlib.sha256()
    size_bytes = 0
    try:
        await asyncio.to_thread(_check_room, path.parent, upload.length)
        for part in upload.parts:
            content = await parts.read(upload.folder, part)
            await finished(asyncio.to_thread(_append, path, content))
            await asyncio.to_thread(digest.update, content)
            size_bytes += len(content)
    except OSError as error:
        raise ScratchError(f"the upload cannot be written: {error.strerror}") from error
    if size_bytes != upload.length:
        raise UploadDamagedError(f"{size_bytes} of {upload.length} bytes are there")
    expected = upload.metadata.get(SHA256_FIELD, "")
    if expected and digest.hexdigest() != expected:
        raise UploadMismatchError(digest.hexdigest())


def _append(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)


def _check_room(folder: Path, length: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < length * _ROOM_FACTOR:
        raise UploadRoomError(length, free=free, needed=length * _ROOM_FACTOR)
