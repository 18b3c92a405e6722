"""A process full of listeners, told through a pipe what to do: see `Order`."""

import contextlib
import heapq
import itertools
import select
import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Final

from benchmarks.streams.listener import BrokenError, Listener, Question, State
from benchmarks.streams.pace import Played, spread

_CONNECTS_S: Final = 1 / 150
# Of ip(7); the module has no name for it before Python 3.12.
_IP_BIND_ADDRESS_NO_PORT: Final = 24
_READY_S_MAX: Final = 60.0


@dataclass(frozen=True, slots=True)
class Crowd:
    """What a process is for.

    Attributes:
        host: of the server.
        port: of the server.
        sources: addresses of loopback from which listeners come.
        trusted: a file with the server's certificate; None is in the clear.
        questions: what listeners ask, each from another one on.
    """

    host: str
    port: int
    sources: Sequence[str]
    trusted: str | None
    questions: Sequence[Question]


@dataclass(frozen=True, slots=True)
class Grow:
    """Let more listeners come. Answered with None when all are connected.

    Attributes:
        count: how many.
        is_idle: whether each asks once and then stays.
    """

    count: int
    is_idle: bool


@dataclass(frozen=True, slots=True)
class Report:
    """Answered with a `Played` of what was since the last one."""


Order = Grow | Report | None


def run_crowd(crowd: Crowd, pipe: Connection) -> None:
    """Follow orders until the pipe brings None."""
    running = _Running(crowd, pipe)
    try:
        with contextlib.suppress(EOFError):
            running.run()
    finally:
        running.close()


class _Running:
    def __init__(self, crowd: Crowd, pipe: Connection) -> None:
        self._crowd = crowd
        self._pipe = pipe
        self._poll = select.epoll()
        self._poll.register(pipe.fileno(), select.EPOLLIN)
        self._listeners: dict[int, Listener] = {}
        self._turns: list[tuple[float, int, Listener]] = []
        self._counter = itertools.count()
        self._played = Played()
        self._cpu_s = time.process_time()
        self._context = None
        if crowd.trusted is not None:
            self._context = ssl.create_default_context(cafile=crowd.trusted)
            self._context.check_hostname = False
        self._is_over = False

    def run(self) -> None:
        while not self._is_over:
            self._turn(1.0)

    def close(self) -> None:
        self._poll.close()
        for listener in self._listeners.values():
            listener.close()

    def _turn(self, wait_s: float) -> None:
        now_s = time.monotonic()
        while self._turns and self._turns[0][0] <= now_s:
            due_s, _, listener = heapq.heappop(self._turns)
            self._played.load_late_s_max = max(self._played.load_late_s_max, now_s - due_s)
            self._ask(listener)
            now_s = time.monotonic()
        if self._turns:
            wait_s = min(wait_s, max(0.0, self._turns[0][0] - now_s))
        for descriptor, _ in self._poll.poll(wait_s):
            if descriptor == self._pipe.fileno():
                self._obey(self._pipe.recv())
            else:
                self._advance(self._listeners[descriptor])

    def _obey(self, order: Order) -> None:
        match order:
            case Grow():
                self._grow(order)
                self._pipe.send(None)
            case Report():
                self._pipe.send(self._report())
            case None:
                self._is_over = True

    def _report(self) -> Played:
        played, self._played = self._played, Played()
        cpu_s = time.process_time()
        played.load_cpu_s, self._cpu_s = cpu_s - self._cpu_s, cpu_s
        now_s = time.monotonic()
        for one in self._listeners.values():
            if one.state is State.ANSWER and one.schedule is not None:
                played.note_waiting(one.schedule, one.number, now_s)
        return played

    def _grow(self, order: Grow) -> None:
        fresh: list[Listener] = []
        self._poll.unregister(self._pipe.fileno())
        next_s = time.monotonic()
        for _ in range(order.count):
            fresh.append(self._connect())
            next_s += _CONNECTS_S
            while (left_s := next_s - time.monotonic()) > 0:
                self._turn(left_s)
        self._wait_ready(fresh)
        if order.is_idle:
            for listener in fresh:
                self._ask(listener)
                self._turn(0.0)
            self._wait_ready(fresh)
        else:
            for listener, schedule in zip(fresh, spread(len(fresh), time.monotonic()), strict=True):
                listener.schedule = schedule
                self._plan(listener)
        self._poll.register(self._pipe.fileno(), select.EPOLLIN)

    def _wait_ready(self, fresh: Sequence[Listener]) -> None:
        ends_s = time.monotonic() + _READY_S_MAX
        while time.monotonic() < ends_s:
            if all(one.state is State.TURN or one.fileno() < 0 for one in fresh):
                return
            self._turn(0.05)

    def _connect(self) -> Listener:
        number = next(self._counter)
        opened = socket.socket()
        opened.settimeout(0)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Its port is chosen when it connects: a port may serve many addresses at once.
        opened.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
        opened.bind((self._crowd.sources[number % len(self._crowd.sources)], 0))
        questions = self._crowd.questions
        first = number * 7919 % len(questions)
        listener = Listener(opened, self._context, questions, first)
        with contextlib.suppress(BlockingIOError):
            opened.connect((self._crowd.host, self._crowd.port))
        self._listeners[opened.fileno()] = listener
        self._poll.register(opened.fileno(), select.EPOLLIN | select.EPOLLOUT)
        return listener

    def _plan(self, listener: Listener) -> None:
        assert listener.schedule is not None
        due_s = listener.schedule.asked_s(listener.number)
        heapq.heappush(self._turns, (due_s, next(self._counter), listener))

    def _ask(self, listener: Listener) -> None:
        if listener.fileno() < 0:
            return
        try:
            listener.ask()
        except BrokenError:
            self._drop(listener)

    def _advance(self, listener: Listener) -> None:
        was = listener.state
        try:
            listener.advance()
        except BrokenError:
            self._drop(listener)
            return
        is_done = was is State.ANSWER and listener.state is State.TURN
        if was is State.CONNECTION:
            self._poll.modify(listener.fileno(), select.EPOLLIN)
        if is_done and listener.schedule is not None:
            self._played.note(listener.schedule, listener.number, time.monotonic())
            listener.number += 1
            self._plan(listener)

    def _drop(self, listener: Listener) -> None:
        self._played.failed += 1
        descriptor = listener.fileno()
        self._poll.unregister(descriptor)
        del self._listeners[descriptor]
        listener.close()
