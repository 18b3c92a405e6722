"""drm, origin and edge as processes of their own, that share nothing but files with credentials."""

import contextlib
import json
import secrets
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from loadtest.calls import call
from loadtest.masters import write_tone
from loadtest.node import Node, kill_tree

pytestmark = [pytest.mark.socket, pytest.mark.slow]


@contextlib.contextmanager
def running_role(node: Node, role: str, settings: str) -> Iterator[dict[str, str]]:
    """A role with its TOML file; yields what it said when it was ready."""
    file = node.data / f"{role}.toml"
    file.write_text(settings)
    log = file.with_suffix(".log")
    with (
        log.open("w") as stderr,
        node.start_command(role, "--config", str(file), "--json", stderr=stderr) as process,
    ):
        try:
            assert process.stdout is not None
            ready = process.stdout.readline()
            assert ready, log.read_text()
            yield json.loads(ready)
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        finally:
            kill_tree(process)


@pytest.fixture
def node(tmp_path: Path) -> Node:
    for name in ("operator", "edge", "origin"):
        (tmp_path / name).write_text(secrets.token_urlsafe(32))
    return Node(tmp_path)


def test_a_master_travels_through_roles_that_run_apart(node: Node):
    files = {name: node.data / name for name in ("operator", "edge", "origin")}
    ports = "port = 0\nadmin_port = 0\n"
    shared = (
        f"{ports}operator_credential_file = '{files['operator']}'\n"
        f"edge_credential_file = '{files['edge']}'\n"
    )
    drm_settings = (
        f"{shared}origin_credential_file = '{files['origin']}'\n"
        f"database = '{node.data}/keys.sqlite'\n"
    )
    with running_role(node, "drm", drm_settings) as drm:
        origin_settings = (
            f"{shared}drm_url = '{drm['drm']}'\ndrm_credential_file = '{files['origin']}'\n"
            f"scratch = '{node.data}/scratch'\n[store]\nfolder = '{node.data}/store'\n"
        )
        with running_role(node, "origin", origin_settings) as origin:
            edge_settings = f"{shared}upstream = '{origin['origin']}'\ndrm = '{drm['drm']}'\n"
            with running_role(node, "edge", edge_settings) as edge:
                play_through(node, {**drm, **origin, **edge})


def play_through(node: Node, urls: dict[str, str]) -> None:
    running = node.data / "running.json"
    credential = (node.data / "operator").read_text()
    running.write_text(json.dumps({**urls, "operator_credential": credential}))
    master = write_tone(node.data / "master.wav", seconds=2)
    origin_toml = str(node.data / "origin.toml")
    wanted = ("--rendition", "flac", "--rendition", "aac-160")
    (track,) = node.json_lines("ingest", str(master), *wanted, "--config", origin_toml)
    (report,) = node.json_lines("play", track["track_id"], "--config", str(running))
    assert report["pcm_sha256"] == track["pcm_sha256"]
    token = node.output("token", "--config", str(running)).strip()
    (report,) = node.json_lines(
        "play",
        track["track_id"],
        "--edge",
        urls["edge"],
        "--token",
        token,
        "--rendition",
        "aac-160",
    )
    assert report["samples"] == track["samples"]


def test_an_origin_that_is_down_is_told_at_once(node: Node):
    files = {name: node.data / name for name in ("operator", "edge", "origin")}
    shared = (
        f"port = 0\nadmin_port = 0\noperator_credential_file = '{files['operator']}'\n"
        f"edge_credential_file = '{files['edge']}'\n"
    )
    drm_settings = (
        f"{shared}origin_credential_file = '{files['origin']}'\n"
        f"database = '{node.data}/keys.sqlite'\n"
    )
    with running_role(node, "drm", drm_settings) as drm:
        # Nothing listens on the discard port.
        edge_settings = f"{shared}upstream = 'http://127.0.0.1:9'\ndrm = '{drm['drm']}'\n"
        with running_role(node, "edge", edge_settings) as edge:
            running = node.data / "running.json"
            credential = (node.data / "operator").read_text()
            urls = {**drm, **edge, "origin": "http://127.0.0.1:9"}
            running.write_text(json.dumps({**urls, "operator_credential": credential}))
            token = node.output("token", "--config", str(running)).strip()
            bearer = {"Authorization": f"Bearer {token}"}
            answer = call(f"{edge['edge']}/v1/tracks/{'0' * 22}", bearer)
            assert answer.status == 502
            assert answer.headers["Cache-Control"] == "no-store"
            assert b"edge_upstream_errors_total" in call(f"{edge['admin']}/metrics").body
            played = node.command("play", "0" * 22, "--edge", edge["edge"], "--token", token)
            assert played.returncode == 1
            assert "502" in played.stderr
            assert "Traceback" not in played.stderr


@pytest.mark.parametrize("role", ["origin", "drm"])
def test_a_role_without_its_credentials_does_not_start(node: Node, role: str):
    done = node.command(role)
    assert done.returncode == 1
    assert "operator_credential_file" in done.stderr
