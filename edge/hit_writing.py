"""Writing a hit to a socket at once: one call of the system for small ones, no copy of large ones.

What the socket does not take is for its transport, which waits until there is room.
"""

import contextlib
import os
import socket
from collections.abc import Sequence
from typing import Final

from edge.stored_slice import Piece, StoredSlice

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
        OSError: the connection is broken, or a file.
    """
    if not pieces or _source_of(pieces[0], arena_fd) is None:
        return _write_copied(connection, [head, *_views(pieces)])
    # More follows at once, so the head does not travel alone, nor wake its reader twice.
    try:
        sent = connection.send(head, _MORE_FOLLOWS)
    except BlockingIOError:
        sent = 0
    if sent < len(head):
        return [memoryview(head)[sent:], *_views(pieces)]
    fd = connection.fileno()
    for index, piece in enumerate(pieces):
        stored, start, stop = piece
        source = _source_of(piece, arena_fd)
        sent = 0
        if source is not None:
            if isinstance(stored, StoredSlice):
                stored.lend()
            else:
                stored.check()  # Others may have been answered since it was found.
            with contextlib.suppress(BlockingIOError):
                sent = os.sendfile(fd, source[0], source[1] + start, stop - start)
        if sent < stop - start:
            return [stored.view(start + sent, stop), *_views(pieces[index + 1 :])]
    return []


def _source_of(piece: Piece, arena_fd: int) -> tuple[int, int] | None:
    """The file that a slice stands in, and where it begins there; None if it stands in none."""
    stored = piece[0]
    if isinstance(stored, StoredSlice):
        return (arena_fd, stored.arena_offset) if stored.arena_offset >= 0 else None
    return stored.fd, stored.offset


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
