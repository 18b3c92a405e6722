"""Who gets a worker next: priorities, places, and the books of both. No I/O.

A listener who waits hears nothing, so listeners go first; what is ingested in bulk goes last.
Within one priority, who came first is served first. While all places are taken by work of lower
priorities, one listener's job is let in beside them: at most one worker more than was asked for
runs, and only for that.

The books decide and tell; whoever keeps them starts what they say.
"""

import enum
import heapq
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

NICENESS_STEP: Final = 5
"""How much more each priority yields the processor: a factor of three in its share on Linux."""


class Priority(enum.IntEnum):
    """For whom a job is done; the lower number goes first."""

    LISTENER = 0
    """Somebody waits to hear it."""

    OPERATOR = 1
    """Somebody asked for it and looks at the progress."""

    INGEST = 2
    """Nobody waits."""

    @property
    def niceness(self) -> int:
        """To be added to that of a worker."""
        return NICENESS_STEP * self


class BooksFullError(Exception):
    """As many wait with this priority as may.

    Attributes:
        waiting: how many.
    """

    def __init__(self, waiting: int) -> None:
        super().__init__(f"{waiting} jobs wait already")
        self.waiting = waiting


@dataclass(frozen=True, slots=True, order=True)
class Ticket:
    """One job's place in the queue. Tickets compare as they are served."""

    priority: Priority
    number: int


@dataclass(slots=True)
class PlaceBooks:
    """Which jobs run and which wait.

    Attributes:
        places: how many jobs run at a time; a listener's may be one more.
        waiting_max: how many jobs of each priority may wait. Each has a limit of its own, so that
            no amount of ingest keeps a listener out.
    """

    places: int
    waiting_max: int
    _running: set[Ticket] = field(default_factory=set)
    _queue: list[Ticket] = field(default_factory=list)
    _issued: int = 0

    def __post_init__(self) -> None:
        assert self.places > 0
        assert self.waiting_max >= 0

    @property
    def running(self) -> frozenset[Ticket]:
        """Jobs that have been let in and have not left."""
        return frozenset(self._running)

    @property
    def waiting(self) -> tuple[Ticket, ...]:
        """Jobs that wait, in the order in which they will be let in."""
        return tuple(sorted(self._queue))

    def enter(self, priority: Priority) -> Ticket:
        """A new job: it runs if it can, else it waits; `running` tells.

        Raises:
            BooksFullError: too many of this priority wait already. Nothing has changed.
        """
        ticket = Ticket(priority, self._issued)
        waiting = Counter(waiter.priority for waiter in self._queue)[priority]
        if not self._may_run(priority) and waiting >= self.waiting_max:
            raise BooksFullError(waiting)
        self._issued += 1
        heapq.heappush(self._queue, ticket)
        self._let_in()
        return ticket

    def leave(self, ticket: Ticket) -> tuple[Ticket, ...]:
        """A job is done, or is waited for no more.

        Returns:
            The jobs that may run now.
        """
        if ticket in self._running:
            self._running.remove(ticket)
        else:
            self._queue.remove(ticket)
            heapq.heapify(self._queue)
        return self._let_in()

    def _let_in(self) -> tuple[Ticket, ...]:
        # Where the first one cannot run, nobody can: the rule below only favors listeners.
        let_in: list[Ticket] = []
        while self._queue and self._may_run(self._queue[0].priority):
            ticket = heapq.heappop(self._queue)
            self._running.add(ticket)
            let_in.append(ticket)
        return tuple(let_in)

    def _may_run(self, priority: Priority) -> bool:
        if len(self._running) < self.places:
            return True
        has_listener = any(ticket.priority is Priority.LISTENER for ticket in self._running)
        is_one_more = len(self._running) == self.places
        return priority is Priority.LISTENER and is_one_more and not has_listener
