"""An edge that is killed and started again, on one port and one folder."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from loadtest.behaviours.listener import ask
from loadtest.cluster import free_port
from loadtest.peers.attacca import OPERATOR_CREDENTIAL, start_edge, wait_until_ready
from loadtest.peers.process import CacheFailedError, RunningCache, stop

MIB: Final = 1 << 20
_STOP_S_MAX: Final = 10.0
# What an edge says that knows of no disk tier.
_NO_DISK: Final = "there is no setting `disk`"
# What may be lost between two starts: it is made again from the slices.
_INDEX_FILES: Final = ("index*", "*.index", "*journal*", "*snapshot*")


@dataclass(frozen=True, slots=True)
class Purge:
    """What is named in a purge; see `POST /admin/purge`."""

    urls: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    is_all: bool = False
    is_soft: bool = False

    def document(self) -> bytes:
        """As the admin listener takes it."""
        named = {"urls": self.urls, "prefixes": self.prefixes, "tags": self.tags}
        flags = {"all": self.is_all, "soft": self.is_soft}
        return json.dumps(
            {name: value for name, value in {**named, **flags}.items() if value}
        ).encode()


class KillableEdge:
    """An edge of which the process may go at any moment.

    Args:
        folder: for its log, and the folder of its disk tier.
        origin_url: of the origin.
        memory_bytes: of its memory tier.
        disk_bytes: of its disk tier.
    """

    def __init__(
        self, folder: Path, origin_url: str, *, memory_bytes: int, disk_bytes: int
    ) -> None:
        self._folder = folder
        self._origin_url = origin_url
        self._listen = f"127.0.0.1:{_port_with_a_free_neighbour()}"
        self._memory = {"ATTACCA_EDGE__CACHE__MEMORY_BYTES": str(memory_bytes)}
        self.disk = folder / "disk"
        self.disk.mkdir(exist_ok=True)
        self._disk = {
            "ATTACCA_EDGE__CACHE__DISK__FOLDERS": json.dumps([str(self.disk)]),
            "ATTACCA_EDGE__CACHE__DISK__BYTES": str(disk_bytes),
        }
        self._process: subprocess.Popen[bytes] | None = None
        self.running = RunningCache("", 0)
        self.starts = 0

    @property
    def has_disk(self) -> bool:
        """Whether this edge has a disk tier at all."""
        return bool(self._disk)

    def start(self) -> None:
        """Start it and wait until it serves; without a disk tier if it knows of none.

        Raises:
            CacheFailedError: it does not start.
        """
        try:
            self._start({**self._memory, **self._disk})
        except CacheFailedError as error:
            if not self._disk or _NO_DISK not in str(error):
                raise
            print("this edge has no disk tier: the proof goes on without")
            self._disk = {}
            self._start(self._memory)
        self.starts += 1

    def _start(self, variables: dict[str, str]) -> None:
        self._process = start_edge(
            self._folder, self._origin_url, variables=variables, listen=self._listen
        )
        try:
            self.running = wait_until_ready(self._process, self._folder)
        except CacheFailedError:
            self.kill()
            raise

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(_STOP_S_MAX)
        self._close()

    def stop(self) -> None:
        """End it in peace, unless it has ended."""
        if self._process is not None and self._process.poll() is None:
            stop(self._process)
            self._close()

    def _close(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        self._process.stdout.close()

    def lose_index(self) -> int:
        """Delete what only speeds up a start; tell how many files that were."""
        files = {path for name in _INDEX_FILES for path in self.disk.rglob(name)}
        files = {path for path in files if "purge" not in path.name}
        for path in files:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        return len(files)

    async def purge(self, purge: Purge) -> bool:
        """Purge, and tell whether it was acknowledged."""
        answer = await ask(
            self.running.admin_url,
            "/admin/purge",
            {"Authorization": f"Bearer {OPERATOR_CREDENTIAL}", "Content-Type": "application/json"},
            method="POST",
            content=purge.document(),
        )
        if answer.status >= 400:
            raise CacheFailedError(f"a purge was answered with {answer.status}: {answer.body!r}")
        return answer.status == 200 and answer.is_whole

    def resident_bytes(self) -> int:
        """Memory of its processes."""
        return self.running.resident_bytes()

    def descriptors(self) -> int:
        """Descriptors that its processes have open."""
        total = 0
        for process in self.running.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                total += process.num_fds()
        return total


def _port_with_a_free_neighbour() -> int:
    """The admin listener is at the next port."""
    while True:
        port = free_port()
        with contextlib.suppress(OSError, OverflowError), socket.socket() as opened:
            opened.bind(("127.0.0.1", port + 1))
            return port
