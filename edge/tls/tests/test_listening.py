import asyncio
import contextlib
import resource
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.tls import listening
from edge.tls.keyring import Keyring
from edge.tls.listening import HandshakeLimits
from edge.tls.metrics import TlsCounts
from edge.tls.tests.certificate_making import Made, make, trusting, write
from edge.tls.tests.conversing import Visitor, open_echo

pytestmark = pytest.mark.socket

MADE: Made = make("a.example")


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    return Keyring([write(MADE, tmp_path, "a")], is_tls12=True, clock=lambda: 1_700_000_000.0)


@contextlib.asynccontextmanager
async def _silent(address: tuple[str, int]) -> AsyncIterator[asyncio.StreamReader]:
    """A client that connects and says nothing."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        yield reader
    finally:
        writer.close()


async def test_a_stalled_handshake_is_given_up(keyring: Keyring):
    counts = TlsCounts()
    limits = HandshakeLimits(seconds_max=0.05, count_max=10)
    async with (
        open_echo(keyring, limits=limits, counts=counts) as address,
        _silent(address) as reader,
        asyncio.timeout(10),
    ):
        assert await reader.read() == b""
    assert counts.handshakes == {"timeout": 1}


async def test_a_handshake_that_is_cut_short_is_given_up(keyring: Keyring):
    counts = TlsCounts()
    async with open_echo(keyring, counts=counts) as address:
        async with _silent(address):
            pass
        async with Visitor(address, trusting(MADE)) as visitor:
            assert await visitor.ask(b"x") == b"x"
    assert counts.handshakes == {"failed": 1, "full": 1}


@pytest.mark.parametrize(
    "said", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05hello", bytes(2000)]
)
async def test_what_is_no_tls_is_refused(keyring: Keyring, said: bytes):
    counts = TlsCounts()
    async with open_echo(keyring, counts=counts) as address, asyncio.timeout(10):
        reader, writer = await asyncio.open_connection(*address)
        writer.write(said)
        with contextlib.suppress(ConnectionResetError):
            await reader.read()
        writer.close()
    assert counts.handshakes == {"failed": 1}


async def test_handshakes_beyond_the_bound_wait_for_their_turn(
    keyring: Keyring, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(listening, "_DAWDLING_S", 60.0)
    counts = TlsCounts()
    limits = HandshakeLimits(seconds_max=10.0, count_max=1)
    async with open_echo(keyring, limits=limits, counts=counts) as address:
        async with asyncio.TaskGroup() as group, _silent(address):
            waiting = group.create_task(_visit(address))
            await _turns(20)
            assert not waiting.done()
        assert waiting.result() == b"x"
    assert counts.handshakes == {"failed": 1, "full": 1}


async def test_who_dawdles_makes_room(keyring: Keyring, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(listening, "_DAWDLING_S", 0.05)
    counts = TlsCounts()
    limits = HandshakeLimits(seconds_max=10.0, count_max=1)
    async with (
        open_echo(keyring, limits=limits, counts=counts) as address,
        _silent(address) as reader,
        asyncio.timeout(10),
    ):
        assert await _visit(address) == b"x"
        assert await reader.read() == b""
    assert counts.handshakes == {"crowded": 1, "full": 1}


async def _visit(address: tuple[str, int]) -> bytes:
    async with Visitor(address, trusting(MADE)) as visitor:
        return await visitor.ask(b"x")


async def _turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0.001)


async def test_closing_gives_up_handshakes_and_leaves_connections(keyring: Keyring):
    counts = TlsCounts()
    async with contextlib.AsyncExitStack() as stack:
        echo = contextlib.AsyncExitStack()
        address = await echo.enter_async_context(open_echo(keyring, counts=counts))
        visitor = await stack.enter_async_context(Visitor(address, trusting(MADE)))
        assert await visitor.ask(b"before") == b"before"
        reader = await stack.enter_async_context(_silent(address))
        await _turns(5)
        await echo.aclose()
        async with asyncio.timeout(10):
            assert await reader.read() == b""
        assert await visitor.ask(b"after") == b"after"
    assert counts.handshakes == {"full": 1, "closed": 1}


async def test_without_descriptors_clients_wait(keyring: Keyring, caplog: pytest.LogCaptureFixture):
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with open_echo(keyring) as address:
        with socket.create_connection(address) as plain:
            # No number above this client's own is free for the server's side.
            resource.setrlimit(resource.RLIMIT_NOFILE, (plain.fileno() + 1, before[1]))
            try:
                async with asyncio.timeout(10):
                    while "no room" not in caplog.text:  # noqa: ASYNC110 - nobody is told
                        await asyncio.sleep(0.001)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, before)
        async with Visitor(address, trusting(MADE)) as visitor:
            assert await visitor.ask(b"x") == b"x"
