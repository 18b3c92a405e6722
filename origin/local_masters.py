"""Masters as local files, one copy for all jobs that need it at the same time."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from origin.ports import ObjectStore


@dataclass(slots=True)
class _Opened:
    """A master that somebody reads; `path` is None until it is there."""

    path: Path | None = None
    readers: int = 0
    gate: asyncio.Lock = field(default_factory=asyncio.Lock)
    stack: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)


class LocalMasters:
    """Opens masters of `store`."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._opened: dict[str, _Opened] = {}
        # Copies of equal bytes may be handed in at the same time.
        self._lent: dict[str, list[Path]] = {}

    @contextlib.contextmanager
    def lending(self, key: str, path: Path) -> Iterator[None]:
        """Use `path`, whose bytes are those of the object `key`, while the block runs."""
        lent = self._lent.setdefault(key, [])
        lent.append(path)
        try:
            yield
        finally:
            lent.remove(path)
            if not lent:
                del self._lent[key]

    @contextlib.asynccontextmanager
    async def opening(self, key: str, folder: Path) -> AsyncIterator[Path]:
        """Have a master as a local file that must not be written.

        Args:
            key: where it is in the store.
            folder: of the job that needs it; a lent file is linked there, since its owner may
                leave before the job ends.

        Raises:
            StoreError: it cannot be read.
        """
        link = folder / "master"
        if await self._link_lent(key, link):
            yield link
            return
        async with self._shared(key) as path:
            yield path

    async def _link_lent(self, key: str, link: Path) -> bool:
        for lent in list(self._lent.get(key, ())):
            with contextlib.suppress(OSError):
                await asyncio.to_thread(os.link, lent, link)
                return True
        return False

    @contextlib.asynccontextmanager
    async def _shared(self, key: str) -> AsyncIterator[Path]:
        opened = self._opened.setdefault(key, _Opened())
        opened.readers += 1
        try:
            async with opened.gate:
                if opened.path is None:
                    opened.path = await opened.stack.enter_async_context(
                        self._store.open_local(key)
                    )
            yield opened.path
        finally:
            opened.readers -= 1
            if opened.readers == 0:
                del self._opened[key]
                await opened.stack.aclose()
