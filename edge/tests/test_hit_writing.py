"""What a socket takes at once, and what is left for its transport."""

import contextlib
import socket

import pytest

from edge.arena import Arena, FileArena
from edge.content import holder_of
from edge.hit_writing import write_hit
from edge.stored_slice import Piece, StoredSlice
from edge.tests.making import representation_of

HEAD = b"HTTP/1.1 200 OK\r\n", b"Age: 0\r\n\r\n"
HEAD_BYTES = b"".join(HEAD)
SIZE = 256 << 10


def stored_in(arena: Arena, content: bytes) -> StoredSlice:
    laid = arena.take(len(content))
    arena.lay(laid, 0, content)
    return StoredSlice(representation_of(), 0, holder_of(laid))


@pytest.fixture
def arena():
    with contextlib.closing(FileArena(bytes_max=8 << 20, slot_bytes=SIZE)) as arena:
        yield arena


@pytest.mark.parametrize("buffered", [1 << 12, 1 << 22])
@pytest.mark.parametrize("sizes", [[], [10], [SIZE], [10, SIZE], [SIZE, 10], [SIZE, SIZE, 100_000]])
def test_what_was_not_taken_is_the_rest(arena: Arena, sizes: list[int], buffered: int):
    contents = [bytes([index + 1]) * size for index, size in enumerate(sizes)]
    pieces: list[Piece] = [
        (stored_in(arena, content), min(3, len(content)), len(content)) for content in contents
    ]
    wanted = HEAD_BYTES + b"".join(content[3:] for content in contents)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(0)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffered)
        rest = write_hit(ours, arena.fd, HEAD, pieces)
        got = bytearray()
        theirs.settimeout(0)
        with contextlib.suppress(BlockingIOError):
            while True:
                got += theirs.recv(1 << 20)
    assert bytes(got) + b"".join(rest) == wanted
    if len(wanted) > 200_000 and buffered < 10_000:
        assert rest


def test_a_socket_without_room_leaves_all(arena: Arena):
    pieces: list[Piece] = [(stored_in(arena, bytes(SIZE)), 0, SIZE)]
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(0)
        with contextlib.suppress(BlockingIOError):
            while True:
                ours.send(bytes(100_000))
        for some in (pieces, [(stored_in(arena, b"short"), 0, 5)], []):
            rest = write_hit(ours, arena.fd, HEAD, some)
            assert b"".join(rest).startswith(HEAD[0])
            assert sum(map(len, rest)) == len(HEAD_BYTES) + sum(stop for _, _, stop in some)


def test_a_broken_connection_is_an_error(arena: Arena):
    ours, theirs = socket.socketpair()
    with ours:
        theirs.close()
        with pytest.raises(BrokenPipeError):
            write_hit(ours, arena.fd, HEAD, [])
