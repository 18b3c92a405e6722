"""Accepting connections and shaking hands, both within bounds."""

import asyncio
import errno
import logging
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from edge.fronts import FrontConnection, Fronts, Telling
from edge.tls.metrics import TlsCounts
from edge.tls.openssl import Step, TlsError, TlsSession
from edge.tls.transport import PeerAddress, TlsTransport
from http_semantics.proxy_protocol import HEAD_BYTES_MAX, ProxyHeadError

logger = logging.getLogger(__name__)

# So many are accepted at once, before the loop sees to others.
_ACCEPTED_MAX: Final = 16
# There is no room for another connection just now; its client waits in the kernel's queue.
_SHORTAGES: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_SHORTAGE_S: Final = 0.5
# Who takes longer has not much to say, or is far away; he goes first when there is no room.
_DAWDLING_S: Final = 1.0

ProtocolFactory = Callable[[], asyncio.Protocol]
# Begins TLS on a descriptor.
NewSession = Callable[[int], TlsSession]


@dataclass(frozen=True, slots=True)
class HandshakeLimits:
    """Bounds on handshakes.

    Attributes:
        seconds_max: a client has for its own.
        count_max: under way at once; further clients wait in the kernel's queue, but for those
            who have taken a second and make room.
    """

    seconds_max: float
    count_max: int


class TlsListener:
    """Accepts on sockets that listen, and hands connections on once their handshake is done.

    Args:
        sockets: that listen; they are not closed.
        new_session: begins TLS on a connection.
        factory: of protocols.
        fronts: who are believed who clients are; None for nobody.
        limits: of handshakes.
        counts: what becomes of them.
    """

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        *,
        new_session: NewSession,
        factory: ProtocolFactory,
        fronts: Fronts | None,
        limits: HandshakeLimits,
        counts: TlsCounts,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._sockets = tuple(sockets)
        self._new_session = new_session
        self._factory = factory
        self._fronts = fronts
        self._limits = limits
        self._counts = counts
        # The oldest first.
        self._handshakes: dict[_Handshake, None] = {}
        self._is_accepting = False
        self._is_closed = False
        self._pause: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Accept connections."""
        if not self._is_accepting and not self._is_closed:
            self._is_accepting = True
            for one in self._sockets:
                self._loop.add_reader(one, self._accept, one)

    @property
    def handshakes(self) -> int:
        """How many are under way."""
        return len(self._handshakes)

    def let_nobody_in(self) -> None:
        """Accept no more; handshakes under way are finished."""
        self._is_closed = True
        if self._pause is not None:
            self._pause.cancel()
        self._stop()

    def close(self) -> None:
        """Accept no more; handshakes under way are given up."""
        self.let_nobody_in()
        for one in tuple(self._handshakes):
            one.give_up("closed")

    def _stop(self) -> None:
        if self._is_accepting:
            self._is_accepting = False
            for one in self._sockets:
                self._loop.remove_reader(one)

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(_ACCEPTED_MAX):
            if not self._has_room():
                return
            try:
                connection, peer = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _SHORTAGES:
                    raise
                logger.warning("no room for a connection", extra={"error": error.strerror})
                self._rest(_SHORTAGE_S)
                return
            self._begin(connection, peer)

    def _has_room(self) -> bool:
        """Whether another handshake may begin; who dawdles over his has to make room."""
        if len(self._handshakes) < self._limits.count_max:
            return True
        oldest = next(iter(self._handshakes))
        left_s = oldest.since_s + _DAWDLING_S - self._loop.time()
        if left_s > 0:
            self._rest(left_s)
            return False
        oldest.give_up("crowded")
        return True

    def _rest(self, seconds: float) -> None:
        """Accept nobody for so long, or until a handshake is over."""
        self._stop()
        if self._pause is not None:
            self._pause.cancel()
        self._pause = self._loop.call_later(seconds, self.start)

    def _begin(self, connection: socket.socket, peer: PeerAddress) -> None:
        connection.settimeout(0)
        if connection.family in {socket.AF_INET, socket.AF_INET6}:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        handshake = _Handshake(self, connection, peer, self._front_of(peer))
        self._handshakes[handshake] = None
        handshake.go_on()

    def _front_of(self, peer: PeerAddress) -> FrontConnection | None:
        """A peer that says who its client is before TLS begins."""
        fronts, address = self._fronts, str(peer[0])
        if fronts is None or fronts.telling is not Telling.PROXY or not fronts.has(address):
            return None
        return FrontConnection(fronts, address)

    # --- what handshakes ask for

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """That all of it runs on."""
        return self._loop

    @property
    def seconds_max(self) -> float:
        """What a client has for its handshake."""
        return self._limits.seconds_max

    def new_session(self, descriptor: int) -> TlsSession:
        """Begin TLS on a connection."""
        return self._new_session(descriptor)

    def note_end(self, handshake: "_Handshake", result: str) -> None:
        """One is over."""
        self._handshakes.pop(handshake, None)
        self._counts.handshakes[result] += 1
        if len(self._handshakes) < self._limits.count_max:
            self.start()

    def hand_on(
        self,
        connection: socket.socket,
        session: TlsSession,
        peer: PeerAddress,
        front: FrontConnection | None,
    ) -> None:
        """Serve a client that we share keys with."""
        TlsTransport(self._loop, connection, session, peer, front).start(self._factory())


class _Handshake:
    """A connection that is not yet a protocol's."""

    __slots__ = (
        "_connection",
        "_descriptor",
        "_front",
        "_listener",
        "_peer",
        "_session",
        "_timer",
        "since_s",
    )

    def __init__(
        self,
        listener: TlsListener,
        connection: socket.socket,
        peer: PeerAddress,
        front: FrontConnection | None,
    ) -> None:
        self._listener = listener
        self._front = front
        self._connection = connection
        self._descriptor = connection.fileno()
        self._peer = peer
        self._session = listener.new_session(self._descriptor)
        loop = listener.loop
        self.since_s = loop.time()
        self._timer = loop.call_later(listener.seconds_max, self.give_up, "timeout")
        loop.add_reader(self._descriptor, self.go_on)

    def go_on(self) -> None:
        """Take the next step: the socket has something, or room for it."""
        if self._front is not None and not self._front.is_begun and not self._hear(self._front):
            return
        loop = self._listener.loop
        try:
            step = self._session.handshake()
        except TlsError as error:
            logger.debug("a handshake failed", extra={"reason": str(error)})
            self.give_up("failed")
            return
        loop.remove_writer(self._descriptor)
        if step is Step.WANTS_WRITE:
            loop.add_writer(self._descriptor, self.go_on)
        elif step is Step.DONE:
            self._leave("resumed" if self._session.is_resumed else "full")
            front = self._front
            peer = self._peer if front is None else (front.client, 0)
            self._listener.hand_on(self._connection, self._session, peer, front)

    def _hear(self, front: FrontConnection) -> bool:
        """Hear from a front who its client is, and take no byte of what follows.

        Returns:
            Whether TLS can begin.
        """
        try:
            seen = self._connection.recv(HEAD_BYTES_MAX, socket.MSG_PEEK)
            rest = front.begin(seen)
            self._connection.recv(len(seen) - len(rest))
        except (BlockingIOError, InterruptedError):
            return False
        except (OSError, ProxyHeadError) as error:
            logger.warning("a front does not begin as agreed", extra={"reason": str(error)})
            self.give_up("failed")
            return False
        if not seen:
            self.give_up("failed")
        return front.is_begun

    def give_up(self, result: str) -> None:
        """End it, and the connection with it."""
        self._leave(result)
        self._connection.close()

    def _leave(self, result: str) -> None:
        self._timer.cancel()
        loop = self._listener.loop
        loop.remove_reader(self._descriptor)
        loop.remove_writer(self._descriptor)
        self._listener.note_end(self, result)
