"""One listener: a connection that does not block, and the answer that it waits for."""

import re
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from benchmarks.streams.pace import RANGE_BYTES, Schedule

_LENGTH: Final = re.compile(rb"\r\nContent-Length: *(\d+)\r\n", re.IGNORECASE)
_STATUS: Final = re.compile(rb"HTTP/1\.1 20[06] ")
_HEAD_BYTES_MAX: Final = 16 << 10
_BUFFER: Final = memoryview(bytearray(RANGE_BYTES + _HEAD_BYTES_MAX))


class BrokenError(Exception):
    """An answer is not what was asked for, or the connection has ended."""


class State(Enum):
    """What a listener waits for."""

    CONNECTION = auto()
    HANDSHAKE = auto()
    TURN = auto()
    ANSWER = auto()


@dataclass(frozen=True, slots=True)
class Question:
    """A request, and how the content of its answer begins and how long it is."""

    head: bytes
    prefix: bytes
    length: int


class Listener:
    """A connection.

    Args:
        opened: a socket that does not block and has begun to connect.
        context: for TLS; None is in the clear.
        questions: asked one after the other, from the beginning again at their end.
        first: which of them is asked first.
    """

    __slots__ = (
        "_context",
        "_head",
        "_left",
        "_next",
        "_questions",
        "_socket",
        "number",
        "schedule",
        "state",
    )

    def __init__(
        self,
        opened: socket.socket,
        context: ssl.SSLContext | None,
        questions: Sequence[Question],
        first: int,
    ) -> None:
        self._socket = opened
        self._context = context
        self._questions = questions
        self._next = first
        self._head: bytearray | None = None
        self._left = 0
        self.state = State.CONNECTION
        self.schedule: Schedule | None = None
        self.number = 0

    def fileno(self) -> int:
        """For the poll."""
        return self._socket.fileno()

    def advance(self) -> None:
        """Go on with what the connection has become ready for.

        Raises:
            BrokenError: there is no going on.
        """
        try:
            if self.state is State.CONNECTION:
                self._connected()
            if self.state is State.HANDSHAKE:
                self._shake_hands()
            elif self.state is State.ANSWER:
                self._receive()
            elif self.state is State.TURN:
                self._receive_nothing()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
            pass
        except OSError as error:
            raise BrokenError(str(error)) from error

    def ask(self) -> None:
        """Send the next question.

        Raises:
            BrokenError: the one before is not answered, or it cannot be sent.
        """
        if self.state is not State.TURN:
            raise BrokenError("the answer before is still not here")
        head = self._questions[self._next].head
        try:
            if self._socket.send(head) != len(head):
                raise BrokenError("half a question was sent")
        except OSError as error:
            raise BrokenError(str(error)) from error
        self.state = State.ANSWER
        self._head = bytearray()

    def close(self) -> None:
        """Leave."""
        self._socket.close()

    def _connected(self) -> None:
        code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, "it does not connect")
        if self._context is None:
            self.state = State.TURN
            return
        self._socket = self._context.wrap_socket(
            self._socket, do_handshake_on_connect=False, suppress_ragged_eofs=False
        )
        self.state = State.HANDSHAKE

    def _shake_hands(self) -> None:
        assert isinstance(self._socket, ssl.SSLSocket)
        self._socket.do_handshake()
        self.state = State.TURN

    def _receive_nothing(self) -> None:
        """Between answers only session tickets come."""
        raise BrokenError(f"{self._socket.recv_into(_BUFFER)} bytes came that nobody asked for")

    def _receive(self) -> None:
        while self.state is State.ANSWER:
            count = self._socket.recv_into(_BUFFER)
            if count == 0:
                raise BrokenError("it ended in the midst of an answer")
            if self._head is not None:
                self._read_head(self._head, _BUFFER[:count])
            else:
                self._left -= count
            if self._head is None and self._left <= 0:
                self._complete()

    def _read_head(self, head: bytearray, piece: memoryview) -> None:
        question = self._questions[self._next]
        head += piece
        end = head.find(b"\r\n\r\n")
        if end < 0 or len(head) < end + 4 + len(question.prefix):
            if len(head) > _HEAD_BYTES_MAX:
                raise BrokenError("an endless head")
            return
        length = _LENGTH.search(head, 0, end + 2)
        if _STATUS.match(head) is None or length is None or int(length[1]) != question.length:
            raise BrokenError(f"not the answer: {bytes(head[:60])!r}")
        if not head.startswith(question.prefix, end + 4):
            raise BrokenError("wrong bytes")
        self._left = question.length - (len(head) - end - 4)
        self._head = None

    def _complete(self) -> None:
        if self._left < 0:
            raise BrokenError("more came than was asked for")
        self._next = (self._next + 1) % len(self._questions)
        self.state = State.TURN
