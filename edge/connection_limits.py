"""Bounds on the connections of a listener: how many, how long for a head, how slow a reader.

Nothing is measured on the way of a request. Once a second all connections are looked at, some at a
time: heads that have begun and do not end, answers that nobody takes. How much a slow reader has
taken the kernel tells (`tcp_info`), since what a transport still holds does not: it shrinks by what
the kernel's buffer lets in, at times by a megabyte after a minute.
"""

import asyncio
import contextlib
import itertools
import resource
import socket
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Protocol

from edge.metrics import EdgeCounts
from edge.settings import LimitSettings
from http_semantics.problem import CONTENT_TYPE, Problem

_PERIOD_S: Final = 1.0
# So many take about a fifth of a millisecond.
_LOOKED_AT_ONCE: Final = 500

# linux/tcp.h: `tcpi_bytes_acked` of `struct tcp_info`, since Linux 4.2.
_ACKED: Final = struct.Struct("=120xQ")

# Of descriptors, what listening, logs, disks and calls of the operator need beside upstreams.
_DESCRIPTORS_KEPT: Final = 256
# One part in so many may be for files of the disk tier (`edge.disk.verified_files`).
_FILES_SHARE: Final = 8


class Refusal(StrEnum):
    """Why a connection is not served."""

    TOTAL = "total"
    CLIENT = "client"


class Cut(StrEnum):
    """Why a connection was ended."""

    HEAD = "head"
    SLOW_READER = "slow-reader"
    UNSENT = "unsent"


class LimitedTransport(Protocol):
    """What is asked of a transport."""

    def get_write_buffer_size(self) -> int:
        """Bytes that the kernel has not taken yet."""
        ...

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Pause whoever writes above `high`."""
        ...

    def get_extra_info(self, name: str) -> Any:  # noqa: ANN401
        """See `asyncio.BaseTransport`."""
        ...

    def write(self, data: bytes) -> None:
        """Send."""
        ...

    def close(self) -> None:
        """End it once everything is sent."""
        ...

    def abort(self) -> None:
        """End it at once."""
        ...


class LimitedConnection(Protocol):
    """A connection as it is seen from here.

    Attributes:
        transport: None once it is lost.
        head_since_s: since when a head is waited for whose first byte has come, or the first head
            of a connection; 0.0 while none is. Monotonic seconds of the loop.
    """

    transport: Any
    head_since_s: float

    @property
    def is_answering(self) -> bool:
        """Whether there is a request whose answer is not complete, so that the next one waits."""
        ...


@dataclass(frozen=True, slots=True)
class ConnectionBounds:
    """How much is borne.

    Attributes:
        connections_max: at once.
        client_connections_max: of one address; 0 for as many.
        head_s: until a head is whole.
        buffer_bytes: whoever writes waits while a transport holds more.
        unsent_bytes_max: that all transports hold.
        stall_s: in so long a reader takes what `bytes_per_s_min` makes of it.
        bytes_per_s_min: a reader takes.
    """

    connections_max: int
    client_connections_max: int
    head_s: float
    buffer_bytes: int
    unsent_bytes_max: int
    stall_s: float
    bytes_per_s_min: int


class _SlowReader:
    """Who had not taken everything when he was last looked at. Bytes are the kernel's count.

    Attributes:
        unsent: that the transport holds.
        pace: what he took between looks, the last ones most; who has not shown any yet has none.
    """

    __slots__ = ("_since_s", "_taken", "_taken_before", "pace", "unsent")

    def __init__(self, unsent: int, taken: int | None, *, now_s: float) -> None:
        self.unsent = unsent
        self.pace = 0.0
        self._since_s = now_s
        self._taken = self._taken_before = taken or 0

    def look(self, unsent: int, taken: int | None, *, enough: float, now_s: float) -> float:
        """Note what he has taken by now; for how long, in seconds, has it not been `enough`?"""
        if taken is None:  # Of what is no TCP nobody counts: something is enough.
            taken = self._taken_before + abs(unsent - self.unsent)
            enough = 1
        moved = taken - self._taken_before
        self.pace = (self.pace + moved) / 2
        self.unsent, self._taken_before = unsent, taken
        if taken - self._taken >= enough:
            self._since_s, self._taken = now_s, taken
        return now_s - self._since_s


class ConnectionLimits:
    """Holds connections to their bounds.

    Args:
        bounds: to keep.
        counts: of this worker.
        clock: monotonic seconds, those of `LimitedConnection.head_since_s`.
    """

    def __init__(
        self, bounds: ConnectionBounds, counts: EdgeCounts, *, clock: Callable[[], float]
    ) -> None:
        self._bounds = bounds
        self._counts = counts
        self._clock = clock
        self._clients: dict[LimitedConnection, str] = {}
        self._per_client: Counter[str] = Counter()
        self._slow: dict[LimitedConnection, _SlowReader] = {}
        self._enough = max(1, bounds.bytes_per_s_min * bounds.stall_s)
        self._loop = asyncio.get_running_loop()

    def admit(self, connection: LimitedConnection, client: str) -> bool:
        """Take a new connection in; if it is one too many, it is told so and closed."""
        bounds, transport = self._bounds, connection.transport
        refusal = None
        if len(self._clients) >= bounds.connections_max:
            refusal = Refusal.TOTAL
        elif client and 0 < bounds.client_connections_max <= self._per_client[client]:
            refusal = Refusal.CLIENT
        if refusal is not None:
            self._counts.connections_refused[refusal] += 1
            transport.write(_REFUSED)
            transport.close()
            return False
        self._clients[connection] = client
        self._per_client[client] += 1
        self._counts.connections += 1
        transport.set_write_buffer_limits(high=bounds.buffer_bytes)
        connection.head_since_s = self._clock()
        return True

    def leave(self, connection: LimitedConnection) -> None:
        """Forget a connection that is lost, if it was taken in."""
        self._slow.pop(connection, None)  # Also of one that was refused, and looked at since.
        client = self._clients.pop(connection, None)
        if client is None:
            return
        self._counts.connections -= 1
        self._per_client[client] -= 1
        if not self._per_client[client]:
            del self._per_client[client]

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Look at all connections from time to time, until the block is left."""
        self._handle: asyncio.Handle = self._loop.call_later(_PERIOD_S, self._begin)
        try:
            yield
        finally:
            self._handle.cancel()

    def _begin(self) -> None:
        self._look_at(iter(list(self._clients)), 0)

    def _look_at(self, connections: Iterator[LimitedConnection], unsent: int) -> None:
        now_s = self._clock()
        some = list(itertools.islice(connections, _LOOKED_AT_ONCE))
        # Whatever goes wrong, which the loop tells of, all are looked at again.
        self._handle = self._loop.call_later(_PERIOD_S, self._begin)
        for connection in some:
            if connection.transport is not None:
                unsent += self._look_at_one(connection, now_s)
        if len(some) == _LOOKED_AT_ONCE:
            self._handle.cancel()
            self._handle = self._loop.call_soon(self._look_at, connections, unsent)
        else:
            self._counts.unsent_bytes = self._relieve(unsent)

    def _look_at_one(self, connection: LimitedConnection, now_s: float) -> int:
        if connection.head_since_s:
            if connection.is_answering:
                connection.head_since_s = now_s
            elif now_s - connection.head_since_s >= self._bounds.head_s:
                self._cut(connection, Cut.HEAD)
                return 0
        unsent: int = connection.transport.get_write_buffer_size()
        if not unsent:
            if self._slow:
                self._slow.pop(connection, None)
            return 0
        taken = _taken_bytes(connection.transport)
        seen = self._slow.get(connection)
        if seen is None:
            self._slow[connection] = _SlowReader(unsent, taken, now_s=now_s)
        elif seen.look(unsent, taken, enough=self._enough, now_s=now_s) >= self._bounds.stall_s:
            self._cut(connection, Cut.SLOW_READER)
            return 0
        return unsent

    def _relieve(self, unsent: int) -> int:
        """Cut those who take least until no more is unsent than may be; returns what is."""
        if unsent <= self._bounds.unsent_bytes_max:
            return unsent
        there = [one for one in self._slow if one.transport is not None]
        for connection in sorted(there, key=lambda one: self._slow[one].pace):
            unsent -= self._slow[connection].unsent
            self._cut(connection, Cut.UNSENT)
            if unsent <= self._bounds.unsent_bytes_max:
                break
        return max(0, unsent)

    def _cut(self, connection: LimitedConnection, reason: Cut) -> None:
        self._counts.connections_cut[reason] += 1
        connection.transport.abort()


@contextlib.contextmanager
def kept_limits(limits: LimitSettings, counts: EdgeCounts) -> Iterator[ConnectionLimits]:
    """The limits of a listener, kept until the block is left."""
    bounds = ConnectionBounds(
        connections_max=connections_max_of(
            limits.connections_max, upstream_connections_max=limits.upstream_connections_max
        ),
        client_connections_max=limits.client_connections_max,
        head_s=limits.head_s,
        buffer_bytes=limits.write_buffer_bytes,
        unsent_bytes_max=limits.unsent_bytes_max,
        stall_s=limits.answer_stall_s,
        bytes_per_s_min=limits.answer_bytes_per_s_min,
    )
    kept = ConnectionLimits(bounds, counts, clock=asyncio.get_running_loop().time)
    with kept.kept():
        yield kept


def connections_max_of(setting: int, *, upstream_connections_max: int) -> int:
    """How many connections there may be; a setting of 0 is what the process's descriptors allow."""
    if setting:
        return setting
    descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    others = 2 * upstream_connections_max + descriptors // _FILES_SHARE + _DESCRIPTORS_KEPT
    return max(descriptors // 2, descriptors - others)


def _taken_bytes(transport: LimitedTransport) -> int | None:
    """How much a reader has taken since he came; None where nobody counts."""
    connection = transport.get_extra_info("socket")
    try:
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _ACKED.size)
    except OSError:
        return None
    return int(_ACKED.unpack(info)[0]) if len(info) == _ACKED.size else None


def _refused() -> bytes:
    problem = Problem("too-many-connections", "There are too many connections.", 503)
    body = problem.body()
    head = (
        "HTTP/1.1 503 Service Unavailable\r\nServer: attacca\r\nCache-Control: no-store\r\n"
        f"Content-Type: {CONTENT_TYPE}\r\nContent-Length: {len(body)}\r\n"
        "Retry-After: 1\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


_REFUSED: Final = _refused()
