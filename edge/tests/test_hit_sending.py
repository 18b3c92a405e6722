"""What the fast lane does with a connection, beside what its own tests say of whole answers."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest

from edge.content import Content
from edge.hit_sending import is_at_rest, send_hit
from edge.stored_slice import Piece, StoredSlice
from edge.tests.making import representation_of

HEAD = b"HTTP/1.1 200 OK\r\n", b"Age: 0\r\n\r\n"
CONTENT = b"content"


class Connection:
    """A connection that waits for a message, as aiohttp's has it."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self.transport: asyncio.Transport | None = transport
        self.head_since_s = 7.0
        self.hit_socket: socket.socket | None = None
        self._waiter: asyncio.Future[None] | None = asyncio.get_running_loop().create_future()
        self._close = self._force_close = False
        self._keepalive_timeout = 75.0
        self._next_keepalive_close_time = 0.0


@contextlib.asynccontextmanager
async def connected() -> AsyncIterator[tuple[Connection, socket.socket]]:
    ours, theirs = socket.socketpair()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
    try:
        yield Connection(transport), theirs
    finally:
        transport.abort()
        theirs.close()


def piece() -> Piece:
    return StoredSlice(representation_of(), 0, Content(CONTENT)), 0, len(CONTENT)


async def test_who_waits_for_a_message_is_at_rest():
    async with connected() as (connection, _):
        assert is_at_rest(connection)


@pytest.mark.parametrize("name", ["_close", "_force_close"])
async def test_who_is_to_end_is_not_at_rest(name: str):
    async with connected() as (connection, _):
        setattr(connection, name, True)
        assert not is_at_rest(connection)


async def test_who_is_answering_is_not_at_rest():
    async with connected() as (connection, _):
        assert connection._waiter is not None
        connection._waiter.set_result(None)
        assert not is_at_rest(connection)
        connection._waiter = None
        assert not is_at_rest(connection)


async def test_who_has_something_left_to_send_is_not_at_rest():
    async with connected() as (connection, _):
        assert connection.transport is not None
        connection.transport.write(bytes(10_000_000))
        assert not is_at_rest(connection)


@pytest.mark.parametrize("is_past_transport", [False, True])
async def test_an_answer_is_sent_and_the_next_request_waited_for(is_past_transport: bool):
    async with connected() as (connection, theirs):
        if is_past_transport:
            assert connection.transport is not None
            known = connection.transport.get_extra_info("socket")
            connection.hit_socket = socket.socket(fileno=known.fileno())
        send_hit(connection, HEAD, [piece()], -1, 100.0)
        wanted = b"".join((*HEAD, CONTENT))
        assert await asyncio.to_thread(theirs.recv, 1000) == wanted
        assert connection._next_keepalive_close_time == 175.0
        assert connection.head_since_s == 0.0
        if connection.hit_socket is not None:
            connection.hit_socket.detach()


async def test_a_broken_connection_is_ended():
    async with connected() as (connection, theirs):
        transport = connection.transport
        assert transport is not None
        known = transport.get_extra_info("socket")
        connection.hit_socket = socket.socket(fileno=known.fileno())
        theirs.close()
        send_hit(connection, HEAD, [piece()], -1, 100.0)
        assert transport.is_closing()
        connection.hit_socket.detach()


async def test_nothing_is_sent_to_whom_is_gone():
    async with connected() as (connection, theirs):
        connection.transport = None
        send_hit(connection, HEAD, [piece()], -1, 100.0)
        theirs.settimeout(0)
        with pytest.raises(BlockingIOError):
            theirs.recv(1)
