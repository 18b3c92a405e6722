"""The parent's side of one packaging worker: a subprocess, and the lines that go to and fro."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, cast

import orjson
from typing_extensions import override

from packager.errors import WorkerDiedError, WorkerStartError, WorkerTimeoutError, decode_error
from packager.identity import CpuClass, EncoderIdentity, identity_from_json
from packager.jobs import EXIT_NO_MEMORY, OnProgress

logger = logging.getLogger(__name__)

# The facts of a rendition of 12 hours have 7200 segments of about 90 bytes.
_ANSWER_BYTES_MAX: Final = 8 << 20

# What a worker may say in its life before the rest is dropped.
_LOGGED_BYTES_MAX: Final = 16 << 10

_START_TIMEOUT_S: Final = 60.0
_END_TIMEOUT_S: Final = 5.0

# Neither the working directory nor what else is on the path may stand in for our modules.
_PROJECT: Final = str(Path(__file__).resolve().parent.parent)

# A copy of the threads of BLAS for every worker would count against its memory for nothing.
_ENVIRONMENT: Final = {"OPENBLAS_NUM_THREADS": "1"}

# Beginnings of what a worker is not told: settings and credentials, which are no business of
# codecs that read what anybody sent, and what changes the mathematics of the C library or libsoxr.
_WITHHELD: Final = ("ATTACCA_", "AWS_", "GLIBC_TUNABLES", "SOXR_")


class _Pipes(asyncio.SubprocessProtocol):
    """What comes from the process. Without tasks: nothing here has to be waited for."""

    def __init__(self) -> None:
        self.answers = asyncio.StreamReader(limit=_ANSWER_BYTES_MAX)
        self.has_exited = asyncio.Event()
        self._logged_bytes = 0

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        pipes = cast("asyncio.SubprocessTransport", transport)
        answers = pipes.get_pipe_transport(1)
        assert answers is not None
        # What nobody reads stays with the process, which then waits.
        self.answers.set_transport(answers)

    @override
    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == 1:
            self.answers.feed_data(data)
        elif self._logged_bytes < _LOGGED_BYTES_MAX:
            self._logged_bytes += len(data)
            text = data[:_LOGGED_BYTES_MAX].decode("utf-8", "replace")
            logger.warning("a packaging worker writes to standard error", extra={"text": text})

    @override
    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if fd == 1:
            self.answers.feed_eof()

    @override
    def process_exited(self) -> None:
        self.has_exited.set()


class WorkerProcess:
    """A running worker, for one job at a time. Made by `start_worker`."""

    def __init__(self, transport: asyncio.SubprocessTransport, pipes: _Pipes) -> None:
        self._transport = transport
        self._pipes = pipes
        self._is_busy = False

    @property
    def is_busy(self) -> bool:
        """Whether a job has begun that has had no answer."""
        return self._is_busy

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._transport.get_pid()

    @property
    def is_alive(self) -> bool:
        """Whether it can take a job."""
        return not self._pipes.has_exited.is_set() and not self._pipes.answers.at_eof()

    async def call(
        self, request: Mapping[str, object], on_progress: OnProgress | None
    ) -> dict[str, object]:
        """Have a job done. A process that is busy afterwards is to be killed.

        Returns:
            The facts of the answer.

        Raises:
            PackagerError: the job's own error; the process takes further jobs.
            WorkerDiedError: the process ended; it does not.
            WorkerTimeoutError: it was ended, since the job took too much of the processor's time.
        """
        stdin = cast("asyncio.WriteTransport", self._transport.get_pipe_transport(0))
        self._is_busy = True
        stdin.write(orjson.dumps(request) + b"\n")
        while True:
            match await self._next_answer():
                case {"event": "progress", "fraction": float(fraction)}:
                    if on_progress is not None:
                        on_progress(fraction)
                case {"event": "done", "facts": dict(facts)}:
                    self._is_busy = False
                    return facts
                case {"event": "failed", "error": dict(error)}:
                    self._is_busy = False
                    raise decode_error(error)
                case _:
                    raise WorkerDiedError("the worker answers what is not understood")

    async def identify(self) -> EncoderIdentity:
        """Wait until the process is ready.

        Raises:
            WorkerStartError: it does not become so.
        """
        try:
            async with asyncio.timeout(_START_TIMEOUT_S):
                answer = await self._next_answer()
        except (TimeoutError, WorkerDiedError, WorkerTimeoutError) as error:
            raise WorkerStartError(f"the worker does not become ready: {error}") from error
        match answer:
            case {"event": "ready", "identity": dict(identity)}:
                return identity_from_json(identity)
            case {"event": "failed", "error": dict(error_facts)}:
                raise decode_error(error_facts)
            case _:
                raise WorkerStartError("the worker answers what is not understood")

    async def kill(self) -> None:
        """End the process at once, and wait until it can write nothing any more."""
        with suppress(ProcessLookupError):
            self._transport.kill()
        try:
            await self._wait_exited()
        finally:
            self._transport.close()

    async def close(self) -> None:
        """Let an idle process end by itself, else kill it."""
        stdin = self._transport.get_pipe_transport(0)
        if stdin is not None:
            stdin.close()
        await self._wait_exited()
        await self.kill()

    async def _wait_exited(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_END_TIMEOUT_S):
                await self._pipes.has_exited.wait()

    async def _next_answer(self) -> object:
        try:
            line = await self._pipes.answers.readline()
            if line.endswith(b"\n"):
                return orjson.loads(line)
        except ValueError as error:  # Too long, or no JSON.
            raise WorkerDiedError("the worker answers what is not understood") from error
        await self._wait_exited()
        status = self._transport.get_returncode()
        if status == -signal.SIGXCPU:
            raise WorkerTimeoutError("the job took far more of the processor's time than it should")
        raise WorkerDiedError(_cause_of_death(status))


def _cause_of_death(status: int | None) -> str:
    if status == EXIT_NO_MEMORY:
        return "the worker needed more memory than it may have"
    if status is not None and status < 0:
        return f"the worker was ended by signal {-status}"
    return f"the worker ended with status {status}"


async def start_worker(*, memory_bytes_max: int, cpu_class: CpuClass | None) -> WorkerProcess:
    """Start a worker; it becomes ready on its own, see `WorkerProcess.identify`.

    Raises:
        WorkerStartError: no process can be started.
    """
    command = [sys.executable, "-P", "-m", "packager"]
    arguments = [str(memory_bytes_max), cpu_class or "best", str(os.getpid())]
    inherited = {k: v for k, v in os.environ.items() if not k.upper().startswith(_WITHHELD)}
    environment = {**inherited, **_ENVIRONMENT, "PYTHONPATH": _PROJECT}
    loop = asyncio.get_running_loop()
    try:
        transport, pipes = await loop.subprocess_exec(_Pipes, *command, *arguments, env=environment)
    except OSError as error:
        raise WorkerStartError(f"no process can be started: {error}") from error
    return WorkerProcess(transport, pipes)
