"""A worker as its supervisor sees it: a process, and a channel to it."""

import asyncio
import logging
import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

from edge.supervisor.brief import Brief, file_in_memory
from edge.supervisor.channel import Channel, Kind, Message, close_descriptors

logger = logging.getLogger(__name__)

# In so many steps a worker is waited for that has said that it would say something.
_STEPS: Final = 2

# One that hangs says where before it is killed: SIGQUIT has it write its stacks to standard error.
_LAST_WORDS_S: Final = 0.5

# Of a process that somebody else has waited for; asyncio takes this one, too.
_UNKNOWN_STATUS: Final = 255

# A worker is told everything: it reads no variables, and none of ours is to be seen there.
_VARIABLES: Final = "ATTACCA_EDGE"


class WorkerProcess:
    """A worker.

    Args:
        slot: its place.
        pid: of its process.
        channel: to it.
        admin_path: where it listens for its supervisor.

    Attributes:
        slot: its place.
        pid: of its process.
        channel: to it.
        admin_path: where it listens for its supervisor.
        is_ready: it has come so far that it serves.
        is_draining: it takes nothing new.
        ready_s: since when it serves, by the loop's clock.
        is_hung: its event loop stood still, so that it was killed.
        failure: why it cannot serve, in its own words.
        status: of its process once that has ended; negative for a signal, 255 if nobody knows.
        settled: it serves, or has ended without.
        ended: its process has ended.
    """

    def __init__(self, *, slot: int, pid: int, channel: Channel, admin_path: Path) -> None:
        self.slot = slot
        self.pid = pid
        self.channel = channel
        self.admin_path = admin_path
        self.is_ready = False
        self.is_draining = False
        self.ready_s = 0.0
        self.failure = ""
        self.is_hung = False
        self.status: int | None = None
        self.settled = asyncio.Event()
        self.ended = asyncio.Event()
        self._silence_s = 0.0
        self._is_seen_off = False

    @classmethod
    def start(cls, brief: Brief, command: Sequence[str]) -> "WorkerProcess":
        """Start a process for a worker.

        Args:
            brief: what it is told.
            command: that runs a worker; the number of a descriptor is added to it.
        """
        channel, theirs = Channel.pair()
        with ExitStack() as theirs_alone, ExitStack() as failed:
            theirs_alone.callback(theirs.close)
            failed.callback(channel.close)
            brief_fd = file_in_memory(brief.encode())
            theirs_alone.callback(os.close, brief_fd)
            media = [fd for fds in brief.media.values() for fd in fds]
            process = subprocess.Popen(  # noqa: S603 - our own command
                [*command, str(theirs.fileno())],
                stdin=brief_fd,
                pass_fds=(theirs.fileno(), *media),
                env={name: text for name, text in os.environ.items() if _is_passed_on(name)},
                # What a terminal sends to its foreground group is for the supervisor.
                process_group=0,
            )
            failed.pop_all()
        # From here on the process is waited for by its number, as one that was taken over is.
        process.returncode = 0
        return cls(
            slot=brief.slot.number,
            pid=process.pid,
            channel=channel,
            admin_path=brief.admin_path,
        )

    async def watch(self, hear: Callable[[Message], None]) -> None:
        """Listen to it until it has ended.

        After an error this may be called again: then nobody listens, and the worker ends.

        Args:
            hear: called with what it says; the descriptors are closed afterwards.
        """
        try:
            while (message := await self._listen()) is not None:
                try:
                    self._take(message)
                    hear(message)
                finally:
                    close_descriptors(message)
        finally:
            self.channel.close()
        if self.status is None:
            with suppress(ProcessLookupError):  # It has, and somebody has waited for it.
                await _wait_until_ended(self.pid)
            self.status = _status_of_ended(self.pid)
        with suppress(OSError):
            self.admin_path.unlink(missing_ok=True)
        self.ended.set()
        self.settled.set()

    def note_ready(self) -> None:
        """It serves."""
        self.is_ready = True
        self.ready_s = asyncio.get_running_loop().time()
        self.settled.set()

    def kill(self) -> None:
        """End it, whatever it does."""
        self._signal(signal.SIGKILL)

    async def see_off(self, within_s: float) -> None:
        """Wait until it has ended; after `within_s` it is made to, and not before."""
        self._is_seen_off = True
        try:
            async with asyncio.timeout(within_s):
                await self.ended.wait()
        except TimeoutError:
            logger.warning("a worker did not end", extra={"worker": self.slot, "pid": self.pid})
            self.kill()
            await self.ended.wait()

    async def _listen(self) -> Message | None:
        """What it says next; one that has long said nothing, and would have by now, is ended."""
        silences = 0
        while True:
            # In steps: if it was this process that stood still, what was said meanwhile is here.
            step_s = self._silence_s / _STEPS if self._silence_s else None
            try:
                async with asyncio.timeout(step_s):
                    return await self.channel.receive()
            except TimeoutError:
                silences += 1
            if silences == _STEPS and not self._is_seen_off:
                await self._end_hung()

    async def _end_hung(self) -> None:
        self.is_hung = True
        logger.error("a worker hangs", extra={"worker": self.slot, "pid": self.pid})
        self._signal(signal.SIGQUIT)
        await asyncio.sleep(_LAST_WORDS_S)
        self.kill()

    def _signal(self, number: signal.Signals) -> None:
        if self.status is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def _take(self, message: Message) -> None:
        match message.kind:
            case Kind.READY:
                self.note_ready()
            case Kind.ALIVE:
                self._silence_s = message.within_s
            case Kind.FAILED:
                self.failure = message.text
            case _:
                pass


def _is_passed_on(variable: str) -> bool:
    return not variable.upper().startswith(_VARIABLES)


def _status_of_ended(pid: int) -> int:
    try:
        _, status = os.waitpid(pid, 0)
    except ChildProcessError:
        return _UNKNOWN_STATUS
    return os.waitstatus_to_exitcode(status)


async def _wait_until_ended(pid: int) -> None:
    loop = asyncio.get_running_loop()
    has_ended = asyncio.Event()
    pid_fd = os.pidfd_open(pid)
    try:
        loop.add_reader(pid_fd, has_ended.set)
        try:
            await has_ended.wait()
        finally:
            loop.remove_reader(pid_fd)
    finally:
        os.close(pid_fd)
