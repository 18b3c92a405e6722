"""Requests that arrive together, on real connections to one node."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator

import pytest
from typing_extensions import override

from edge.access_log import AccessLog
from edge.arrivals import Arrivals
from edge.fronts import FrontConnection
from edge.lane import Lane, LaneParts
from edge.metrics import EdgeCounts, HitCounts
from edge.origin_budget import OriginBudget
from edge.tests.conftest import ManualClock, Node, open_node
from edge.tests.scripted_origin import Resource, ScriptedOrigin
from edge.upstream_answers import LengthLimits

CONTENT = b"0123456789"
ASKED = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
pytestmark = pytest.mark.socket


@contextlib.asynccontextmanager
async def connections(
    node: Node, count: int
) -> AsyncIterator[list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]:
    host, _, port = node.service.url.removeprefix("http://").rpartition(":")
    opened = [await asyncio.open_connection(host, int(port)) for _ in range(count)]
    try:
        for reader, writer in opened:  # From now on they are at rest.
            writer.write(ASKED)
            assert await read_answer(reader) == CONTENT
        yield opened
    finally:
        for _, writer in opened:
            writer.close()


async def read_answer(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(10):
        head = await reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        return await reader.readexactly(int(length))


@pytest.fixture
async def node(origin: ScriptedOrigin):
    origin.resources["/a"] = Resource(CONTENT)
    async with open_node(origin) as node:
        yield node


async def test_more_than_a_batch_are_all_answered(node: Node):
    async with connections(node, 150) as opened:
        before = node.service.counts.hits.answers
        for _, writer in opened:
            writer.write(ASKED)
        assert [await read_answer(reader) for reader, _ in opened] == [CONTENT] * 150
        assert node.service.counts.hits.answers == before + 150


async def test_hits_and_others_arrive_together(node: Node):
    node.origin.resources["/b"] = Resource(b"another")
    async with connections(node, 20) as opened:
        for number, (_, writer) in enumerate(opened):
            writer.write(ASKED if number % 2 else ASKED.replace(b"/a", b"/b"))
        answers = [await read_answer(reader) for reader, _ in opened]
        assert answers == [b"another", CONTENT] * 10


async def test_what_arrives_in_parts_or_behind_a_request_is_not_lost(node: Node):
    async with connections(node, 3) as ((whole, first), (cut, second), (piped, third)):
        first.write(ASKED)
        second.write(ASKED[:10])
        third.write(ASKED * 3)
        assert await read_answer(whole) == CONTENT
        second.write(ASKED[10:] + ASKED)
        assert [await read_answer(cut) for _ in range(2)] == [CONTENT] * 2
        assert [await read_answer(piped) for _ in range(3)] == [CONTENT] * 3


async def test_listeners_who_leave_take_nobody_along(node: Node):
    async with connections(node, 30) as opened:
        for number, (_, writer) in enumerate(opened):
            writer.write(ASKED)
            if number % 3 == 0:
                writer.transport.abort()
        stayed = [reader for number, (reader, _) in enumerate(opened) if number % 3]
        assert [await read_answer(reader) for reader in stayed] == [CONTENT] * 20


async def test_who_says_that_he_sends_no_more_is_answered(node: Node):
    async with connections(node, 1) as ((reader, writer),):
        writer.write(ASKED)
        writer.write_eof()
        assert await read_answer(reader) == CONTENT
        assert node.service.counts.hits.answers >= 1


class BrokenClock(ManualClock):
    """Fails on the fast lane alone: it is asked there first."""

    failures: int = 0

    @override
    def __call__(self) -> float:
        if self.failures:
            self.failures -= 1
            raise RuntimeError("a mistake")
        return self.now_s


async def test_a_mistake_on_the_fast_lane_costs_no_answer(
    origin: ScriptedOrigin, caplog: pytest.LogCaptureFixture
):
    origin.resources["/a"] = Resource(CONTENT)
    clock = BrokenClock()
    async with open_node(origin, clock=clock) as node, connections(node, 2) as opened:
        clock.failures = 1
        for reader, writer in opened:
            writer.write(ASKED)
            assert await read_answer(reader) == CONTENT
        assert caplog.text.count("the fast lane failed") == 1
        assert caplog.records[-1].levelno == logging.ERROR


class Listener:
    """A connection that may be at fault itself."""

    def __init__(
        self, arrived: bytes, transport: asyncio.WriteTransport, *, is_faulty: bool
    ) -> None:
        self.arrived = arrived
        self.client = "192.0.2.1"
        self.front: FrontConnection | None = None
        assert isinstance(transport, asyncio.Transport)
        self.transport: asyncio.Transport | None = transport
        self.head_since_s = 0.0
        self.is_answered = False
        self._is_faulty = is_faulty
        self._waiter: asyncio.Future[None] | None = asyncio.get_running_loop().create_future()
        self._close = self._force_close = False
        self._keepalive_timeout = self._next_keepalive_close_time = 0.0

    def hand_over(self, data: bytes) -> None:
        assert data
        self._answer()

    @property
    def hit_socket(self) -> socket.socket | None:
        """Asked for when a hit is sent, by the transport then."""
        self._answer()
        return None

    @hit_socket.setter
    def hit_socket(self, found: socket.socket | None) -> None:
        assert found is None

    def _answer(self) -> None:
        if self._is_faulty:
            raise RuntimeError("a mistake")
        self.is_answered = True


async def test_a_connection_that_fails_ends_alone(node: Node, caplog: pytest.LogCaptureFixture):
    lane = Lane(
        LaneParts(
            store=node.service.store,
            verifier=None,
            lengths=LengthLimits(1 << 20, 1 << 20),
            budget=OriginBudget(debt_bytes_max=1, forgiven_bytes_per_s=1, clients_max=1),
            counts=HitCounts(),
            log=AccessLog(None, EdgeCounts()),
            is_paced=False,
            clock=ManualClock(),
        )
    )
    async with connections(node, 4) as opened:
        said = [(ASKED, True), (b"else", True), (ASKED, False), (b"else", False)]
        listeners = [
            Listener(arrived, writer.transport, is_faulty=is_faulty)
            for (arrived, is_faulty), (_, writer) in zip(said, opened, strict=True)
        ]
        arrivals = Arrivals(lane)
        for listener in listeners:
            arrivals.add(listener)
        arrivals.answer()
        assert [one.is_answered for one in listeners] == [False, False, True, True]
        ended = [writer.transport.is_closing() for _, writer in opened]
        assert ended == [True, True, False, False]
    assert caplog.text.count("a connection failed") == 2
