"""What a supervisor and a worker tell each other, over a pair of sockets that both hold.

Messages are small JSON documents, whole or not at all (SOCK_SEQPACKET), with descriptors beside
them. The end of one side is the end of the channel.
"""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Final, Self

import orjson

logger = logging.getLogger(__name__)

_BYTES_MAX: Final = 32 << 10
_DESCRIPTORS_MAX: Final = 64
# With all of them escaped that is less than a message may take.
_TEXT_CHARACTERS_MAX: Final = 4000


class Kind(StrEnum):
    """What a message is about."""

    READY = "ready"
    """The worker serves."""
    FAILED = "failed"
    """The worker cannot serve; `text` says why."""
    ALIVE = "alive"
    """The worker's event loop runs. It says so several times within `within_s`, or it hangs."""
    ASKED = "asked"
    """Somebody else asks the worker to end; it serves on until it is told to drain."""
    ENDED = "ended"
    """All connections are at their end; beside it a file with the last metrics."""
    DRAIN = "drain"
    """To the worker: take nothing new, and end when all is done, within `within_s`."""
    STOP = "stop"
    """To the worker: end; what is under way has the moment that the settings give it."""
    ACCEPT = "accept"
    """To the worker: take what arrives for `slot` as well; beside it the sockets."""
    RELEASE = "release"
    """To the worker: no longer."""
    REOPEN = "reopen"
    """To the worker: log files were moved away."""
    CERTIFICATES = "certificates"
    """To the worker: read them again."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message.

    Attributes:
        kind: see `Kind`.
        slot: whose queues.
        within_s: how long something may take.
        text: for people.
        names: what each descriptor is.
        descriptors: that came, or are to go, with it; whoever receives them closes them.
    """

    kind: Kind
    slot: int = 0
    within_s: float = 0.0
    text: str = ""
    names: Sequence[str] = ()
    descriptors: Sequence[int] = field(default=(), repr=False)


class Channel:
    """One side of a channel."""

    def __init__(self, side: socket.socket) -> None:
        side.settimeout(0)
        self._side = side

    @classmethod
    def pair(cls) -> tuple[Self, socket.socket]:
        """A channel, and its other side, to be given away."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        return cls(ours), theirs

    def fileno(self) -> int:
        """The descriptor."""
        return self._side.fileno()

    def send(self, message: Message) -> bool:
        """Send a message; tell whether the other side takes it."""
        facts = asdict(message)
        facts["text"] = message.text[:_TEXT_CHARACTERS_MAX]
        del facts["descriptors"]
        try:
            socket.send_fds(self._side, [orjson.dumps(facts)], list(message.descriptors))
        except OSError:  # It is gone, or has long not read what it was told.
            return False
        return True

    async def receive(self) -> Message | None:
        """The next message; None when the other side is gone. What is none is passed over."""
        while True:
            try:
                data, descriptors, _, _ = socket.recv_fds(self._side, _BYTES_MAX, _DESCRIPTORS_MAX)
            except BlockingIOError:
                await self._wait_readable()
                continue
            except OSError:
                return None
            for one in descriptors:
                os.set_inheritable(one, False)  # noqa: FBT003 - it has no name
            if not data:
                return None
            message = _decoded(data, descriptors)
            if message is not None:
                return message
            logger.error("a message cannot be read", extra={"bytes": len(data)})

    def close(self) -> None:
        """Let it go."""
        self._side.close()

    async def _wait_readable(self) -> None:
        loop = asyncio.get_running_loop()
        readable: asyncio.Future[None] = loop.create_future()
        loop.add_reader(self._side.fileno(), _set, readable)
        try:
            await readable
        finally:
            loop.remove_reader(self._side.fileno())


def close_descriptors(message: Message) -> None:
    """Close what came with a message that is not wanted."""
    _close_all(message.descriptors)


def _decoded(data: bytes, descriptors: Sequence[int]) -> Message | None:
    """A message; None, and its descriptors closed, if it is none."""
    try:
        facts: dict[str, Any] = orjson.loads(data)
        return Message(Kind(facts.pop("kind")), descriptors=tuple(descriptors), **facts)
    except (ValueError, TypeError, KeyError, AttributeError):
        _close_all(descriptors)
        return None


def _close_all(descriptors: Sequence[int]) -> None:
    for one in descriptors:
        with contextlib.suppress(OSError):
            os.close(one)


def _set(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
