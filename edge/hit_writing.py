"""Writing a hit to a socket at once: one call of the system for small ones, no copy of large ones.

What stands in one piece in a file goes by one call, however many slices it is: between two calls
the kernel has pushed the interpreter out of the processor's caches.

What the socket does not take is for its transport, which waits until there is room.
"""

import os
import socket
from collections.abc import Sequence
from typing import Final

from edge.hit_head import Head
from edge.stored_slice import Piece, StoredSlice

_MORE_FOLLOWS: Final[int] = getattr(socket, "MSG_MORE", 0)

Views = list[bytes | memoryview]

_Run = tuple[int, int, int]
"""Bytes `[start, stop)` of a file, behind its descriptor."""


def write_hit(
    connection: socket.socket, arena_fd: int, head: Head, pieces: Sequence[Piece]
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
    runs = _runs_of(pieces, arena_fd)
    if not runs:
        return _write_copied(connection, [*head, *views_behind(pieces, 0)])
    # More follows at once, so the head does not travel alone, nor wake its reader twice.
    try:
        sent = connection.sendmsg(head, (), _MORE_FOLLOWS)
    except BlockingIOError:
        sent = 0
    first, second = head
    if sent < len(first) + len(second):
        return [memoryview(first + second)[sent:], *views_behind(pieces, 0)]
    fd, taken = connection.fileno(), 0
    for source, start, stop in runs:
        try:
            sent = os.sendfile(fd, source, start, stop - start)
        except BlockingIOError:
            sent = 0
        taken += sent
        if sent < stop - start:
            break
    return views_behind(pieces, taken)


def _runs_of(pieces: Sequence[Piece], arena_fd: int) -> list[_Run]:
    """What the first pieces are in files, up to the first one that is in none.

    Raises:
        OSError: somebody has changed a file.
    """
    runs: list[_Run] = []
    arena_stop = -1
    for stored, start, stop in pieces:
        if isinstance(stored, StoredSlice):
            offset = stored.arena_offset
            if offset < 0:
                break
            stored.lend()
            begin = offset + start
            if begin == arena_stop:
                begin = runs.pop()[1]
            arena_stop = offset + stop
            runs.append((arena_fd, begin, arena_stop))
        else:
            stored.check()  # Others may have been answered since it was found.
            offset = stored.offset
            arena_stop = -1
            runs.append((stored.fd, offset + start, offset + stop))
    return runs


def views_behind(pieces: Sequence[Piece], taken: int) -> Views:
    """What there is behind the first `taken` bytes of pieces."""
    views: Views = []
    for stored, start, stop in pieces:
        length = stop - start
        if taken < length:
            views.append(stored.view(start + taken, stop))
            taken = 0
        else:
            taken -= length
    return views


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
