"""What the fast lane does with a connection: ask whether it is at rest, and send a hit.

Both belong to `edge.connection`, and stand outside its class, which has to be one of aiohttp's and
so cannot be compiled (see `edge.compiled`). Together with that module this is all that touches what
is not part of aiohttp's interface.
"""

import asyncio
import socket
from typing import Protocol

from edge.hit_head import Head
from edge.hit_writing import views_behind, write_hit
from edge.stored_slice import Piece


class HitConnection(Protocol):
    """A connection, as aiohttp's server has it.

    Attributes:
        transport: None once it is closed.
        head_since_s: see `edge.connection_limits`.
        hit_socket: of the transport, to write past it; None where that cannot be done.
        _waiter: what a message is waited for with.
        _close: it ends after what it is about.
        _force_close: it is to end now.
        _keepalive_timeout: how long the next request may take to come, in seconds.
        _next_keepalive_close_time: when that is over, in monotonic seconds.
    """

    transport: asyncio.Transport | None
    head_since_s: float
    hit_socket: socket.socket | None
    _waiter: "asyncio.Future[None] | None"
    _close: bool
    _force_close: bool
    _keepalive_timeout: float
    _next_keepalive_close_time: float


def is_at_rest(connection: HitConnection) -> bool:
    """Whether all that came before has been answered, and sent.

    That aiohttp waits for a message tells so. It may become so only now: a task that has answered
    is done a step later, and that of a new connection begins a step later.
    """
    waiter = connection._waiter
    if waiter is None or waiter.done() or connection._close or connection._force_close:
        return False
    transport = connection.transport
    return transport is not None and not transport.get_write_buffer_size()


def send_hit(
    connection: HitConnection, head: Head, pieces: list[Piece], arena_fd: int, now_s: float
) -> None:
    """Send an answer over a connection that is at rest.

    Args:
        connection: over which its request came.
        head: of the answer.
        pieces: its content.
        arena_fd: of the file that content may stand in.
        now_s: monotonic seconds.
    """
    transport = connection.transport
    if transport is None or transport.is_closing():
        return
    connection.head_since_s = 0.0
    connection._next_keepalive_close_time = now_s + connection._keepalive_timeout
    past_transport = connection.hit_socket
    try:
        if past_transport is None:
            transport.writelines([*head, *views_behind(pieces, 0)])
            return
        rest = write_hit(past_transport, arena_fd, head, pieces)
    except OSError:  # The connection is broken, or the file that the content is in.
        transport.abort()
        return
    for view in rest:
        transport.write(view)
