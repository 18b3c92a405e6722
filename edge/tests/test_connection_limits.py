"""Bounds on connections: over real sockets, with listeners who do their worst."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import uvloop
from typing_extensions import override

from edge import connection_limits
from edge.connection_limits import ConnectionBounds, ConnectionLimits, Cut, connections_max_of
from edge.metrics import EdgeCounts

pytestmark = pytest.mark.socket

BOUNDS = ConnectionBounds(
    connections_max=100,
    client_connections_max=0,
    head_s=100,
    buffer_bytes=64 << 10,
    unsent_bytes_max=1 << 30,
    stall_s=100,
    bytes_per_s_min=1024,
)


class Speaker(asyncio.Protocol):
    """A connection that begins to send as soon as it is taken in."""

    def __init__(self, stage: "Stage") -> None:
        self.stage = stage
        self.transport: Any = None
        self.head_since_s = 0.0
        self.is_paused = False
        self.is_answering = False

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.stage.speakers.append(self)
        if self.stage.limits.admit(self, self.stage.client) and self.stage.content:
            self.head_since_s = 0.0
            self.transport.write(self.stage.content)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self.stage.limits.leave(self)

    @override
    def pause_writing(self) -> None:
        self.is_paused = True


@dataclass
class Clock:
    """A clock that moves when it is told to, and counts how often it was looked at."""

    now_s: float = 1000.0
    looks: int = 0

    def __call__(self) -> float:
        self.looks += 1
        return self.now_s


@dataclass
class Stage:
    limits: ConnectionLimits
    counts: EdgeCounts
    clock: Clock
    content: bytes = b""
    client: str = "10.0.0.1"
    address: Any = None
    speakers: list[Speaker] = field(default_factory=list)
    listeners: list[socket.socket] = field(default_factory=list)

    async def come(self) -> socket.socket:
        """A client that reads when it is told to, with a small buffer."""
        listener = socket.socket(
            socket.AF_UNIX if isinstance(self.address, str) else socket.AF_INET
        )
        if listener.family == socket.AF_INET:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 10)
        listener.settimeout(0)
        self.listeners.append(listener)
        await asyncio.get_running_loop().sock_connect(listener, self.address)
        return listener

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not holds():  # noqa: ASYNC110 - nobody is told
                await asyncio.sleep(0.005)

    async def let_pass(self, seconds: float) -> None:
        """Let it be so much later, and all connections be looked at then."""
        self.clock.now_s += seconds
        looks = self.clock.looks
        await self.until(lambda: self.clock.looks > looks)

    async def let_pass_until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not holds():
                await self.let_pass(0.05)


@pytest.fixture(autouse=True)
def short_periods(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_limits, "_PERIOD_S", 0.02)


@contextlib.asynccontextmanager
async def open_stage(
    *, content: bytes = b"", path: Path | None = None, **bounds: float
) -> AsyncIterator[Stage]:
    counts, clock = EdgeCounts(), Clock()
    limits = ConnectionLimits(
        replace(BOUNDS, **bounds),  # type: ignore[arg-type]
        counts,
        clock=clock,
    )
    stage = Stage(limits, counts, clock, content)
    loop = asyncio.get_running_loop()
    if path is None:
        server = await loop.create_server(lambda: Speaker(stage), "127.0.0.1", 0)
        stage.address = server.sockets[0].getsockname()
    else:
        stage.address = str(path)
        server = await loop.create_unix_server(lambda: Speaker(stage), stage.address)
    with stage.limits.kept():
        async with server:
            try:
                yield stage
            finally:
                for listener in stage.listeners:
                    listener.close()
                for speaker in stage.speakers:
                    if speaker.transport is not None:
                        speaker.transport.abort()
            await stage.until(lambda: not any(one.transport for one in stage.speakers))
            assert not counts.connections


async def read_all(listener: socket.socket) -> bytes:
    """Until the other side has ended it, one way or another."""
    loop, read = asyncio.get_running_loop(), bytearray()
    async with asyncio.timeout(10):
        with contextlib.suppress(ConnectionResetError):
            while piece := await loop.sock_recv(listener, 1 << 20):
                read += piece
    return bytes(read)


async def read_exactly(listener: socket.socket, size: int) -> bytes:
    loop, read = asyncio.get_running_loop(), bytearray()
    async with asyncio.timeout(10):
        while len(read) < size:
            piece = await loop.sock_recv(listener, size - len(read))
            assert piece
            read += piece
    return bytes(read)


async def test_one_connection_too_many_is_told_so():
    async with open_stage(connections_max=2) as stage:
        first, _, third = [await stage.come() for _ in range(3)]
        told = await read_all(third)
        assert told.startswith(b"HTTP/1.1 503 ")
        assert b"Retry-After: 1\r\n" in told
        assert told.endswith(b'"status": 503}')
        assert stage.counts.connections == 2
        assert stage.counts.connections_refused == {"total": 1}
        first.close()
        await stage.until(lambda: stage.counts.connections == 1)
        await stage.come()
        await stage.until(lambda: stage.counts.connections == 2)


async def test_one_address_has_its_share():
    async with open_stage(client_connections_max=1) as stage:
        _, second = [await stage.come() for _ in range(2)]
        assert b" 503 " in await read_all(second)
        stage.client = "10.0.0.2"
        await stage.come()
        await stage.until(lambda: stage.counts.connections == 2)
        stage.client = ""  # Behind a socket that has no addresses.
        for _ in range(2):
            await stage.come()
        await stage.until(lambda: stage.counts.connections == 4)
        assert stage.counts.connections_refused == {"client": 1}


async def test_a_head_that_does_not_come_is_not_waited_for():
    async with open_stage(head_s=0.1) as stage:
        slow = await stage.come()
        await stage.come()
        await stage.until(lambda: len(stage.speakers) == 2)
        stage.speakers[1].head_since_s = 0.0
        await stage.let_pass(0.09)
        assert stage.counts.connections_cut == {}
        await stage.let_pass(0.02)
        assert await read_all(slow) == b""
        assert stage.counts.connections_cut == {"head": 1}
        assert stage.counts.connections == 1


async def test_an_error_does_not_end_the_looking():
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    async with open_stage(head_s=0.1) as stage:
        listener = await stage.come()
        await stage.until(lambda: bool(stage.speakers))
        (speaker,) = stage.speakers
        transport, speaker.transport = speaker.transport, object()
        await stage.until(lambda: bool(told))
        speaker.transport = transport
        await stage.let_pass(0.2)
        assert await read_all(listener) == b""
        assert stage.counts.connections_cut[Cut.HEAD] == 1


async def test_a_head_may_wait_for_the_answer_before_it():
    async with open_stage(head_s=0.1) as stage:
        await stage.come()
        await stage.until(lambda: stage.counts.connections == 1)
        stage.speakers[0].is_answering = True
        await stage.let_pass(0.3)
        assert stage.counts.connections_cut == {}
        stage.speakers[0].is_answering = False
        await stage.let_pass(0.09)
        assert stage.counts.connections_cut == {}
        await stage.let_pass(0.02)
        assert stage.counts.connections_cut == {"head": 1}


async def test_who_takes_nothing_is_cut():
    async with open_stage(content=b"x" * (16 << 20), stall_s=0.15) as stage:
        listener = await stage.come()
        await stage.let_pass_until(lambda: stage.counts.connections_cut == {"slow-reader": 1})
        await stage.until(lambda: stage.counts.connections == 0)
        assert len(await read_all(listener)) < 16 << 20
        assert stage.speakers[0].is_paused
        assert stage.counts.unsent_bytes == 0


async def test_who_takes_enough_is_not_cut():
    # The kernel's own buffers are some megabytes: what moves there counts.
    content = b"x" * (16 << 20)
    async with open_stage(content=content, stall_s=0.3, bytes_per_s_min=1 << 10) as stage:
        listener = await stage.come()
        read = 0
        for _ in range(10):
            read += len(await read_exactly(listener, 64 << 10))
            await stage.let_pass(0.1)
        assert stage.counts.connections_cut == {}
        assert stage.counts.unsent_bytes > 0
        assert read + len(await read_exactly(listener, len(content) - read)) == len(content)


async def test_who_takes_too_little_is_cut():
    async with open_stage(content=b"x" * (16 << 20), stall_s=0.3, bytes_per_s_min=1 << 30) as stage:
        listener = await stage.come()
        loop = asyncio.get_running_loop()
        await stage.until(lambda: stage.counts.connections == 1)
        with contextlib.suppress(ConnectionResetError):
            async with asyncio.timeout(20):
                while stage.counts.connections:
                    await loop.sock_recv(listener, 8 << 10)
                    await stage.let_pass(0.05)
        assert stage.counts.connections_cut == {"slow-reader": 1}


async def test_where_nobody_counts_something_is_enough(tmp_path: Path):
    content = b"x" * (4 << 20)
    async with open_stage(
        content=content, path=tmp_path / "socket", stall_s=0.3, bytes_per_s_min=1 << 30
    ) as stage:
        idle, listener = [await stage.come() for _ in range(2)]
        for _ in range(8):
            await read_exactly(listener, 64 << 10)
            await stage.let_pass(0.1)
        assert stage.counts.connections_cut == {"slow-reader": 1}
        assert len(await read_all(idle)) < len(content)
        assert stage.counts.connections == 1


async def test_the_slowest_make_room():
    content = b"x" * (32 << 20)  # More than kernels hold.
    async with open_stage(content=content, unsent_bytes_max=40 << 20) as stage:
        quick = await stage.come()
        await stage.until(lambda: stage.counts.unsent_bytes > 0)
        read = len(await read_exactly(quick, 8 << 20))
        for _ in range(2):
            await stage.come()
        while not stage.counts.connections_cut:
            read += len(await read_exactly(quick, 32 << 10))
            await asyncio.sleep(0.001)
        assert stage.counts.connections_cut.keys() == {"unsent"}
        assert read + len(await read_exactly(quick, len(content) - read)) == len(content)


async def test_more_connections_than_one_look_takes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connection_limits, "_LOOKED_AT_ONCE", 2)
    async with open_stage(head_s=0.1) as stage:
        for _ in range(7):
            await stage.come()
        await stage.until(lambda: stage.counts.connections == 7)
        await stage.let_pass(0.2)
        await stage.until(lambda: bool(stage.counts.connections_cut))
        await stage.until(lambda: stage.counts.connections == 0)
        assert stage.counts.connections_cut == {"head": 7}


def test_it_does_the_same_on_uvloop():
    async def both() -> None:
        await test_who_takes_nothing_is_cut()  # type: ignore[no-untyped-call]
        await test_who_takes_enough_is_not_cut()  # type: ignore[no-untyped-call]

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(both())


def test_descriptors_bound_connections():
    assert connections_max_of(7, upstream_connections_max=512) == 7
    assert connections_max_of(0, upstream_connections_max=512) > 0
