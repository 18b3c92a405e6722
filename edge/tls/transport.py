"""A connection's TLS as asyncio knows it: a transport that reads and writes the socket itself.

It takes the place of the loop's own, which for each connection keeps some hundred KiB for good once
it has carried a large answer, and spends half as much again on a small one (ARCHITECTURE.md,
"Decisions"). What does not fit into the socket is kept as the views it was handed, never as copies.
"""

import asyncio
import socket
from collections import deque
from collections.abc import Iterable
from typing import Any, Final, TypeAlias

from typing_extensions import override

from edge.fronts import FrontConnection
from edge.tls.openssl import RECORD_BYTES_MAX, Step, TlsError, TlsSession

_HIGH_BYTES: Final = 64 << 10
# One call of OpenSSL writes no more: so it is seen that a slow reader gets on.
_WRITE_BYTES_MAX: Final = 256 << 10
# Between a close and its end, so long at most may pass without a byte taken.
_LAST_BYTES_S: Final = 30.0

Content = bytes | bytearray | memoryview

# Its shape is that of the socket's family.
PeerAddress: TypeAlias = Any


class TlsTransport(asyncio.Transport):
    """A transport whose handshake is done.

    What sends an answer at once does so by `writelines`, with its head and views of its content.

    Args:
        loop: that it runs on.
        connection: its socket, which does not block.
        session: its TLS.
        peer: address of the client, as in `socket.getpeername`.
        front: that told it; None if nobody did.
    """

    __slots__ = (
        "_connection",
        "_descriptor",
        "_front",
        "_has_lost",
        "_high_bytes",
        "_is_closing",
        "_is_paused",
        "_is_reading",
        "_is_writing",
        "_last_timer",
        "_loop",
        "_low_bytes",
        "_must_write_to_read",
        "_peer",
        "_protocol",
        "_queue",
        "_queued_bytes",
        "_session",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        connection: socket.socket,
        session: TlsSession,
        peer: PeerAddress,
        front: FrontConnection | None = None,
    ) -> None:
        super().__init__()
        self._loop = loop
        self._connection = connection
        self._descriptor = connection.fileno()
        self._session = session
        self._peer = peer
        self._front = front
        self._protocol: asyncio.Protocol | None = None
        self._queue: deque[Content] | None = None
        self._queued_bytes = 0
        self._high_bytes, self._low_bytes = _HIGH_BYTES, _HIGH_BYTES // 4
        self._is_closing = self._has_lost = False
        self._is_paused = self._is_reading = self._is_writing = False
        self._must_write_to_read = False
        self._last_timer: asyncio.TimerHandle | None = None

    def start(self, protocol: asyncio.Protocol) -> None:
        """Hand what arrives to `protocol` from now on."""
        self._protocol = protocol
        protocol.connection_made(self)
        self.resume_reading()

    # --- what asyncio asks for

    @override
    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """See `asyncio.BaseTransport`; `ssl_object` and `sslcontext` stand for our own session.

        The socket is for its options only: what is written to it is not TLS.
        """
        match name:
            case "peername":
                return self._peer
            case "front":
                return self._front
            case "socket":
                return self._connection
            case "sockname":
                return self._connection.getsockname()
            case "ssl_object" | "sslcontext":
                return self._session
            case _:
                return default

    @override
    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """See `asyncio.BaseTransport`."""
        assert isinstance(protocol, asyncio.Protocol)
        self._protocol = protocol

    @override
    def get_protocol(self) -> asyncio.BaseProtocol:
        """See `asyncio.BaseTransport`."""
        assert self._protocol is not None
        return self._protocol

    @override
    def is_closing(self) -> bool:
        """See `asyncio.BaseTransport`."""
        return self._is_closing

    @override
    def is_reading(self) -> bool:
        """See `asyncio.ReadTransport`."""
        return self._is_reading

    @override
    def pause_reading(self) -> None:
        """See `asyncio.ReadTransport`."""
        if self._is_reading:
            self._is_reading = False
            self._loop.remove_reader(self._descriptor)

    @override
    def resume_reading(self) -> None:
        """See `asyncio.ReadTransport`."""
        if not self._is_reading and not self._is_closing:
            self._is_reading = True
            self._loop.add_reader(self._descriptor, self._read)

    @override
    def get_write_buffer_size(self) -> int:
        """See `asyncio.WriteTransport`."""
        return self._queued_bytes

    @override
    def get_write_buffer_limits(self) -> tuple[int, int]:
        """See `asyncio.WriteTransport`."""
        return self._low_bytes, self._high_bytes

    @override
    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """See `asyncio.WriteTransport`."""
        if high is None:
            high = _HIGH_BYTES if low is None else 4 * low
        if low is None:
            low = high // 4
        if not 0 <= low <= high:
            raise ValueError(f"a low mark of {low} and a high one of {high}")
        self._high_bytes, self._low_bytes = high, low
        self._note_queued()

    @override
    def write(self, data: Content) -> None:
        """See `asyncio.WriteTransport`."""
        if data:
            self._write(data)
            self._note_queued()

    @override
    def writelines(self, list_of_data: Iterable[Content]) -> None:
        """See `asyncio.WriteTransport`: what is small shares a record with what follows it."""
        small: list[Content] = []
        room = RECORD_BYTES_MAX
        for data in list_of_data:
            size = len(data)
            if size < room:
                if size:
                    small.append(data)
                    room -= size
            elif small:
                # The record is filled up: one less of them, and one less call.
                view = memoryview(data)
                self._write(b"".join((*small, view[:room])))
                if size > room:
                    self._write(view[room:])
                small, room = [], RECORD_BYTES_MAX
            else:
                self._write(data)
        if small:
            self._write(small[0] if len(small) == 1 else b"".join(small))
        if self._queued_bytes:
            self._note_queued()

    @override
    def can_write_eof(self) -> bool:
        """Not here: see `asyncio.WriteTransport`."""
        return False

    @override
    def write_eof(self) -> None:
        """See `asyncio.WriteTransport`."""
        raise NotImplementedError

    @override
    def close(self) -> None:
        """See `asyncio.BaseTransport`: what is queued is sent first."""
        if self._is_closing:
            return
        self.pause_reading()
        self._is_closing = True
        if self._queued_bytes:
            self._watch_last_bytes()
        else:
            self._loop.call_soon(self._lose, None)

    @override
    def abort(self) -> None:
        """See `asyncio.WriteTransport`: what is queued is dropped."""
        self._abort(None)

    # --- reading

    def _read(self) -> None:
        try:
            content = self._session.read()
        except TlsError as error:
            self._abort(ConnectionAbortedError(str(error)))
            return
        if isinstance(content, bytes):
            self._hand_on(content)
        elif content is Step.CLOSED:
            self._end()
        elif content is Step.WANTS_WRITE:
            self._must_write_to_read = True
            self._wait_for_room()

    def _hand_on(self, content: bytes) -> None:
        assert self._protocol is not None
        try:
            self._protocol.data_received(content)
        except Exception as error:  # noqa: BLE001 - asyncio's own transports end like this, too
            self._loop.call_exception_handler(
                {"message": "a protocol failed", "exception": error, "transport": self}
            )
            self._abort(error)

    def _end(self) -> None:
        """The client sends nothing more: an answer under way goes out, and that is all."""
        assert self._protocol is not None
        self.pause_reading()
        self._protocol.eof_received()
        self.close()

    # --- writing

    def _write(self, data: Content) -> None:
        if self._is_closing:
            return
        if len(data) > _WRITE_BYTES_MAX:
            view = memoryview(data)
            for start in range(0, len(view), _WRITE_BYTES_MAX):
                self._write(view[start : start + _WRITE_BYTES_MAX])
        elif self._queued_bytes or not self._send(data):
            self._enqueue(data)

    def _send(self, data: Content) -> bool:
        """Whether all of it was sent; if not, it has to come again."""
        try:
            step = self._session.write(data)
        except TlsError as error:
            self._abort(ConnectionAbortedError(str(error)))
            return True
        if step is Step.DONE:
            return True
        if step is Step.CLOSED:
            self._abort(ConnectionResetError("the client left"))
            return True
        self._wait_for_room()
        return False

    def _enqueue(self, data: Content) -> None:
        if self._queue is None:
            self._queue = deque()
        self._queue.append(data)
        self._queued_bytes += len(data)

    def _wait_for_room(self) -> None:
        if not self._is_writing and not self._has_lost:
            self._is_writing = True
            self._loop.add_writer(self._descriptor, self._go_on)

    def _go_on(self) -> None:
        """There is room in the socket."""
        if self._must_write_to_read:
            self._must_write_to_read = False
            self._stop_waiting()
            self._read()
        while self._queue and self._send(self._queue[0]):
            if self._has_lost:
                return
            self._queued_bytes -= len(self._queue.popleft())
            if self._is_closing:
                self._watch_last_bytes()
        if not self._queue:
            self._queue = None
            if not self._must_write_to_read:
                self._stop_waiting()
            if self._is_closing:
                self._lose(None)
                return
        self._note_queued()

    def _stop_waiting(self) -> None:
        if self._is_writing:
            self._is_writing = False
            self._loop.remove_writer(self._descriptor)

    def _note_queued(self) -> None:
        """Tell the protocol when it is to write no more, and when again."""
        if self._queued_bytes > self._high_bytes:
            if not self._is_paused:
                self._is_paused = True
                self.get_protocol().pause_writing()
        elif self._is_paused and self._queued_bytes <= self._low_bytes:
            self._is_paused = False
            self.get_protocol().resume_writing()

    # --- the end

    def _watch_last_bytes(self) -> None:
        if self._last_timer is not None:
            self._last_timer.cancel()
        self._last_timer = self._loop.call_later(_LAST_BYTES_S, self._abort, None)

    def _abort(self, error: Exception | None) -> None:
        if self._has_lost:
            return
        self.pause_reading()
        self._stop_waiting()
        self._is_closing = self._has_lost = True
        self._queue, self._queued_bytes = None, 0
        self._loop.call_soon(self._tell_lost, error)

    def _lose(self, error: Exception | None) -> None:
        if not self._has_lost:
            self._stop_waiting()  # It may still have had something to say before it could read.
            self._session.shut_down()
            self._has_lost = True
            self._tell_lost(error)

    def _tell_lost(self, error: Exception | None) -> None:
        if self._last_timer is not None:
            self._last_timer.cancel()
            self._last_timer = None
        protocol, self._protocol = self._protocol, None
        try:
            if protocol is not None:
                protocol.connection_lost(error)
        finally:
            self._connection.close()
