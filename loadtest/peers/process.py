"""A cache as a process: started in a folder, waited for, ended with all that it started."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

import psutil

START_S_MAX: Final = 30.0
_STOP_S_MAX: Final = 10.0
# How long each of them waits for the head of an origin's answer, in seconds: enough for any
# origin that is well, and short enough for a judge.
HEAD_DEADLINE_S: Final = 3


class CacheFailedError(Exception):
    """A cache did not start."""


@dataclass(frozen=True, slots=True)
class RunningCache:
    """A cache that serves.

    Attributes:
        url: for listeners.
        pid: of the process that was started; others may be its children.
        admin_url: of its admin listener, if it has one.
    """

    url: str
    pid: int
    admin_url: str = ""

    def processes(self) -> list[psutil.Process]:
        """The processes of the cache."""
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(self.pid)
            return [process, *process.children(recursive=True)]
        return []

    def resident_bytes(self) -> int:
        """Memory that its processes hold."""
        return sum(_resident_bytes(one) for one in self.processes())

    def own_bytes(self) -> int:
        """Memory that its processes hold and share with none: what one more connection adds to."""
        return sum(int(one.memory_full_info().uss) for one in self.processes())


Start = Callable[[Path, str], AbstractContextManager[RunningCache]]


@dataclass(frozen=True, slots=True)
class Peer:
    """A cache that can be started.

    Attributes:
        name: on the command line and in tables.
        program: what has to be installed.
        package: of Debian, that brings it.
        start: runs it in a folder in front of the origin at a URL until the block is left.
    """

    name: str
    program: str
    package: str
    start: Start

    @property
    def is_installed(self) -> bool:
        """Whether it can run here."""
        return self.find() is not None

    def find(self) -> str | None:
        """Where the program is: services are not on every user's path."""
        return find_program(self.program)


def find_program(name: str) -> str | None:
    """Where a program is, with the folders for services."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/local/sbin")


def program(name: str) -> str:
    """Where a program is.

    Raises:
        CacheFailedError: it is not installed.
    """
    found = find_program(name)
    if found is None:
        raise CacheFailedError(f"{name} is not installed")
    return found


def hand_over(folder: Path, user: str) -> None:
    """Give a folder to the user that a service becomes when root starts it."""
    if os.geteuid() != 0:
        return
    for path in (folder, *folder.rglob("*")):
        shutil.chown(path, user, user)
    temporary = Path(tempfile.gettempdir())
    for parent in folder.parents:
        if parent != temporary and parent.is_relative_to(temporary):
            parent.chmod(0o711)


@dataclass(frozen=True, slots=True)
class Command:
    """How a cache is started.

    Attributes:
        arguments: of the process.
        port: where it will listen.
        folder: for its log.
        variables: of the environment, beside those of this process.
    """

    arguments: Sequence[str]
    port: int
    folder: Path
    variables: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@contextlib.contextmanager
def running(command: Command) -> Iterator[RunningCache]:
    """Run a cache until the block is left.

    Raises:
        CacheFailedError: it did not start.
    """
    log = command.folder / "process.log"
    with log.open("w") as stderr:
        process = subprocess.Popen(
            command.arguments,
            cwd=command.folder,
            env={**os.environ, **command.variables},
            stdin=subprocess.DEVNULL,
            stdout=stderr,
            stderr=stderr,
            start_new_session=True,
        )
    try:
        _wait_for_port(process, command.port, log)
        yield RunningCache(f"http://127.0.0.1:{command.port}", process.pid)
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process and its children, by force if they do not go."""
    children: list[psutil.Process] = []
    with contextlib.suppress(psutil.NoSuchProcess):
        children = psutil.Process(process.pid).children(recursive=True)
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_S_MAX)
    for child in children:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()
    process.kill()
    process.wait(_STOP_S_MAX)
    psutil.wait_procs(children, timeout=_STOP_S_MAX)


def _wait_for_port(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    ends_s = time.monotonic() + START_S_MAX
    while time.monotonic() < ends_s and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
            return
        time.sleep(0.05)
    raise CacheFailedError(f"it does not listen: {log.read_text()[-800:]}")


def _resident_bytes(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
