"""Puts the objects of one ingest into the store, or takes them back, without any lock.

Two processes may ingest the same bytes. Keys and contents follow from the bytes, so each puts
what is not there and reuses what is. If one of them fails and takes back its objects, the other
may have reused them. So:

* who succeeds looks, after its track is visible, whether all objects are still there, and puts
  what is missing;
* who fails removes its objects first and then looks whether the track is visible: if so, somebody
  else succeeded, and it puts them again. It also looks before: a write that was cancelled may have
  been done, the one of the track's record too, and then nothing is removed at all.

Whichever way the steps interleave, one of the two sees the other.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from origin.errors import ObjectConflictError, ObjectDamagedError, RebuildMismatchError
from origin.ports import IfAbsent, ObjectHead, ObjectStore, PutCondition


@dataclass(frozen=True, slots=True)
class NewObject:
    """An object to publish; `source` stays as it is until the publication is over."""

    key: str
    source: bytes | Path
    sha256: str


class Publication:
    """The objects of one ingest."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._objects: list[NewObject] = []
        self._created: list[NewObject] = []

    async def put(self, new: NewObject) -> None:
        """Put an object, or reuse the equal one that is there.

        Raises:
            RebuildMismatchError: what is there has other bytes.
            StoreError: the store cannot be written.
        """
        self._objects.append(new)
        if await self._create(new, IfAbsent()):
            return
        head = await self._head(new.key)
        if head is None:
            # Damaged, so that no track can live on it; or removed since.
            await self._create(new, None)
        elif head.sha256 != new.sha256:
            raise RebuildMismatchError(new.key, recorded=head.sha256, built=new.sha256)

    async def confirm(self) -> None:
        """See to it that all objects are there, once the track is visible.

        Raises:
            StoreError: the store cannot be read or written.
        """
        for one in self._objects:
            if await self._store.head(one.key) is None:
                await self._create(one, IfAbsent())

    async def take_back(self, is_visible: Callable[[], Awaitable[bool]]) -> None:
        """Remove what this publication put, unless the track is visible after all.

        Raises:
            StoreError: the store cannot be read or written.
        """
        if not await is_visible():
            for one in reversed(self._created):
                await self._delete(one)
        if await is_visible():
            await self.confirm()

    async def _create(self, new: NewObject, condition: PutCondition | None) -> bool:
        try:
            await self._store.put(new.key, new.source, sha256=new.sha256, condition=condition)
        except ObjectConflictError:
            return False
        except BaseException:
            # Cancelled, or it failed late: perhaps it is there.
            self._created.append(new)
            raise
        self._created.append(new)
        return True

    async def _delete(self, created: NewObject) -> None:
        head = await self._head(created.key)
        if head is None or head.sha256 == created.sha256:
            await self._store.delete(created.key)

    async def _head(self, key: str) -> ObjectHead | None:
        try:
            return await self._store.head(key)
        except ObjectDamagedError:
            return None
