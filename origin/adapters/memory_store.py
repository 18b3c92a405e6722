"""An object store in memory: for tests and for trying things out. It keeps nothing."""

import asyncio
import contextlib
import hashlib
import itertools
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from origin.errors import (
    ObjectConflictError,
    ObjectDamagedError,
    ObjectMissingError,
    ObjectTooLargeError,
    StoreFullError,
)
from origin.object_key import check_key, check_prefix
from origin.ports import (
    IfAbsent,
    IfMatch,
    KeyPage,
    ObjectContent,
    ObjectHead,
    PutCondition,
    StoredObject,
)

_CHUNK_BYTES: Final = 256 * 1024


class MemoryStore:
    """Holds objects of `size_max` bytes together. `clock` stamps them."""

    def __init__(self, *, size_max: int, clock: Callable[[], float]) -> None:
        assert size_max > 0
        self._objects: dict[str, StoredObject] = {}
        self._size_max = size_max
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
        content = (
            source if isinstance(source, bytes) else await asyncio.to_thread(source.read_bytes)
        )
        digest = hashlib.sha256(content).hexdigest()
        there = self._objects.get(check_key(key))
        if sha256 not in (None, digest):
            raise ObjectDamagedError(key, "the bytes to put are not those they should be")
        match condition:
            case IfAbsent() if there is not None:
                raise ObjectConflictError(key)
            case IfMatch(etag) if there is None or there.head.etag != etag:
                raise ObjectConflictError(key)
            case _:
                pass
        size = sum(one.head.size_bytes for name, one in self._objects.items() if name != key)
        if size + len(content) > self._size_max:
            raise StoreFullError(f"object {key}: above the limit of {self._size_max} bytes")
        head = ObjectHead(key, len(content), digest, digest, self._clock())
        self._objects[key] = StoredObject(head, content)
        return head

    async def head(self, key: str) -> ObjectHead | None:
        """See `ObjectStore.head`."""
        there = self._objects.get(check_key(key))
        return None if there is None else there.head

    async def read(self, key: str, *, size_max: int) -> StoredObject:
        """See `ObjectStore.read`."""
        there = self._find(key)
        if there.head.size_bytes > size_max:
            raise ObjectTooLargeError(key, size_bytes=there.head.size_bytes, size_max=size_max)
        return there

    async def stream(
        self, content: ObjectContent, *, start: int, stop: int
    ) -> AsyncGenerator[bytes, None]:
        """See `ObjectStore.stream`."""
        assert 0 <= start <= stop <= content.size_bytes
        there = self._find(content.key)
        if there.head.sha256 != content.sha256:
            raise ObjectConflictError(content.key)
        for position in range(start, stop, _CHUNK_BYTES):
            yield there.content[position : min(stop, position + _CHUNK_BYTES)]

    @contextlib.asynccontextmanager
    async def open_local(self, key: str) -> AsyncIterator[Path]:
        """See `ObjectStore.open_local`."""
        content = self._find(key).content
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "object")
            await asyncio.to_thread(path.write_bytes, content)
            yield path

    async def list_keys(self, prefix: str, *, after: str = "", limit: int) -> KeyPage:
        """See `ObjectStore.list_keys`."""
        assert 1 <= limit <= 1000
        check_prefix(prefix)
        matching = (key for key in sorted(self._objects) if key.startswith(prefix) and key > after)
        keys = list(itertools.islice(matching, limit + 1))
        return KeyPage(tuple(keys[:limit]), has_more=len(keys) > limit)

    async def delete(self, key: str) -> bool:
        """See `ObjectStore.delete`."""
        return self._objects.pop(check_key(key), None) is not None

    async def touch(self, key: str) -> None:
        """See `ObjectStore.touch`."""
        there = self._objects.get(check_key(key))
        if there is not None:
            head = replace(there.head, modified_s=self._clock())
            self._objects[key] = StoredObject(head, there.content)

    async def check(self) -> None:
        """See `ObjectStore.check`: memory is always there."""

    def _find(self, key: str) -> StoredObject:
        there = self._objects.get(check_key(key))
        if there is None:
            raise ObjectMissingError(key)
        return there
