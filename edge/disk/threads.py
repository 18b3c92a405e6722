"""Threads for work that a disk may hold up, for as long as it likes.

Unlike those of `concurrent.futures` they are daemons: a process can end although a read hangs.
"""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import TypeVar

_ResultT = TypeVar("_ResultT")

_Work = Callable[[], None]


class Threads:
    """A few threads that take work in its order. Made and used on an event loop's thread.

    Args:
        count: how many; each is started when it is first needed.
        name: what they are for.
    """

    def __init__(self, count: int, *, name: str) -> None:
        assert count > 0
        self._count = count
        self._name = name
        self._started = 0
        self._unfinished = 0
        self._work: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()

    @property
    def unfinished(self) -> int:
        """Pieces of work that wait or are under way."""
        return self._unfinished

    def run(self, work: Callable[[], _ResultT]) -> asyncio.Future[_ResultT]:
        """Do `work` in a thread. A future that is cancelled is not told; the work goes on."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[_ResultT] = loop.create_future()

        def tell(result: _ResultT | None, error: BaseException | None) -> None:
            self._unfinished -= 1
            if future.done():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(result)  # type: ignore[arg-type]

        def do() -> None:
            result, error = None, None
            try:
                result = work()
            except BaseException as raised:  # noqa: BLE001 - handed to whoever waits
                error = raised
            with contextlib.suppress(RuntimeError):  # The loop has been closed meanwhile.
                loop.call_soon_threadsafe(tell, result, error)

        self._unfinished += 1
        if self._started < min(self._unfinished, self._count):
            self._started += 1
            name = f"{self._name}-{self._started}"
            threading.Thread(target=self._serve, name=name, daemon=True).start()
        self._work.put(do)
        return future

    def close(self) -> None:
        """End the threads once all work is done; nobody waits for that."""
        for _ in range(self._started):
            self._work.put(None)

    def _serve(self) -> None:
        while (work := self._work.get()) is not None:
            work()


async def finished(future: asyncio.Future[_ResultT]) -> _ResultT:
    """The result of work that must not be left alone: a cancellation waits for its end.

    Raises:
        asyncio.CancelledError: after the end of the work.
    """
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait({future})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        future.exception()  # Looked at: nobody else will.
        raise cancelled
    return future.result()
