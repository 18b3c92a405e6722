"""Turns: which of the jobs of this process works, by priority, and who is moved ahead.

The pool of workers has such a queue too, but a job that waits there cannot be hastened, and would
hold its claim on the work while others could do it.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from packager.errors import PoolBusyError
from packager.priority import BooksFullError, PlaceBooks, Priority, Ticket


class Turn:
    """A job's place in the queue; it may be hastened. Made for one job."""

    def __init__(self, priority: Priority) -> None:
        self.priority = priority
        self.ticket: Ticket | None = None
        self.has_come = asyncio.Event()


class Turns:
    """Lets so many jobs work at a time, and one more that a listener waits for.

    Args:
        places: how many.
        waiting_max: of each priority; more are refused.
    """

    def __init__(self, *, places: int, waiting_max: int) -> None:
        self._books = PlaceBooks(places, waiting_max)
        self._waiting: dict[Ticket, Turn] = {}

    @contextlib.asynccontextmanager
    async def taking(self, turn: Turn) -> AsyncIterator[None]:
        """Wait for the turn of a job; the block is its work.

        Raises:
            PoolBusyError: too many wait already.
        """
        turn.has_come.clear()
        self._enter(turn)
        try:
            await turn.has_come.wait()
            yield
        finally:
            ticket, turn.ticket = turn.ticket, None
            assert ticket is not None
            self._give_back(ticket)

    def hasten(self, turn: Turn, priority: Priority) -> None:
        """Give a job a higher priority, if there is room; what works already is left alone."""
        if priority >= turn.priority:
            return
        former, turn.priority = turn.ticket, priority
        if former is None or turn.has_come.is_set():
            return
        with contextlib.suppress(PoolBusyError):
            self._enter(turn)
            self._give_back(former)

    def _enter(self, turn: Turn) -> None:
        try:
            ticket = self._books.enter(turn.priority)
        except BooksFullError as error:
            raise PoolBusyError(str(error)) from error
        turn.ticket = ticket
        self._waiting[ticket] = turn
        if ticket in self._books.running:
            self._let_in(ticket)

    def _give_back(self, ticket: Ticket) -> None:
        self._waiting.pop(ticket, None)
        for following in self._books.leave(ticket):
            self._let_in(following)

    def _let_in(self, ticket: Ticket) -> None:
        self._waiting.pop(ticket).has_come.set()
