"""A node of the PoP: `attacca edge` with two workers, in a namespace of its own."""

import asyncio
import contextlib
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from loadtest.behaviours.listener import ask
from loadtest.pop.network import NODES_NAME, Wire, address_of, namespace_of

OPERATOR_CREDENTIAL: Final = secrets.token_urlsafe(32)
WORKERS: Final = 2
PORT: Final = 8080
_ADMIN_PORT: Final = 8081
PEER_PORT: Final = 8083

# What the proof is about: within these a dead owner is stepped over.
DEADLINE_S: Final = 1.0
PROBE_S: Final = 0.5

_UP: Final = re.compile(r'^edge_peer_up\{[^}]*member="([^"]+)"[^}]*\} ([\d.]+)', re.MULTILINE)
_ASKED: Final = re.compile(
    r'^edge_peer_requests_total\{hop="(\w+)",result="([^"]+)"\} ([\d.]+)', re.MULTILINE
)
_WAIT_S_MAX: Final = 90.0


class NodeFailedError(Exception):
    """A node did not start, or did not come to know the others."""


class PopNode:
    """A node.

    Args:
        name: one letter.
        folder: of the whole PoP.
        origin_url: of the origin.
    """

    def __init__(self, name: str, folder: Path, origin_url: str) -> None:
        self.name = name
        self._folder = folder
        self._origin_url = origin_url
        self._process: subprocess.Popen[bytes] | None = None
        host = address_of(name, Wire.WORLD)
        self.url = f"http://{host}:{PORT}"
        self.admin_url = f"http://{host}:{_ADMIN_PORT}"
        (folder / name).mkdir(exist_ok=True)

    def configure(self, nodes: Sequence[str]) -> None:
        """Write its settings, with these nodes; without any they come by a name."""
        folder = self._folder
        disk, missed = folder / self.name / "disk", folder / self.name / "missed"
        host = address_of(self.name, Wire.WORLD)
        lines = [
            f'host = "{host}"',
            f"port = {PORT}",
            f'admin_host = "{host}"',
            f"admin_port = {_ADMIN_PORT}",
            f'allowed_hosts = ["{host}"]',
            f'upstream = "{self._origin_url}"',
            f"workers = {WORKERS}",
            "token_check = false",
            "[cache]",
            f"memory_bytes = {512 << 20}",
            "[cache.disk]",
            'admission = "all"',
            "min_free_bytes = 0",
            "[[cache.disk.folders]]",
            f'path = "{disk}"',
            f"bytes_max = {1 << 30}",
            "[peers]",
            f'listen = "{address_of(self.name, Wire.PEERS)}:{PEER_PORT}"',
            f'ca_file = "{folder}/ca.pem"',
            f'cert_file = "{folder}/{self.name}.pem"',
            f'key_file = "{folder}/{self.name}.key"',
            f'purge_folder = "{missed}"',
            f"deadline_s = {DEADLINE_S}",
            f"probe_s = {PROBE_S}",
            # Else every node would soon mirror everything, and nobody would ask an owner any more.
            "mirror_share = 0.02",
        ]
        if nodes:
            lines.append(f'node = "{self.name}"')
        else:
            lines += [f'dns = "{NODES_NAME}:{PEER_PORT}"', "dns_s = 0.5"]
        for name in nodes:
            url = f"https://{address_of(name, Wire.PEERS)}:{PEER_PORT}"
            lines += ["[[peers.nodes]]", f'name = "{name}"', f'url = "{url}"']
        disk.mkdir(exist_ok=True)
        self._file.write_text("\n".join(lines) + "\n")

    def start(self) -> None:
        """Start it, and do not wait."""
        command = ["ip", "netns", "exec", namespace_of(self.name), sys.executable, "-m", "cli"]
        with (self._folder / self.name / "log").open("a") as log:
            self._process = subprocess.Popen(
                [*command, "edge", "--config", str(self._file), "--json"],
                stdout=subprocess.DEVNULL,
                stderr=log,
                env={**os.environ, "ATTACCA_EDGE__OPERATOR_CREDENTIAL": OPERATOR_CREDENTIAL},
                start_new_session=True,
            )

    def reload(self) -> None:
        """Have it take up its settings anew."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    def kill(self) -> None:
        """End it and all its workers at once."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """End it as an operator would, or else at once."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self.kill()

    async def wait_until_up(self, others: int) -> float:
        """Wait until all its workers see so many other nodes; return how long that took.

        Raises:
            NodeFailedError: they do not.
        """
        began_s = time.monotonic()
        while time.monotonic() - began_s < _WAIT_S_MAX:
            seen = await self.nodes_seen()
            if len(seen) == others and all(count == WORKERS for count in seen.values()):
                return time.monotonic() - began_s
            await asyncio.sleep(0.05)
        raise NodeFailedError(f"{self.name} does not see {others} others: see {self._file.parent}")

    async def nodes_seen(self) -> dict[str, int]:
        """How many of its workers see each of the other nodes up."""
        answer = await ask(self.admin_url, "/metrics", deadline_s=2.0)
        found = _UP.findall(answer.body.decode())
        return {name: int(float(up)) for name, up in found if not name.startswith("worker")}

    async def purge(self, document: dict[str, object]) -> tuple[int, dict[str, Any], float]:
        """Purge by its admin listener; the answer, and when it came."""
        fields = {"Authorization": f"Bearer {OPERATOR_CREDENTIAL}"}
        content = json.dumps(document).encode()
        answer = await ask(
            self.admin_url,
            "/admin/purge",
            fields,
            method="POST",
            content=content,
            deadline_s=60.0,
        )
        told: dict[str, Any] = json.loads(answer.body or b"{}")
        return answer.status, told, time.monotonic()

    async def peer_requests(self) -> dict[str, float]:
        """How requests to owners were met."""
        answer = await ask(self.admin_url, "/metrics", deadline_s=5.0)
        found = _ASKED.findall(answer.body.decode())
        return {f"{hop} {result}": float(count) for hop, result, count in found}

    @property
    def _file(self) -> Path:
        return self._folder / self.name / "edge.toml"
