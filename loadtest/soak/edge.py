"""An edge that is killed and started again, on one port and one folder."""

import asyncio
import contextlib
import json
import os
import random
import re
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import psutil

from loadtest.behaviours.listener import ask
from loadtest.peers.attacca import OPERATOR_CREDENTIAL, start_edge, wait_until_ready
from loadtest.peers.process import CacheFailedError, RunningCache, stop

MIB: Final = 1 << 20
_STOP_S_MAX: Final = 10.0
_PORTS: Final = (20_000, 32_000)
_WAIT_S_MAX: Final = 10.0
# Often enough that a kill finds an order of last use that was noted, by its name on disk.
_SNAPSHOT_S: Final = 1.0
# A folder that is off is looked at as often as this, and a full one tried.
_PROBE_S: Final = 1.0
_INDEX: Final = "index"
_NO_WORKER: Final = b"urn:attacca:problem:no-worker"
_PURGE_LOG: Final = "purges"
_BLOCK_BYTES: Final = 512  # What `st_blocks` counts in.
_METRIC: Final = re.compile(r"^(\w+(?:\{[^}]*\})?) ([\d.e+-]+)$", re.MULTILINE)


class Admission(StrEnum):
    """What the disk tier lets in."""

    ALL = "all"
    SECOND_REQUEST = "second-request"


_PURGE_FIELDS: Final = {
    "Authorization": f"Bearer {OPERATOR_CREDENTIAL}",
    "Content-Type": "application/json",
}


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
        disk: the folder of its disk tier, if it is to be elsewhere.

    Attributes:
        disk: the folder of its disk tier.
        running: the process.
        starts: how often it was started.
        admission: of the next start.
        is_up: it has not been killed since it was started.
    """

    def __init__(
        self,
        folder: Path,
        origin_url: str,
        *,
        memory_bytes: int,
        disk_bytes: int,
        disk: Path | None = None,
    ) -> None:
        self._folder = folder
        self._origin_url = origin_url
        self._listen = f"127.0.0.1:{_port_with_a_free_neighbour()}"
        self._cache = {"memory_bytes": memory_bytes}
        self.disk = disk or folder / "disk"
        self._folders = [{"path": str(self.disk), "bytes_max": disk_bytes}]
        self._process: subprocess.Popen[bytes] | None = None
        self.running = RunningCache("", 0)
        self.starts = 0
        self.admission = Admission.ALL
        self.is_up = False

    def start(self) -> None:
        """Start it and wait until it serves.

        Raises:
            CacheFailedError: it does not start.
        """
        self._process = start_edge(
            self._folder, self._origin_url, variables=self._variables(), listen=self._listen
        )
        try:
            self.running = wait_until_ready(self._process, self._folder)
        except CacheFailedError:
            self.kill()
            raise
        self.starts += 1
        self.is_up = True

    def _variables(self) -> dict[str, str]:
        cache = "ATTACCA_EDGE__CACHE__"
        return {
            f"{cache}MEMORY_BYTES": str(self._cache["memory_bytes"]),
            f"{cache}DISK__FOLDERS": json.dumps(self._folders),
            f"{cache}DISK__MIN_FREE_BYTES": "0",
            f"{cache}DISK__ADMISSION": self.admission.value,
            f"{cache}DISK__SNAPSHOT_S": str(_SNAPSHOT_S),
            f"{cache}DISK__PROBE_S": str(_PROBE_S),
            f"{cache}DISK__PAUSE_S": str(_PROBE_S),
        }

    def kill(self) -> None:
        """End it as a power cut would, but for what the kernel has not written yet."""
        self._kill(self._processes())

    def _processes(self) -> list[psutil.Process]:
        assert self._process is not None
        return RunningCache("", self._process.pid).processes()

    def _kill(self, processes: list[psutil.Process]) -> None:
        assert self._process is not None
        self.is_up = False
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(_STOP_S_MAX)
        # The supervisor's end is that of its workers, a moment later.
        psutil.wait_procs(processes, _STOP_S_MAX)
        self._close()

    def stop(self) -> None:
        """End it in peace, unless it has ended."""
        self.is_up = False
        if self._process is not None and self._process.poll() is None:
            stop(self._process)
            self._close()

    def _close(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        self._process.stdout.close()

    def wait_for_index(self) -> None:
        """Wait until the order of last use has been noted.

        Raises:
            CacheFailedError: it is not, or under another name.
        """
        ends_s = time.monotonic() + _WAIT_S_MAX
        while not (self.disk / _INDEX).is_file():
            if time.monotonic() > ends_s:
                raise CacheFailedError(f"there is no {_INDEX} in the folder")
            time.sleep(0.05)

    def lose_index(self) -> None:
        """Delete what only tells the order of last use, which has to be there."""
        (self.disk / _INDEX).unlink()

    def lose_purge_log(self) -> None:
        """Delete the log of purges, which has to be there."""
        (self.disk / _PURGE_LOG).unlink()

    def purge_and_kill(self, purge: Purge) -> tuple[bool, float]:
        """Purge, and kill as soon as the answer's first byte is here. Blocks.

        Returns:
            Whether that was an acknowledgement, and how many seconds it was before the kill.
        """
        content = purge.document()
        server = urlsplit(self.running.admin_url)
        lines = {**_PURGE_FIELDS, "Host": server.netloc, "Content-Length": str(len(content))}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        address = (server.hostname or "", server.port or 80)
        processes = self._processes()
        with socket.create_connection(address, _WAIT_S_MAX) as opened:
            opened.sendall(f"POST /admin/purge HTTP/1.1\r\n{head}\r\n".encode() + content)
            answer = opened.recv(1 << 16)
            acknowledged_s = time.monotonic()
            os.killpg(self.running.pid, signal.SIGKILL)
            late_s = time.monotonic() - acknowledged_s
        self._kill(processes)
        return answer.startswith(b"HTTP/1.1 200 "), late_s

    async def purge(self, purge: Purge) -> bool:
        """Purge, and tell whether it was acknowledged."""
        answer = await ask(
            self.running.admin_url,
            "/admin/purge",
            _PURGE_FIELDS,
            method="POST",
            content=purge.document(),
        )
        if answer.status == 503 and _NO_WORKER in answer.body:
            return False  # It has been killed, and is not back yet.
        if answer.status >= 400:
            raise CacheFailedError(f"a purge was answered with {answer.status}: {answer.body!r}")
        return answer.status == 200 and answer.is_whole

    async def metrics(self) -> dict[str, float]:
        """What it tells of itself, by name and labels; nothing while it is away."""
        answer = await ask(self.running.admin_url, "/metrics")
        return {name: float(value) for name, value in _METRIC.findall(answer.body.decode())}

    def log_text(self) -> str:
        """What it has logged, but for requests."""
        lines = (self._folder / "edge.log").read_text().splitlines()
        return "\n".join(line for line in lines if '"event":"request"' not in line)

    async def reasons(self) -> dict[str, str]:
        """Why it is not as it should be, as it says itself."""
        answer = await ask(self.running.admin_url, "/readyz")
        reasons: dict[str, str] = json.loads(answer.body)["reasons"]
        return reasons

    async def settle(self) -> None:
        """Wait until the folder has been listed, and all that was queued for it is written.

        Raises:
            CacheFailedError: that takes too long.
        """
        ends_s = time.monotonic() + _WAIT_S_MAX
        while time.monotonic() < ends_s:
            metrics = await self.metrics()
            is_listed = metrics.get('edge_disk_folders{state="on"}') == 1
            is_quiet = not metrics.get("edge_fills_under_way")
            if is_listed and is_quiet and not metrics["edge_disk_queued_bytes"]:
                return
            await asyncio.sleep(0.02)
        raise CacheFailedError("what is queued for the disk is not written")

    def disk_bytes(self) -> int:
        """What the entries really take on the disk."""
        total = 0
        for path in self.disk.glob("v1/*/*"):
            with contextlib.suppress(FileNotFoundError):
                total += path.stat().st_blocks * _BLOCK_BYTES
        return total

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
    """The admin listener is at the next port.

    Both are from below what systems give to outgoing connections: one of these would be in the way
    when the edge comes back.
    """
    while True:
        port = random.randrange(*_PORTS)
        with contextlib.suppress(OSError), socket.socket() as one, socket.socket() as next_one:
            one.bind(("127.0.0.1", port))
            next_one.bind(("127.0.0.1", port + 1))
            return port
