"""Content on its way in: a slice that is being filled, and a run of bytes that fills slices."""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from edge.arena import Arena
from edge.content import SliceContent
from edge.errors import EdgeError
from edge.fields import Fields
from edge.representation import Representation
from edge.spans import Spans
from http_semantics.byte_range import ByteSlice

# Where a run ends whose length only its end tells.
UNKNOWN_STOP: Final = 1 << 62


class FillingSlice:
    """One slice of a representation as its bytes arrive, in any order.

    Args:
        number: of the slice.
        content: as many bytes as it will have.
        spans: which of them are there.
        arena: that `content` was taken from.
    """

    __slots__ = ("_arena", "content", "number", "spans")

    def __init__(self, number: int, content: SliceContent, spans: Spans, arena: Arena) -> None:
        self._arena = arena
        self.number = number
        self.content = content
        self.spans = spans

    @property
    def is_complete(self) -> bool:
        """Whether all of it is there."""
        return self.spans.covers(0, len(self.content))

    def feed(self, offset: int, data: memoryview) -> None:
        """Take in bytes. What is there already stays: readers may hold views of it."""
        stop = offset + len(data)
        assert stop <= len(self.content)
        for start, end in self.spans.gaps(offset, stop):
            self._arena.lay(self.content, start, data[start - offset : end - offset])
        self.spans.add(offset, stop)

    def view(self, start: int, stop: int) -> memoryview:
        """The bytes from `start` on that are there in one piece, at most up to `stop`."""
        return memoryview(self.content)[start : min(stop, self.spans.end_at(start))]


@dataclass(slots=True, eq=False)
class Reader:
    """Somebody who is reading a part of a representation.

    Attributes:
        position: of the next byte.
        stop: after the last one.
        moved: set when he has moved on.
        arrivals: slices that had arrived when he began.
    """

    position: int
    stop: int
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    arrivals: int = 0

    def move(self, length: int) -> None:
        """So many bytes are read."""
        self.position += length
        self.moved.set()


@dataclass(slots=True, eq=False)
class Run:
    """Bytes `[position, stop)` that one request is to bring; they are nobody else's to fetch.

    Attributes:
        representation: whose bytes.
        position: of the next byte to arrive.
        stop: after the last one; another run may take over the rest, and then it moves down.
        fields: of the request; another request for the rest has the same.
        is_background: nobody waits for it, and it goes on all the same.
        was_wanted: there was a reader for it once.
        lead: what to fetch next, since it completes the slice that the run begins in.
        is_whole: the answer carries everything, asked for or not.
        is_answered: the upstream has said that the version is the same.
        announced_stop: where the answer ends, by what it says itself.
        is_over: no more bytes will come.
        error: why they will not.
    """

    representation: Representation
    position: int
    stop: int
    fields: Fields
    is_background: bool = False
    was_wanted: bool = False
    lead: ByteSlice | None = None
    is_whole: bool = False
    is_answered: bool = False
    announced_stop: int = UNKNOWN_STOP
    is_over: bool = False
    error: EdgeError | None = None
    _waiters: list[tuple[int, asyncio.Future[FillingSlice | None]]] = field(default_factory=list)

    def is_wanted_by(self, reader: Reader) -> bool:
        """Whether a reader will come to bytes of this run."""
        return reader.position < self.stop and reader.stop > self.position

    async def wait_for(self, position: int) -> FillingSlice | None:
        """Wait until a byte of the run has arrived, and return the slice that holds it.

        None tells that another run brings it.

        Raises:
            EdgeError: it will not come.
        """
        if self.is_over:
            if self.error is not None:
                raise self.error
            return None
        waiter: asyncio.Future[FillingSlice | None] = asyncio.get_running_loop().create_future()
        self._waiters.append((position, waiter))
        return await waiter

    def advance(self, position: int, filling: FillingSlice | None) -> None:
        """Bytes up to `position` have arrived, the last ones in `filling`: wake who waits.

        None tells that somebody else had brought them.
        """
        self.position = position
        if not self._waiters:
            return
        waiting = []
        for wanted, waiter in self._waiters:
            if wanted >= position:
                waiting.append((wanted, waiter))
            elif not waiter.done():
                waiter.set_result(filling)
        self._waiters = waiting

    def cut(self, stop: int) -> None:
        """Leave what begins at `stop` to another run."""
        self.stop = stop
        waiting = []
        for wanted, waiter in self._waiters:
            if wanted < stop:
                waiting.append((wanted, waiter))
            elif not waiter.done():
                waiter.set_result(None)
        self._waiters = waiting

    def end(self, error: EdgeError | None) -> None:
        """No more bytes will come."""
        self.is_over, self.error = True, error
        waiters, self._waiters = self._waiters, []
        for _, waiter in waiters:
            if waiter.done():
                continue
            if error is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(error)
