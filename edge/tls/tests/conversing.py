"""A server that says what it hears, and clients of it."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Self

from typing_extensions import override

from edge.fronts import Fronts
from edge.tls.keyring import Keyring
from edge.tls.listening import HandshakeLimits, TlsListener
from edge.tls.metrics import TlsCounts

LIMITS = HandshakeLimits(seconds_max=10.0, count_max=10)


class Echo(asyncio.Protocol):
    """Says what it hears; notes what it is told of its connection."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport
        self.notes: list[str] = []
        self.heard = bytearray()
        self.changed = asyncio.Event()
        self.lost = asyncio.Event()
        self.error: Exception | None = None

    def note(self, text: str) -> None:
        self.notes.append(text)
        self.changed.set()

    async def wait_for(self, text: str) -> None:
        async with asyncio.timeout(10):
            while text not in self.notes:
                self.changed.clear()
                await self.changed.wait()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.note("made")

    @override
    def data_received(self, data: bytes) -> None:
        self.heard += data
        self.transport.write(data)
        self.note("heard")

    @override
    def eof_received(self) -> None:
        self.note("end")

    @override
    def pause_writing(self) -> None:
        self.note("pause")

    @override
    def resume_writing(self) -> None:
        self.note("resume")

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.error = exc
        self.lost.set()
        self.note("lost")


@contextlib.asynccontextmanager
async def open_echo(
    keyring: Keyring,
    *,
    factory: Callable[[], asyncio.Protocol] = Echo,
    limits: HandshakeLimits = LIMITS,
    counts: TlsCounts | None = None,
    fronts: Fronts | None = None,
) -> AsyncIterator[tuple[str, int]]:
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listening:
        listening.settimeout(0)
        listener = TlsListener(
            [listening],
            new_session=keyring.session,
            factory=factory,
            fronts=fronts,
            limits=limits,
            counts=counts or TlsCounts(),
        )
        listener.start()
        try:
            yield listening.getsockname()
        finally:
            listener.close()


class Visitor:
    """A client by asyncio's own TLS."""

    def __init__(
        self, address: tuple[str, int], client: ssl.SSLContext, name: str | None = "a.example"
    ) -> None:
        self._address, self._client, self._name = address, client, name
        self.reader: asyncio.StreamReader
        self.writer: asyncio.StreamWriter

    async def __aenter__(self) -> Self:
        async with asyncio.timeout(10):
            self.reader, self.writer = await asyncio.open_connection(
                *self._address, ssl=self._client, server_hostname=self._name or ""
            )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.writer.close()
        with contextlib.suppress(OSError, ssl.SSLError):
            await self.writer.wait_closed()

    async def ask(self, content: bytes) -> bytes:
        """Say something, and hear as much."""
        self.writer.write(content)
        async with asyncio.timeout(10):
            return await self.reader.readexactly(len(content))
