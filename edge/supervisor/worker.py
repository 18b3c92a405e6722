"""A worker from within: an edge that does what its supervisor says."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Final

from prometheus_client import generate_latest

from config.loop_watch import settle_collector
from config.settings import SettingsError
from config.sockets import ListenerError, bind_unix
from config.tasks import Tasks, open_tasks
from edge.app import EdgeService, EdgeSockets, open_edge
from edge.disk.errors import DiskTierError
from edge.listening import ListenerKind, Queues
from edge.supervisor.brief import Brief, file_in_memory
from edge.supervisor.channel import Channel, Kind, Message, close_descriptors

logger = logging.getLogger(__name__)

# How often a worker that does not hang says so, within the time after which it would.
_WORDS: Final = 4

# What keeps a worker from starting, and is told in its own words.
_TOLD = (SettingsError, ListenerError, DiskTierError, OSError)


async def run_worker(brief: Brief, channel: Channel, *, clock: Callable[[], float]) -> bool:
    """Serve until the supervisor has it end, or is gone itself.

    Args:
        brief: what to do.
        channel: to the supervisor.
        clock: seconds since the epoch.

    Returns:
        False if it could not serve; the supervisor has been told why.
    """
    try:
        async with _opened(brief, clock) as service, open_tasks() as tasks:
            worker = _Worker(service, channel, tasks)
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.retire)
            tasks.keep(worker.obey, "carrying out orders")
            settle_collector()
            channel.send(Message(Kind.READY))
            tasks.keep(partial(worker.tell, brief.silence_s), "telling")
            await worker.ended.wait()
    except _TOLD as error:
        channel.send(Message(Kind.FAILED, text=str(error)))
        return False
    return True


class _Worker:
    """Carries out orders."""

    def __init__(self, service: EdgeService, channel: Channel, tasks: Tasks) -> None:
        self.ended = asyncio.Event()
        self._service = service
        self._channel = channel
        self._tasks = tasks
        self._is_draining = False

    async def obey(self) -> None:
        """Do as is said, until there is nobody left to say anything."""
        while (message := await self._channel.receive()) is not None:
            if message.kind is Kind.STOP:
                break
            try:
                await self._carry_out(message)
            except Exception:  # The order's boundary: those that follow are heard.
                logger.exception("an order failed", extra={"order": message.kind})
        self.ended.set()

    async def tell(self, silence_s: float) -> None:
        """Say again and again that this worker does not hang, until cancelled.

        Args:
            silence_s: after so long without a word it does; 0 if nobody is to judge by that.
        """
        while silence_s:
            self._channel.send(Message(Kind.ALIVE, within_s=silence_s))
            await asyncio.sleep(silence_s / _WORDS)

    def retire(self) -> None:
        """Somebody else wants it to end: the supervisor has it drain when a successor serves."""
        self._channel.send(Message(Kind.ASKED))

    async def _carry_out(self, message: Message) -> None:
        match message.kind:
            case Kind.DRAIN:
                self._drain(message.within_s)
            case Kind.ACCEPT:
                await self._accept(message)
            case Kind.RELEASE:
                await self._service.listening.release(message.slot)
            case Kind.REOPEN:
                self._service.log.reopen()
            case Kind.CERTIFICATES:
                self._service.read_certificates()
            case _:
                pass

    def _drain(self, within_s: float) -> None:
        if not self._is_draining:
            self._is_draining = True
            self._tasks.keep(partial(self._run_dry, within_s), "draining")

    async def _accept(self, message: Message) -> None:
        if len(message.descriptors) == len(message.names):
            queues = queues_of(message.names, message.descriptors)
            await self._service.listening.accept(message.slot, queues)
        else:  # This process may have no more of them.
            close_descriptors(message)
            logger.error("sockets have not arrived", extra={"slot": message.slot})

    async def _run_dry(self, within_s: float) -> None:
        await self._service.drain(within_s)
        metrics_fd = file_in_memory(generate_latest(self._service.registry))
        self._channel.send(Message(Kind.ENDED, names=("metrics",), descriptors=(metrics_fd,)))
        os.close(metrics_fd)
        self.ended.set()


def queues_of(names: Sequence[str], descriptors: Sequence[int]) -> Queues:
    """Sockets that came by their descriptors, by the listener that each is of."""
    queues: dict[ListenerKind, tuple[socket.socket, ...]] = {}
    for name, fd in zip(names, descriptors, strict=True):
        kind = ListenerKind(name)
        queues[kind] = (*queues.get(kind, ()), socket.socket(fileno=fd))
    return queues


@contextlib.asynccontextmanager
async def _opened(brief: Brief, clock: Callable[[], float]) -> AsyncIterator[EdgeService]:
    with contextlib.ExitStack() as stack:
        media = {
            kind: tuple(stack.enter_context(socket.socket(fileno=fd)) for fd in fds)
            for kind, fds in brief.media.items()
        }
        admin = bind_unix(brief.admin_path)
        stack.enter_context(admin[0])
        async with open_edge(
            brief.settings,
            credentials=brief.credentials,
            clock=clock,
            slot=brief.slot,
            sockets=EdgeSockets(media, admin),
            is_successor=brief.is_successor,
        ) as service:
            yield service
