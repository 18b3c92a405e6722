"""Roles apart on one object store: drm, several origins behind a balancer, and an edge.

with running_cluster(folder, store, origins=2) as cluster:
    cluster.ingest(master)
    cluster.kill_origin(0)

The balancer is nginx: it asks the next origin when one does not answer, as any would.
"""

import contextlib
import json
import secrets
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from config.tests.free_ports import free_port
from loadtest.node import Node, NodeFailedError, kill_tree

_STOP_S_MAX: Final = 30.0

_NGINX: Final = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 1024; }}
http {{
    access_log off; proxy_temp_path {folder}/nginx; client_body_temp_path {folder}/nginx;
    upstream origins {{ {servers} }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://origins; proxy_http_version 1.1; proxy_buffering off;
            proxy_set_header Connection ""; proxy_set_header Host $http_host;
            proxy_read_timeout 60s;
            proxy_next_upstream error timeout;
        }}
    }}
}}
"""


class Role:
    """A role in a process of its own.

    Attributes:
        ready: what it said when it was ready.
        log: file with its standard error.
    """

    def __init__(self, node: Node, role: str, name: str, settings: str) -> None:
        self._node = node
        self._role = role
        self.settings = node.data / f"{name}.toml"
        self.settings.write_text(settings)
        self.log = node.data / f"{name}.log"
        self.ready: dict[str, str] = {}
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it and wait until it is ready.

        Raises:
            NodeFailedError: it says something else.
        """
        with self.log.open("a") as log:
            self._process = self._node.start_command(
                self._role, "--config", str(self.settings), "--json", stderr=log
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if '"ready"' not in line:
            raise NodeFailedError(f"{self._role} said {line!r}: {self.log.read_text()[-500:]}")
        self.ready = json.loads(line)

    def kill(self) -> None:
        """Kill its whole tree at once."""
        assert self._process is not None
        kill_tree(self._process)

    def stop(self) -> None:
        """End it as a service manager does, unless it has ended."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_S_MAX)
        except subprocess.TimeoutExpired:
            kill_tree(process)


class Cluster:
    """Running roles. Made by `running_cluster`."""

    def __init__(self, node: Node, origins: list[Role], running: Path, edge: str) -> None:
        self._node = node
        self.origins = origins
        self.running = running
        self.edge = edge

    def ingest(self, *arguments: str) -> list[dict[str, Any]]:
        """Run `attacca ingest` with the first origin's settings."""
        return self._node.json_lines(
            "ingest", *arguments, "--config", str(self.origins[0].settings)
        )

    def play(self, track_id: str, rendition: str) -> dict[str, Any]:
        """Play a rendition through the edge."""
        (report,) = self._node.json_lines(
            "play", track_id, "--rendition", rendition, "--config", str(self.running)
        )
        return report

    def token(self) -> str:
        """A playback token for everything."""
        return self._node.output("token", "--config", str(self.running)).strip()


@contextlib.contextmanager
def running_cluster(folder: Path, store: str, *, origins: int) -> Iterator[Cluster]:
    """Run all roles until the block is left.

    Args:
        folder: for settings, credentials, keys, scratch and logs.
        store: the `[store]` tables of the origins' TOML.
        origins: how many.
    """
    node = Node(folder)
    files = {name: folder / name for name in ("operator", "edge", "origin")}
    for file in files.values():
        file.write_text(secrets.token_urlsafe(32))
    shared = (
        f"operator_credential_file = '{files['operator']}'\n"
        f"edge_credential_file = '{files['edge']}'\n"
    )
    with contextlib.ExitStack() as stack:

        def start(role: str, name: str, settings: str) -> Role:
            one = Role(node, role, name, settings)
            stack.callback(one.stop)
            one.start()
            return one

        any_ports = "port = 0\nadmin_port = 0\n"
        drm = start(
            "drm",
            "drm",
            f"{any_ports}{shared}origin_credential_file = '{files['origin']}'\n"
            f"database = '{folder}/keys.sqlite'\n",
        ).ready
        started = [
            start(
                "origin",
                f"origin-{number}",
                f"port = {free_port()}\nadmin_port = {free_port()}\n{shared}"
                f"drm_url = '{drm['drm']}'\ndrm_credential_file = '{files['origin']}'\n"
                f"scratch = '{folder}/scratch-{number}'\n{store}",
            )
            for number in range(origins)
        ]
        balancer = stack.enter_context(_running_nginx(folder, started))
        edge = start(
            "edge",
            "edge",
            f"{any_ports}{shared}upstream = '{balancer}'\ndrm = '{drm['drm']}'\n",
        ).ready
        running = folder / "running.json"
        credential = {"operator_credential": files["operator"].read_text()}
        urls = {**drm, **started[0].ready, "origin": balancer, **edge}
        urls.pop("event", None)
        running.write_text(json.dumps({**urls, **credential}))
        yield Cluster(node, started, running, edge["edge"])


@contextlib.contextmanager
def _running_nginx(folder: Path, origins: list[Role]) -> Iterator[str]:
    port = free_port()
    servers = " ".join(
        f"server {origin.ready['origin'].removeprefix('http://')} max_fails=0;"
        for origin in origins
    )
    file = folder / "nginx.conf"
    file.write_text(_NGINX.format(folder=folder, servers=servers, port=port))
    process = subprocess.Popen(["nginx", "-p", str(folder), "-c", str(file)], text=True)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        kill_tree(process)
