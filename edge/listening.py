"""How an edge listens for media: on queues that come and go while it runs; and how it drains.

A worker listens on the queues of its own slot, and for a while on those of a slot whose worker is
being started again. The supervisor keeps every socket open: who closes his copy of one loses
nobody who waits in its queue.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Mapping
from enum import StrEnum
from typing import Final

from aiohttp import web

from config.listener import start_sites
from config.sockets import ListenerError, Queue, bind_tcp, bind_unix
from edge.connection import EdgeServer
from edge.connection_limits import ConnectionLimits, kept_limits
from edge.lane import Lane
from edge.road import Road
from edge.road_laying import Ground
from edge.settings import EdgeSettings
from edge.tls.doorway import TlsDoorway
from edge.tls.listening import TlsListener

# How long a connection may have been without a request when it is closed unasked, in a drain. Who
# asks again by then is answered, and told to connect anew.
_IDLE_S_MAX: Final = 5.0

_LOOK_S: Final = 0.05


class ListenerKind(StrEnum):
    """What a socket for media is for."""

    MEDIA = "media"


Queues = Mapping[ListenerKind, Queue]


def bind_queues(settings: EdgeSettings, count: int = 1) -> tuple[Queues, ...]:
    """Listen for media on the addresses of an edge, `count` times.

    Raises:
        ListenerError: an address is taken or not of this machine.
    """
    queues = bind_tcp(settings.host, settings.port, count=count)
    front = settings.front
    if front.socket is not None:
        try:
            (shared,) = bind_unix(front.socket, mode=front.mode)
        except ListenerError:
            for one in (one for queue in queues for one in queue):
                one.close()
            raise
        with shared:  # There is one queue for all workers.
            queues = tuple((*queue, shared.dup()) for queue in queues)
    return tuple({ListenerKind.MEDIA: queue} for queue in queues)


def close_queues(queues: Queues) -> None:
    """Close this process's copies of the sockets."""
    for one in (one for queue in queues.values() for one in queue):
        one.close()


class Listening:
    """Serves what arrives in queues. Made by `open_listening`."""

    def __init__(
        self, runner: web.ServerRunner, server: EdgeServer, doorway: TlsDoorway | None
    ) -> None:
        self._runner = runner
        self._server = server
        self._doorway = doorway
        self._sites: dict[int, list[web.SockSite]] = {}
        self._doors: dict[int, tuple[TlsListener, Queue]] = {}
        # Where nobody new is let in, but hands are still being shaken.
        self._closing: list[TlsListener] = []

    async def accept(self, slot: int, queues: Queues) -> None:
        """Serve what arrives in the queues of a slot; its sockets are closed with it."""
        queue = queues[ListenerKind.MEDIA]
        if self._doorway is None:
            self._sites[slot] = [*await start_sites(self._runner, queue)]
            return
        from_fronts = tuple(one for one in queue if one.family is socket.AF_UNIX)
        self._sites[slot] = [*await start_sites(self._runner, from_fronts)]
        others = tuple(one for one in queue if one.family is not socket.AF_UNIX)
        listener = self._doorway.listener(others, self._server)
        self._doors[slot] = (listener, others)
        listener.start()

    async def release(self, slot: int) -> None:
        """No longer take what arrives there; what was taken is served on."""
        for site in self._sites.pop(slot, ()):
            await site.stop()
        if slot in self._doors:
            listener, queue = self._doors.pop(slot)
            listener.let_nobody_in()
            self._closing.append(listener)
            for one in queue:
                one.close()

    async def drain(self, within_s: float) -> None:
        """Take nothing new, and wait until all connections have come to their end.

        Every answer from now on is its connection's last one. After `within_s` it is over anyway.
        """
        for slot in list(self._sites):
            await self.release(slot)
        self._server.drain()
        clock = asyncio.get_running_loop().time
        end_s = clock() + within_s
        idle_since_s: dict[web.RequestHandler, float] = {}
        while self._has_connections() and clock() < end_s:
            idle = self._server.idle_connections()
            idle_since_s = {one: idle_since_s.get(one, clock()) for one in idle}
            for connection, since_s in idle_since_s.items():
                if clock() - since_s >= _IDLE_S_MAX:
                    connection.force_close()
            await asyncio.sleep(_LOOK_S)

    def close(self) -> None:
        """Take nothing new, and let nobody in whose handshake is not over."""
        for listener, _ in self._doors.values():
            listener.close()
        for listener in self._closing:
            listener.close()

    def _has_connections(self) -> bool:
        is_shaking = any(listener.handshakes for listener in self._closing)
        return is_shaking or bool(self._server.connections)


@contextlib.asynccontextmanager
async def open_listening(
    road: Road, lane: Lane | None, doorway: TlsDoorway | None, ground: Ground
) -> AsyncIterator[Listening]:
    """Serve a road, on no queue yet; requests under way at the end have a moment."""
    limits = ground.settings.limits
    with kept_limits(limits, ground.counts) as kept:
        server = _server_of(road, lane, kept, ground.settings)
        runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=limits.shutdown_s)
        await runner.setup()
        listening = Listening(runner, server, doorway)
        try:
            yield listening
        finally:
            listening.close()
            await runner.cleanup()


def _server_of(
    road: Road, lane: Lane | None, kept: ConnectionLimits, settings: EdgeSettings
) -> EdgeServer:
    """Without aiohttp's router: it would decode targets, and costs more than the look-up."""
    limits = settings.limits
    return EdgeServer(
        road.handle,
        refuse=road.refuse_unread,
        lane=lane,
        limits=kept,
        fronts=settings.front.fronts(),
        keepalive_timeout=limits.keep_alive_s,
        max_line_size=limits.header_bytes_max,
        max_field_size=limits.header_bytes_max,
    )
