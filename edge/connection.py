"""The border to aiohttp's server: what it says of its own accord, said as the edge says it.

All that touches names of aiohttp which are not part of its interface is in this module and in
`edge.hit_sending`, and `tests/test_connection.py` fails when an upgrade changes them.
"""

import asyncio
import http
import logging
import socket
import struct
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from aiohttp import HttpVersion11, StreamReader, hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_parser import RawRequestMessage
from multidict import CIMultiDictProxy
from typing_extensions import override

from edge.arrivals import Arrivals
from edge.connection_limits import ConnectionLimits
from edge.fields import is_field_value
from edge.fronts import FrontConnection, Fronts
from edge.lane import Lane
from http_semantics.hop_by_hop import end_to_end_fields
from http_semantics.interim import is_passed_on
from http_semantics.proxy_protocol import ProxyHeadError
from http_semantics.request_framing import BadRequest, RequestFraming, RequestPiece

_UNREADABLE: Final = 400

# Stands in the place of what the framing refused: aiohttp answers it in its turn, and closes.
_REFUSED_BY_ALL: Final = b"\0\r\n\r\n"

# Lingers not at all: what is not sent yet is dropped, and the connection reset.
_RESET: Final = struct.pack("ii", 1, 0)
_KNOWN_STATUSES: Final = frozenset(http.HTTPStatus)

logger = logging.getLogger(__name__)

# Its tracebacks show requests that it cannot parse, and their targets may hold tokens.
_http_logger = logging.getLogger("edge.http")

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

# Answers a request that cannot be read (True), or one that ended in a mistake of ours.
Refuse = Callable[[web.BaseRequest, bool], web.Response]


class EdgeServer(web.Server):
    """Makes the connections of a listener.

    Args:
        handler: of each request.
        refuse: makes the answer where aiohttp would make one.
        lane: answers what it can before there is a request; None to do without it.
        limits: of connections; None for none.
        fronts: who are believed who clients are; None for nobody.
        options: of `aiohttp.web.Server`.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        refuse: Refuse,
        lane: Lane | None = None,
        limits: ConnectionLimits | None = None,
        fronts: Fronts | None = None,
        **options: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(
            handler,
            logger=_http_logger,
            access_log=None,
            handler_cancellation=True,
            auto_decompress=False,
            **options,
        )
        _http_logger.addFilter(_without_request_text)
        self._refuse = refuse
        self._arrivals = None if lane is None else Arrivals(lane)
        self._limits = limits
        self.fronts: Final = fronts
        self._is_draining = False

    def drain(self) -> None:
        """Make every answer that has not begun its connection's last one."""
        self._is_draining = True
        self._arrivals = None
        for connection in self.connections:
            if isinstance(connection, _Connection):
                connection.drain()

    def idle_connections(self) -> list[web.RequestHandler]:
        """Connections that wait for a request."""
        return [one for one in self.connections if isinstance(one, _Connection) and one.is_idle]

    @override
    def _make_request(
        self,
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: web.RequestHandler,
        writer: AbstractStreamWriter,
        task: "asyncio.Task[None]",
    ) -> web.BaseRequest:
        if self._is_draining and isinstance(protocol, _Connection):
            message = protocol.as_last(message)
        return super()._make_request(message, payload, protocol, writer, task)

    @override
    def __call__(self) -> web.RequestHandler:
        return _Connection(self, self._refuse, self._arrivals, self._limits, **self._kwargs)


class _Connection(web.RequestHandler):
    """A connection whose errors are problem documents; nothing of the request is repeated."""

    __slots__ = (
        "_arrivals",
        "_content",
        "_framing",
        "_fronts",
        "_is_at_boundary",
        "_limits",
        "_refuse",
        "_waiting",
        "arrived",
        "client",
        "front",
        "head_since_s",
        "hit_socket",
    )

    def __init__(
        self,
        server: EdgeServer,
        refuse: Refuse,
        arrivals: Arrivals | None,
        limits: ConnectionLimits | None,
        **options: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(server, loop=server._loop, **options)  # noqa: SLF001
        self._fronts = server.fronts
        self.front: FrontConnection | None = None
        self._refuse = refuse
        self._arrivals = arrivals
        self._limits = limits
        self.head_since_s = 0.0  # See `edge.connection_limits`.
        self._framing = RequestFraming(head_bytes_max=self.max_line_size)
        self.client = ""
        self._content: StreamReader | None = None
        self.arrived = b""
        self.hit_socket: socket.socket | None = None
        self._is_at_boundary = True
        self._waiting: deque[RequestPiece] = deque()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        client = _client_behind(transport)
        if client is None:
            assert self.transport is not None
            self.transport.abort()
            return
        self.client = client
        fronts = self._fronts
        if fronts is not None and fronts.has(self.client):
            told = transport.get_extra_info("front")
            self.front = told or FrontConnection(fronts, self.client)
        if transport.get_extra_info("sslcontext") is None:
            self.hit_socket = _socket_of(transport)
        if self._limits is not None:
            # A front's own connections are for many clients.
            self._limits.admit(self, "" if self.front is not None else self.client)

    @override
    def connection_lost(self, exc: BaseException | None) -> None:
        if self.hit_socket is not None:
            self.hit_socket.detach()  # The transport closes it.
            self.hit_socket = None
        if self._limits is not None:
            self._limits.leave(self)
        super().connection_lost(exc)

    @property
    def is_answering(self) -> bool:
        """Whether there is a request whose answer is not complete."""
        return self._waiter is None or self._waiter.done()

    @property
    def is_idle(self) -> bool:
        """Whether a request is waited for, and nothing of it has come."""
        return self._waiter is not None and not self.arrived

    @override
    def data_received(self, data: bytes) -> None:
        if self.front is not None and not self.front.is_begun:
            data = self._begin(self.front, data)
            if not data:
                return
        # The lane may act only where the next byte begins a message, and all before has been
        # answered. The framing knows where messages end, since it hands heads on whole.
        arrivals = self._arrivals
        if self.arrived:
            self.arrived += data
        elif (
            data
            and arrivals is not None
            and self._is_at_boundary
            and self._current_request is None
            and not self._messages
            and not self._waiting
        ):
            self.arrived = data
            arrivals.add(self)
        else:
            self.hand_over(data)

    @override
    def eof_received(self) -> None:
        if self.arrived and self._arrivals is not None:
            self._arrivals.answer()  # Behind this the transport closes.

    def hand_over(self, data: bytes) -> None:
        """Let aiohttp have what has arrived: the ordinary road."""
        if not data:  # There is room again for what aiohttp's parser holds back.
            super().data_received(data)
        pieces = self._framing.feed(data)
        self._is_at_boundary = self._framing.is_at_boundary
        if pieces or not self.head_since_s:
            self.head_since_s = self._loop.time() if self._framing.has_part_of_head else 0.0
        self._waiting.extend(pieces)
        self._hand_on()

    def client_of(self, fields: Mapping[str, str]) -> str:
        """Address of the client of a request; empty if nobody tells."""
        return self.client if self.front is None else self.front.client_of(fields)

    def _begin(self, front: FrontConnection, data: bytes) -> bytes:
        """Hear from a front who its client is; what comes after that is returned."""
        transport = self.transport
        assert transport is not None
        try:
            rest = front.begin(data)
        except ProxyHeadError as error:
            logger.warning("a front does not begin as agreed", extra={"reason": str(error)})
            transport.abort()
            return b""
        if front.is_begun:
            self.client = front.client
            if self._limits is not None:
                self._limits.leave(self)
                if not self._limits.admit(self, self.client):
                    return b""
        return rest

    def drain(self) -> None:
        """See `EdgeServer.drain`."""
        self._arrivals = None
        request = self._current_request
        if request is not None:
            request._message = self.as_last(request._message)  # noqa: SLF001

    def as_last(self, message: RawRequestMessage) -> RawRequestMessage:
        """A request as the last one, if nothing has come behind it."""
        return message if self._messages or self._waiting else message._replace(should_close=True)

    @override
    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun")
        if status != _UNREADABLE:
            _http_logger.error("a request failed", extra={"error": type(exc).__name__})
        response = self._refuse(request, status == _UNREADABLE)
        response.force_close()
        return response

    def _hand_on(self) -> None:
        """Hand aiohttp what it has room for; it comes back when it has room again.

        It stops reading when it has many requests, but one read may bring thousands.
        """
        waiting = self._waiting
        while waiting and len(self._messages) < self._max_msg_queue_size:
            piece = waiting.popleft()
            if isinstance(piece, BadRequest):
                self._break_content()
                super().data_received(_REFUSED_BY_ALL)
                continue
            super().data_received(piece)
            if self._messages:
                self._content = self._messages[-1][1]

    def _break_content(self) -> None:
        """Tell whoever reads the content of the last request that the rest of it cannot be read."""
        content = self._content
        if content is not None and not content.is_eof():
            content.set_exception(web.RequestPayloadError("the rest cannot be read"))

    @override
    def log_exception(self, *args: Any, **kw: Any) -> None:
        # It was read on for nobody: the request has its answer.
        if not isinstance(kw.get("exc_info"), web.RequestPayloadError):
            super().log_exception(*args, **kw)


def client_of(request: web.BaseRequest) -> str:
    """Address of the client of a request; empty if nobody tells."""
    connection = request.protocol
    if isinstance(connection, _Connection):
        return connection.client_of(request.headers)
    return request.remote or ""


def _client_behind(transport: asyncio.BaseTransport) -> str | None:
    """Address of who has connected, empty for a Unix socket; None if nobody can tell any more.

    Who has reset his connection meanwhile has no address, and yet what he sent can be read.
    """
    if transport.get_extra_info("socket").family is socket.AF_UNIX:
        return ""
    peer = transport.get_extra_info("peername")
    return None if peer is None else str(peer[0])


def _socket_of(transport: asyncio.BaseTransport) -> socket.socket | None:
    """The socket of a transport once more, to write past the transport, which goes on owning it."""
    known = transport.get_extra_info("socket")
    return socket.socket(known.family, known.type, known.proto, fileno=known.fileno())


def pass_interim(request: web.BaseRequest, status: int, fields: CIMultiDictProxy[str]) -> None:
    """Send an interim response to a client that understands it, before its final one."""
    version = request.version.major, request.version.minor
    if request.transport is None or not is_passed_on(status, version=version):
        return
    # A phrase may be left out: RFC 9112 section 4.
    phrase = http.HTTPStatus(status).phrase if status in _KNOWN_STATUSES else ""
    lines = [f"HTTP/1.1 {status} {phrase}"]
    for name, value in end_to_end_fields(fields).items():
        if is_field_value(value):
            lines.append(f"{name}: {value}")
    text = "\r\n".join((*lines, "", ""))
    request.transport.write(text.encode("utf-8", "surrogateescape"))


def cut_connection(request: web.BaseRequest) -> None:
    """Close a connection within an answer, so that its client knows that this is not the end."""
    transport = request.transport
    if transport is None:
        return
    if request.version < HttpVersion11:  # The end of an answer may be that of its connection.
        connection = transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        transport.abort()
    else:
        transport.close()


class StreamAsGiven(web.StreamResponse):
    """A response without the `Content-Type` that aiohttp makes up.

    Where the origin says nothing of it, it is for the listener to find out (RFC 9110 section 8.3).
    """

    @override
    async def _prepare_headers(self) -> None:
        headers = self.headers
        is_given = hdrs.CONTENT_TYPE in headers
        await super()._prepare_headers()
        if not is_given:
            headers.pop(hdrs.CONTENT_TYPE, None)


class ResponseAsGiven(StreamAsGiven, web.Response):
    """The same for one that holds its head back until its first content."""


def _without_request_text(record: logging.LogRecord) -> bool:
    record.exc_info = record.exc_text = None
    return True
