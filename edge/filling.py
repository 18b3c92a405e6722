"""A slice that is being filled: readers follow it byte by byte."""

import asyncio

from edge.errors import EdgeError


class FillingSlice:
    """Content of one slice as it arrives.

    Attributes:
        number: of the slice.
        length: of its content when complete.
        run: the number of the run that fills it; another run may take it over before it begins.
        content: `length` bytes, of which the first `received` are there.
    """

    __slots__ = ("_error", "_waiters", "content", "length", "number", "received", "run")

    def __init__(self, number: int, length: int, run: int) -> None:
        self.number = number
        self.length = length
        self.run = run
        self.content = bytearray()
        self.received = 0
        self._error: EdgeError | None = None
        self._waiters: list[asyncio.Future[None]] = []

    @property
    def is_complete(self) -> bool:
        """Whether all of it is there."""
        return self.received == self.length

    def feed(self, data: memoryview) -> None:
        """Take in the next bytes and wake all readers."""
        if not self.content:
            self.content = bytearray(self.length)  # At once: readers hold views of it.
        stop = self.received + len(data)
        assert stop <= self.length
        self.content[self.received : stop] = data
        self.received = stop
        self._wake()

    def fail(self, error: EdgeError) -> None:
        """No more bytes will come; readers that need more get `error`."""
        self._error = error
        self._wake()

    async def read(self, start: int, stop: int) -> memoryview:
        """Bytes from `start` on as soon as there are any, at most up to `stop`.

        Raises:
            EdgeError: they will not come.
        """
        assert 0 <= start < stop <= self.length
        while self.received <= start:
            if self._error is not None:
                raise self._error
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter
        return memoryview(self.content)[start : min(stop, self.received)]

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
