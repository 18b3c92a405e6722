"""All listeners of a server, in several processes."""

import contextlib
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from typing import Final
from urllib.parse import urlsplit

from benchmarks.hits.measuring import Cores
from benchmarks.streams.crowd import Crowd, Grow, Report, run_crowd
from benchmarks.streams.pace import Played, joined
from benchmarks.streams.server import WarmServer

PROCESSES: Final = 2
_SOURCES: Final = tuple(f"127.0.0.{number}" for number in range(11, 27))
_ANSWER_S_MAX: Final = 600.0
_END_S_MAX: Final = 20.0


class AudienceFailedError(Exception):
    """A process with listeners has ended, or says nothing."""


class Audience:
    """Made by `open_audience`."""

    def __init__(self, pipes: Sequence[Connection]) -> None:
        self._pipes = pipes

    def grow(self, count: int, *, is_idle: bool) -> None:
        """Let more listeners come, and wait until they are connected."""
        shares = [count // len(self._pipes)] * len(self._pipes)
        shares[0] += count - sum(shares)
        for pipe, share in zip(self._pipes, shares, strict=True):
            pipe.send(Grow(share, is_idle))
        for pipe in self._pipes:
            _answer_of(pipe)

    def report(self) -> Played:
        """What all have had since they were asked last."""
        for pipe in self._pipes:
            pipe.send(Report())
        answers = [_answer_of(pipe) for pipe in self._pipes]
        return joined([one for one in answers if one is not None])

    def close(self) -> None:
        """Let all leave."""
        for pipe in self._pipes:
            with contextlib.suppress(OSError):
                pipe.send(None)


@contextlib.contextmanager
def open_audience(server: WarmServer) -> Iterator[Audience]:
    """Start the processes, on the core that is not the server's, until the block is left."""
    parts = urlsplit(server.entrant.url)
    assert parts.hostname is not None
    assert parts.port is not None
    trusted = None if server.certificate is None else str(server.certificate.chain)
    crowd = Crowd(parts.hostname, parts.port, _SOURCES, trusted, server.questions())
    # Not forked: this process has threads.
    context = multiprocessing.get_context("spawn")
    pairs = [context.Pipe() for _ in range(PROCESSES)]
    processes = [context.Process(target=run_crowd, args=(crowd, theirs)) for _, theirs in pairs]
    for process in processes:
        process.start()
        assert process.pid is not None
        os.sched_setaffinity(process.pid, {Cores.here().load})
    audience = Audience([ours for ours, _ in pairs])
    try:
        yield audience
    finally:
        audience.close()
        for process in processes:
            process.join(_END_S_MAX)
            process.kill()


def _answer_of(pipe: Connection) -> Played | None:
    if not pipe.poll(_ANSWER_S_MAX):
        raise AudienceFailedError("it says nothing")
    try:
        answer: Played | None = pipe.recv()
    except EOFError as error:
        raise AudienceFailedError("it has ended") from error
    return answer
