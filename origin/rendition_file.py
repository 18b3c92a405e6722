"""A rendition as a resource: its record tells all about it but whether its file is there.

So conditions and ranges are decided before the store is asked, and the first request to it brings
the first bytes. A file that turns out to be missing, or to be another one, is packaged then.
"""

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from origin.answer import Representation
from origin.errors import ObjectConflictError, ObjectDamagedError, ObjectMissingError
from origin.ports import ObjectContent, ObjectStore
from origin.rendition_job import Target, find_file_head

_NOT_THERE: Final = (ObjectMissingError, ObjectConflictError, ObjectDamagedError)


@dataclass(frozen=True, slots=True)
class RenditionMeans:
    """What the file of a rendition is read and made with.

    Attributes:
        store: where it is, or should be.
        package: makes it unless the store has it as the record promises.
        repair: has it made again, though the store seems to have it; nobody waits for that.
        note_use: is told the keys of objects when somebody hears them.
    """

    store: ObjectStore
    package: Callable[[Target], Awaitable[None]]
    repair: Callable[[Target], None]
    note_use: Callable[[tuple[str, ...]], None]


@dataclass(frozen=True, slots=True)
class RenditionFile:
    """A rendition's file, in the store or still to be made."""

    representation: Representation
    target: Target
    means: RenditionMeans

    async def prove(self) -> None:
        """Have the file made if it is not there.

        Raises:
            OriginError, PackagerError, DrmError: it is not there, and cannot be made.
        """
        head = await find_file_head(self.means.store, self.target)
        if head is None or head.sha256 != self.representation.sha256:
            await self.means.package(self.target)

    async def stream(self, *, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        """The bytes `[start, stop)`, at least one.

        Raises:
            ObjectDamagedError: they are not those that the record promises.
            StoreError: the store cannot be read.
            OriginError, PackagerError, DrmError: the file is not there, and cannot be made.
        """
        async with contextlib.AsyncExitStack() as stack:
            try:
                first, others = await self._open(stack, start, stop)
            except _NOT_THERE:
                await self.means.package(self.target)
                first, others = await self._open_made(stack, start, stop)
            self.means.note_use((self.target.file_key, self.target.index_key))
            yield first
            async for chunk in others:
                yield chunk

    def repair(self) -> None:
        """Have the file made again, since it turned out to be damaged."""
        self.means.repair(self.target)

    async def _open(
        self, stack: contextlib.AsyncExitStack, start: int, stop: int
    ) -> tuple[bytes, AsyncGenerator[bytes, None]]:
        """The first chunk, and what reads the others until `stack` is left."""
        content = ObjectContent(
            self.target.file_key, self.representation.size_bytes, self.representation.sha256
        )
        chunks = self.means.store.stream(content, start=start, stop=stop)
        await stack.enter_async_context(contextlib.aclosing(chunks))
        return await anext(chunks), chunks

    async def _open_made(
        self, stack: contextlib.AsyncExitStack, start: int, stop: int
    ) -> tuple[bytes, AsyncGenerator[bytes, None]]:
        try:
            return await self._open(stack, start, stop)
        except (ObjectMissingError, ObjectConflictError) as error:
            raise ObjectDamagedError(
                self.target.file_key, "it is not the file that its record names"
            ) from error
