"""Puts the objects of one ingest into the store, without any lock.

Two processes may ingest the same bytes, and keys follow from the bytes: so each puts what is not
there and reuses what is. Nothing is taken back when an ingest fails; the next ingest of these bytes
reuses it, and what nobody names is collected some day. Since that may happen to what is reused, an
old object is touched, and whoever has made a track visible looks once more whether all is there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from origin.errors import ObjectConflictError, ObjectDamagedError
from origin.ports import IfAbsent, ObjectHead, ObjectStore, PutCondition
from origin.rebuild_errors import RebuildMismatchError
from origin.retention import ORPHAN_S

# Half the age of what is collected: a collection under way has not come to it yet.
_OLD_S: Final = ORPHAN_S / 2


@dataclass(frozen=True, slots=True)
class NewObject:
    """An object to publish.

    Attributes:
        key: where.
        source: its bytes, or a file that stays as it is until the publication is over.
        sha256: their digest.
        is_replaced: whether it takes the place of other bytes. What is found in a master may be
            something else with the next release.
    """

    key: str
    source: bytes | Path
    sha256: str
    is_replaced: bool = False


class Publication:
    """The objects of one ingest; `clock` tells seconds since the epoch."""

    def __init__(self, store: ObjectStore, *, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._objects: list[NewObject] = []

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
        if head is not None and head.sha256 == new.sha256:
            await self._keep(head)
            return
        if head is None or new.is_replaced:
            # Damaged, so that no track can live on it; or removed since.
            await self._create(new, None)
        else:
            raise RebuildMismatchError(new.key, recorded=head.sha256, built=new.sha256)

    async def _keep(self, head: ObjectHead) -> None:
        """Make what is reused young, if a collection could take it for the rest of cut work."""
        if self._clock() - head.modified_s > _OLD_S:
            await self._store.touch(head.key)

    async def confirm(self) -> None:
        """See to it that all objects are there, once the track is visible.

        Raises:
            StoreError: the store cannot be read or written.
        """
        for one in self._objects:
            if await self._head(one.key) is None:
                await self._create(one, IfAbsent())

    async def _create(self, new: NewObject, condition: PutCondition | None) -> bool:
        try:
            await self._store.put(new.key, new.source, sha256=new.sha256, condition=condition)
        except ObjectConflictError:
            return False
        return True

    async def _head(self, key: str) -> ObjectHead | None:
        try:
            return await self._store.head(key)
        except ObjectDamagedError:
            return None
