"""An object store in a folder of the local file system (or of a shared one with working locks)."""

import asyncio
import contextlib
import errno
import functools
import hashlib
import itertools
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Final, TypeVar

import aiofiles

from origin.adapters.object_files import ObjectFiles
from origin.errors import (
    ObjectDamagedError,
    ObjectMissingError,
    ObjectTooLargeError,
    StoreError,
    StoreFullError,
    StoreIoError,
    StoreReadOnlyError,
)
from origin.object_key import check_key, check_prefix
from origin.ports import KeyPage, ObjectContent, ObjectHead, PutCondition, StoredObject
from origin.work_folder import open_work_folder

STREAM_CHUNK_BYTES: Final = 256 * 1024

_Result = TypeVar("_Result")

_FULL: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# A root that is a file, or below one, is as unwritable as one without permission.
_READ_ONLY: Final = {errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST}


class FolderStore:
    """Keeps objects as files under a folder. Made by `open_folder_store`."""

    def __init__(self, files: ObjectFiles) -> None:
        self._files = files

    async def put(
        self,
        key: str,
        source: bytes | Path,
        *,
        sha256: str | None = None,
        condition: PutCondition | None = None,
    ) -> ObjectHead:
        """See `ObjectStore.put`."""
        check_key(key)
        with _translated(key):
            return await _finished(
                functools.partial(self._files.put, key, source, sha256, condition)
            )

    async def head(self, key: str) -> ObjectHead | None:
        """See `ObjectStore.head`."""
        check_key(key)
        with _translated(key):
            return await asyncio.to_thread(self._files.head, key)

    async def read(self, key: str, *, size_max: int) -> StoredObject:
        """See `ObjectStore.read`."""
        head = await self.head(key)
        if head is None:
            raise ObjectMissingError(key)
        if head.size_bytes > size_max:
            raise ObjectTooLargeError(key, size_bytes=head.size_bytes, size_max=size_max)
        chunks: list[bytes] = []
        with _translated(key):
            head = await asyncio.to_thread(self._files.verify, key, chunks)
        return StoredObject(head, b"".join(chunks))

    async def stream(
        self, content: ObjectContent, *, start: int, stop: int
    ) -> AsyncGenerator[bytes, None]:
        """See `ObjectStore.stream`."""
        assert 0 <= start <= stop <= content.size_bytes
        key = check_key(content.key)
        digest = hashlib.sha256() if stop - start == content.size_bytes else None
        left = stop - start
        with _translated(key), _missing_told(key):
            async with aiofiles.open(self._files.path_of(key), "rb") as file:
                await asyncio.to_thread(self._files.check_opened, content, file.fileno())
                await file.seek(start)
                while left:
                    chunk = await file.read(min(left, STREAM_CHUNK_BYTES))
                    left -= len(chunk)
                    if not chunk:
                        raise ObjectDamagedError(key, f"it ends {left} bytes early")
                    if digest is not None:
                        digest.update(chunk)
                        if not left and digest.hexdigest() != content.sha256:
                            raise ObjectDamagedError(key, "its SHA-256 is another one")
                    yield chunk

    @contextlib.asynccontextmanager
    async def open_local(self, key: str) -> AsyncIterator[Path]:
        """See `ObjectStore.open_local`."""
        check_key(key)
        with _translated(key):
            await asyncio.to_thread(self._files.verify, key)
        yield self._files.path_of(key)

    async def list_keys(self, prefix: str, *, after: str = "", limit: int) -> KeyPage:
        """See `ObjectStore.list_keys`."""
        assert 1 <= limit <= 1000
        check_prefix(prefix)
        with _translated(prefix):
            keys = await asyncio.to_thread(self._first_keys, prefix, after, limit + 1)
        return KeyPage(tuple(keys[:limit]), has_more=len(keys) > limit)

    async def delete(self, key: str) -> bool:
        """See `ObjectStore.delete`."""
        check_key(key)
        with _translated(key):
            return await _finished(functools.partial(self._files.delete, key))

    async def touch(self, key: str) -> None:
        """See `ObjectStore.touch`."""
        check_key(key)
        with _translated(key):
            await asyncio.to_thread(self._files.touch, key)

    async def check(self) -> None:
        """See `ObjectStore.check`."""
        with _translated("of the readiness probe"):
            await asyncio.to_thread(self._files.check)

    def _first_keys(self, prefix: str, after: str, limit: int) -> list[str]:
        return list(itertools.islice(self._files.keys(prefix, after), limit))


@contextlib.asynccontextmanager
async def open_folder_store(root: Path) -> AsyncIterator[FolderStore]:
    """Open the store under `root`, made if it is not there.

    Files that a killed process was still writing are removed.

    Raises:
        StoreError: the folder cannot be made or written.
    """
    with contextlib.ExitStack() as stack:
        with _translated(f"folder {root}"):
            files = await asyncio.to_thread(_open_files, root, stack)
        yield FolderStore(files)


def _open_files(root: Path, stack: contextlib.ExitStack) -> ObjectFiles:
    # Masters lie there in the clear.
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    locks = root / ".locks"
    locks.mkdir(exist_ok=True)
    partials = stack.enter_context(open_work_folder(root / ".partial"))
    return ObjectFiles(root, partials=partials, locks=locks)


async def _finished(write: Callable[[], _Result]) -> _Result:
    """Write in a thread. A cancellation waits for its end: what is to be undone has been done.

    A thread cannot be stopped. If it went on behind the back of a caller who was cancelled and
    cleans up, it would write what the caller has just removed.
    """
    future = asyncio.get_running_loop().run_in_executor(None, write)
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait((future,))
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is None:
        return future.result()
    future.exception()  # Nobody is left to be told of it.
    raise cancelled


@contextlib.contextmanager
def _missing_told(key: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise ObjectMissingError(key) from error


@contextlib.contextmanager
def _translated(subject: str) -> Iterator[None]:
    """Turn what the operating system says about an object into an error of the port."""
    try:
        yield
    except OSError as error:
        raise _store_error_of(error, subject) from error


def _store_error_of(error: OSError, subject: str) -> StoreError:
    text = f"object {subject}: {error.strerror or error}"
    if error.errno in _FULL:
        return StoreFullError(text)
    if error.errno in _READ_ONLY:
        return StoreReadOnlyError(text)
    if error.errno == errno.EIO:
        return StoreIoError(text)
    return StoreError(text)
