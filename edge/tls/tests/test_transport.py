import asyncio
import contextlib
import random
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import uvloop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typing_extensions import override

from edge.tls.keyring import Keyring
from edge.tls.tests.certificate_making import make, trusting, write
from edge.tls.tests.conversing import Echo, Visitor, open_echo
from edge.tls.transport import TlsTransport

pytestmark = pytest.mark.socket

MADE = make("a.example")
LARGE = random.Random(1).randbytes(3_000_000)


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    return Keyring([write(MADE, tmp_path, "a")], is_tls12=True, clock=lambda: 1_700_000_000.0)


@contextlib.asynccontextmanager
async def _pair(
    keyring: Keyring, *, limit: int = 1 << 16
) -> AsyncIterator[tuple[Echo, TlsTransport, Visitor]]:
    """A protocol, its transport, and its client."""
    protocol = Echo()
    async with (
        open_echo(keyring, factory=lambda: protocol) as address,
        Visitor(address, trusting(MADE)) as visitor,
    ):
        await protocol.wait_for("made")
        transport = protocol.transport
        assert isinstance(transport, TlsTransport)
        # A small one on the other side, so that a few hundred KB are too much for it.
        inner = visitor.writer.get_extra_info("socket")
        inner.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, limit)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, limit)
        yield protocol, transport, visitor


async def _read(visitor: Visitor, count: int) -> bytes:
    async with asyncio.timeout(20):
        return await visitor.reader.readexactly(count)


async def test_what_is_told_of_a_connection(keyring: Keyring):
    async with _pair(keyring) as (_, transport, visitor):
        assert transport.get_extra_info("peername") == visitor.writer.get_extra_info("sockname")
        assert transport.get_extra_info("sockname") == visitor.writer.get_extra_info("peername")
        assert transport.get_extra_info("sslcontext").version == "TLSv1.3"
        assert transport.get_extra_info("compression", "none") == "none"
        assert not transport.can_write_eof()
        with pytest.raises(NotImplementedError):
            transport.write_eof()


async def test_a_slow_reader_gets_all_of_a_large_content(keyring: Keyring):
    async with _pair(keyring) as (protocol, transport, visitor):
        transport.writelines((b"head", memoryview(LARGE)))
        assert transport.get_write_buffer_size() > 64 << 10
        assert protocol.notes == ["made", "pause"]
        assert await _read(visitor, 4 + len(LARGE)) == b"head" + LARGE
        await protocol.wait_for("resume")
        assert transport.get_write_buffer_size() == 0
        assert await visitor.ask(b"and on") == b"and on"


async def test_what_is_written_meanwhile_keeps_its_order(keyring: Keyring):
    async with _pair(keyring) as (_, transport, visitor):
        transport.write(LARGE)
        for number in range(100):
            transport.write(b"%02d" % number)
        expected = LARGE + b"".join(b"%02d" % number for number in range(100))
        assert await _read(visitor, len(expected)) == expected


async def test_close_sends_what_is_queued(keyring: Keyring):
    async with _pair(keyring) as (protocol, transport, visitor):
        transport.write(LARGE)
        transport.close()
        transport.write(b"too late")
        assert transport.is_closing()
        assert not protocol.lost.is_set()
        async with asyncio.timeout(20):
            assert await visitor.reader.read(-1) == LARGE  # And an end that is no cut.
            await protocol.lost.wait()
        assert protocol.error is None
        transport.close()
        transport.abort()
        await asyncio.sleep(0)
        assert protocol.notes.count("lost") == 1


async def test_abort_sends_nothing_more(keyring: Keyring):
    async with _pair(keyring) as (protocol, transport, visitor):
        transport.write(LARGE)
        transport.abort()
        assert transport.get_write_buffer_size() == 0
        assert transport.is_closing()
        async with asyncio.timeout(20):
            await protocol.lost.wait()
            with contextlib.suppress(ConnectionResetError, ssl.SSLError):
                assert len(await visitor.reader.read(-1)) < len(LARGE)


async def test_a_client_that_says_no_more_gets_what_is_under_way(keyring: Keyring):
    protocol = Echo()
    async with open_echo(keyring, factory=lambda: protocol) as address:
        received = await asyncio.to_thread(_half_close, address)
    assert protocol.notes[-2:] == ["end", "lost"]
    assert protocol.error is None
    assert received == b"hello"


def _half_close(address: tuple[str, int]) -> bytes:
    """Say hello and then no more, with a close_notify, and hear what comes."""
    with (
        socket.create_connection(address, timeout=10) as plain,
        trusting(MADE).wrap_socket(plain, server_hostname="a.example") as wrapped,
    ):
        wrapped.sendall(b"hello")
        received = wrapped.recv(100)
        wrapped.unwrap()
        return received


async def test_a_client_that_is_cut_off_is_lost(keyring: Keyring):
    async with _pair(keyring) as (protocol, transport, visitor):
        transport.write(LARGE)
        visitor.writer.transport.abort()
        async with asyncio.timeout(20):
            await protocol.lost.wait()
        assert transport.is_closing()


async def test_garbage_within_a_session_ends_it(keyring: Keyring):
    protocol = Echo()
    async with open_echo(keyring, factory=lambda: protocol) as address:
        await asyncio.to_thread(_break, address)
        async with asyncio.timeout(10):
            await protocol.lost.wait()
    assert isinstance(protocol.error, ConnectionAbortedError)


def _break(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=10) as plain:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = trusting(MADE).wrap_bio(incoming, outgoing, server_hostname="a.example")
        while True:
            try:
                session.do_handshake()
                break
            except ssl.SSLWantReadError:
                plain.sendall(outgoing.read())
                incoming.write(plain.recv(65536))
        plain.sendall(outgoing.read() + b"\x17\x03\x03\x00\x20" + bytes(32))
        while plain.recv(65536):
            pass


async def test_reading_rests_while_it_is_paused(keyring: Keyring):
    async with _pair(keyring) as (protocol, transport, visitor):
        transport.pause_reading()
        transport.pause_reading()
        assert not transport.is_reading()
        visitor.writer.write(b"hello")
        await visitor.writer.drain()
        for _ in range(10):
            await asyncio.sleep(0.001)
        assert not protocol.heard
        transport.resume_reading()
        assert await _read(visitor, 5) == b"hello"


class _Failing(Echo):
    @override
    def data_received(self, data: bytes) -> None:
        raise ValueError("of the protocol")


async def test_a_protocol_that_fails_loses_its_connection(keyring: Keyring):
    told: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: told.append(context["exception"]))
    protocol = _Failing()
    async with (
        open_echo(keyring, factory=lambda: protocol) as address,
        Visitor(address, trusting(MADE)) as visitor,
    ):
        visitor.writer.write(b"hello")
        async with asyncio.timeout(10):
            await protocol.lost.wait()
    assert [str(error) for error in told] == ["of the protocol"]


async def test_marks_of_the_buffer(keyring: Keyring):
    async with _pair(keyring) as (protocol, transport, visitor):
        assert transport.get_write_buffer_limits() == (16 << 10, 64 << 10)
        transport.set_write_buffer_limits(high=len(LARGE) + 1)
        transport.write(LARGE)
        assert "pause" not in protocol.notes
        transport.set_write_buffer_limits(high=1000)
        assert protocol.notes[-1] == "pause"
        with pytest.raises(ValueError, match="low mark"):
            transport.set_write_buffer_limits(high=1, low=2)
        assert await _read(visitor, len(LARGE)) == LARGE
        transport.set_write_buffer_limits()
        assert transport.get_write_buffer_limits() == (16 << 10, 64 << 10)


async def test_another_protocol_takes_over(keyring: Keyring):
    async with _pair(keyring) as (protocol, transport, visitor):
        other = Echo()
        other.transport = transport
        transport.set_protocol(other)
        assert transport.get_protocol() is other
        assert await visitor.ask(b"hello") == b"hello"
        assert not protocol.heard
        assert other.heard == b"hello"


def test_on_the_loop_of_production(tmp_path: Path):
    keyring = Keyring([write(MADE, tmp_path, "a")], is_tls12=True, clock=lambda: 0.0)
    scenes: list[Callable[[Keyring], Awaitable[None]]] = [
        test_a_slow_reader_gets_all_of_a_large_content,
        test_close_sends_what_is_queued,
        test_abort_sends_nothing_more,
        test_a_client_that_is_cut_off_is_lost,
        test_reading_rests_while_it_is_paused,
    ]

    async def play() -> None:
        for scene in scenes:
            await scene(keyring)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(play())


@given(
    st.lists(
        st.tuples(
            st.booleans(),
            st.lists(st.sampled_from([0, 1, 300, 16000, 16383, 16384, 16385, 40000]), max_size=5),
        ),
        max_size=6,
    )
)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_however_it_is_cut_it_arrives(keyring: Keyring, writes: list[tuple[bool, list[int]]]):
    expected = bytearray()

    async def play() -> None:
        async with _pair(keyring) as (_, transport, visitor):
            for are_lines, sizes in writes:
                parts = [
                    memoryview(LARGE)[len(expected) + sum(sizes[:at]) :][:size]
                    for at, size in enumerate(sizes)
                ]
                if are_lines:
                    transport.writelines(parts)
                else:
                    for part in parts:
                        transport.write(part)
                expected.extend(b"".join(parts))
            assert await _read(visitor, len(expected)) == expected

    with asyncio.Runner() as runner:
        runner.run(play())
