"""Reads ahead in a thread: what makes items and what uses them work at the same time.

Worth it where both spend their time in libraries that let other threads run meanwhile, as codecs
and digests do. The thread is born with the niceness of the one that starts it.
"""

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class _End:
    """Nothing follows: all has been read, or reading has failed."""

    error: BaseException | None


class _Reading(Generic[_Item]):
    def __init__(self, items: Iterator[_Item], ahead: int) -> None:
        self._items = items
        self._queue: queue.Queue[_Item | _End] = queue.Queue(ahead)
        self._is_left = threading.Event()

    def read(self) -> None:
        """Read to the end, or until nobody wants more."""
        error: BaseException | None = None
        try:
            for item in self._items:
                self._queue.put(item)
                if self._is_left.is_set():
                    break
        except BaseException as failure:  # noqa: BLE001 - raised where the items are used
            error = failure
        self._queue.put(_End(error))

    def items(self) -> Iterator[_Item]:
        while not isinstance(item := self._queue.get(), _End):
            yield item
        self._queue.put(item)
        if item.error is not None:
            raise item.error

    def leave(self) -> None:
        """Have the reading end; it may stand before a queue that is full."""
        self._is_left.set()
        while not isinstance(self._queue.get(), _End):
            pass


@contextmanager
def reading_ahead(items: Iterator[_Item], *, ahead: int) -> Iterator[Iterator[_Item]]:
    """The same items, read in a thread that lives no longer than the block.

    Args:
        items: used by nobody else meanwhile. What reading them raises is raised to whoever waits
            for the next one.
        ahead: how many may be read before they are used.

    Raises:
        MemoryError: there is no room for the thread.
    """
    reading = _Reading(items, ahead)
    thread = threading.Thread(target=reading.read)
    try:
        thread.start()
    except RuntimeError as error:
        raise MemoryError from error
    try:
        yield reading.items()
    finally:
        reading.leave()
        thread.join()
