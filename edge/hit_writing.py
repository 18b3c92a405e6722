"""Writing a hit to a socket at once: one call of the system for small ones, no copy of large ones.

What the socket does not take is for its transport, which waits until there is room.
"""

import contextlib
import os
import socket
from collections.abc import Sequence
from typing import Final

from edge.stored_slice import Piece

_MORE_FOLLOWS: Final[int] = getattr(socket, "MSG_MORE", 0)

Views = list[bytes | memoryview]


def write_hit(
    connection: socket.socket, arena_fd: int, head: bytes, pieces: Sequence[Piece]
) -> Views:
    """Write an answer.

    Args:
        connection: it does not block.
        arena_fd: of the file that content stands in; see `StoredSlice.arena_offset`.
        head: of the answer.
        pieces: its content.

    Returns:
        What the socket had no room for.

    Raises:
        OSError: the connection is broken.
    """
    if len(pieces) == 1 and pieces[0][0].arena_offset < 0:
        stored, start, stop = pieces[0]
        return _write_copied(connection, [head, stored.view(start, stop)])
    if not pieces or pieces[0][0].arena_offset < 0:
        return _write_copied(connection, [head, *_views(pieces)])
    # More follows at once, so the head does not travel alone, nor wake its reader twice.
    try:
        sent = connection.send(head, _MORE_FOLLOWS)
    except BlockingIOError:
        sent = 0
    if sent < len(head):
        return [memoryview(head)[sent:], *_views(pieces)]
    fd = connection.fileno()
    for index, (stored, start, stop) in enumerate(pieces):
        sent = 0
        if stored.arena_offset >= 0:
            stored.lend()
            with contextlib.suppress(BlockingIOError):
                sent = os.sendfile(fd, arena_fd, stored.arena_offset + start, stop - start)
        if sent < stop - start:
            return [stored.view(start + sent, stop), *_views(pieces[index + 1 :])]
    return []


def _views(pieces: Sequence[Piece]) -> Views:
    return [stored.view(start, stop) for stored, start, stop in pieces]


def _write_copied(connection: socket.socket, views: Views) -> Views:
    try:
        sent = connection.sendmsg(views)
    except BlockingIOError:
        return views
    if sent == sum(map(len, views)):
        return []
    for index, view in enumerate(views):
        if sent < len(view):
            return [memoryview(view)[sent:], *views[index + 1 :]]
        sent -= len(view)
    return []
