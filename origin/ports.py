"""What the origin needs from the world. Adapters live in `origin.adapters`.

The port asks for nothing that an S3 bucket cannot do: whole objects put at once, conditions on a
put (`If-None-Match: *`, `If-Match`), ranged reads that tell the digest noted at the put, copies of
an object onto itself, listing in order.
"""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ObjectContent:
    """Which bytes an object has, or should have: enough to read it.

    Attributes:
        key: its name.
        size_bytes: its length.
        sha256: hexadecimal SHA-256 of what was put, noted by the store when it was.
    """

    key: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ObjectHead(ObjectContent):
    """What a store knows about an object without reading it.

    Attributes:
        etag: opaque; another one after each put of other bytes.
        modified_s: when it was put or touched, in seconds since the epoch by the store's clock.
            Where that counts whole seconds, what a put returns may be a second off.
    """

    etag: str
    modified_s: float


@dataclass(frozen=True, slots=True)
class StoredObject:
    """A whole object whose digest has been verified."""

    head: ObjectHead
    content: bytes


@dataclass(frozen=True, slots=True)
class IfAbsent:
    """Put only if there is no object under the key."""


@dataclass(frozen=True, slots=True)
class IfMatch:
    """Put only if the object under the key has this entity tag."""

    etag: str


PutCondition = IfAbsent | IfMatch


@dataclass(frozen=True, slots=True)
class KeyPage:
    """Some keys in the store's order, which is that of their characters within one folder.

    Across folders a store may compare whole names: `a/c` before `a-b/c`, though "-" is below "/".

    Attributes:
        keys: at most as many as were asked for.
        has_more: whether keys follow; ask again with `after` the last one.
    """

    keys: tuple[str, ...]
    has_more: bool


class ObjectStore(Protocol):
    """Keeps objects by key. Several processes may work on one store at the same time.

    Keys are as `origin.object_key.check_key` allows; none is a folder of another (`a` and `a/b`).
    Every method raises `StoreError`: its subclasses tell a full store from one that is read-only or
    whose storage fails.
    """

    async def put(
        self,
        key: str,
        source: bytes | Path,
        *,
        sha256: str | None = None,
        condition: PutCondition | None = None,
    ) -> ObjectHead:
        """Store an object, at once or not at all: a reader sees the old one or the new one.

        Args:
            key: where.
            source: its bytes, or a local file that holds them and does not change meanwhile.
            sha256: their digest if it is known; the put is refused when it does not hold.
            condition: what must be true of the object that is there.

        Raises:
            ObjectConflictError: the condition does not hold.
            ObjectDamagedError: the source does not have the digest `sha256`.
            StoreError: the store cannot be written; it is as it was. Of a `StoreUnreachableError`
                nobody knows: the store may have taken the object, and only the answer was lost.
        """
        ...

    async def head(self, key: str) -> ObjectHead | None:
        """Tell what is known about an object; None if there is none.

        Raises:
            ObjectDamagedError: its length is not that of what was put.
            StoreError: the store cannot be read.
        """
        ...

    async def read(self, key: str, *, size_max: int) -> StoredObject:
        """Read a whole object into memory and verify its digest.

        Raises:
            ObjectMissingError: there is none.
            ObjectTooLargeError: it has more than `size_max` bytes.
            ObjectDamagedError: its digest is not that of what was put.
            StoreError: the store cannot be read.
        """
        ...

    def stream(
        self, content: ObjectContent, *, start: int, stop: int
    ) -> AsyncGenerator[bytes, None]:
        """Read the bytes `[start, stop)` of an object that should have this content, in chunks.

        The digest noted at the put is compared before the first chunk, which takes no request of
        its own. A read of the whole is verified: the last chunk comes only if the digest holds. A
        touch does not disturb it. Close the iterator (`contextlib.aclosing`) when leaving early.

        Raises:
            ObjectMissingError: there is none.
            ObjectConflictError: it has another content.
            ObjectDamagedError: it has fewer bytes, the whole has another digest, or none was noted.
            StoreError: the store cannot be read.
        """
        ...

    def open_local(self, key: str) -> AbstractAsyncContextManager[Path]:
        """Have a whole, verified object as a local file that must not be written.

        Raises:
            ObjectMissingError: there is none.
            ObjectDamagedError: its digest is not that of what was put.
            StoreError: the store cannot be read.
            ScratchError: there is no room for a copy.
        """
        ...

    async def list_keys(self, prefix: str, *, after: str = "", limit: int) -> KeyPage:
        """List keys that begin with `prefix` and sort after `after`.

        Args:
            prefix: empty, or ends with "/".
            after: a key; empty to begin.
            limit: at most so many, 1 to 1000.

        Raises:
            StoreError: the store cannot be read.
        """
        ...

    async def delete(self, key: str) -> bool:
        """Remove an object; tell whether it was there.

        Raises:
            StoreError: the store cannot be written.
        """
        ...

    async def touch(self, key: str) -> None:
        """Have an object count as modified now; nothing happens if there is none.

        Its entity tag may change. An object that the store cannot touch (S3: above 5 GiB) stays as
        it is.

        Raises:
            StoreError: the store cannot be written.
        """
        ...

    async def check(self) -> None:
        """Prove that the store can be read and written at this moment.

        Raises:
            StoreError: it cannot.
        """
        ...
