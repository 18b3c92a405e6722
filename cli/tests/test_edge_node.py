"""`attacca edge` as an operator meets it: a process, its signals, its end."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

pytestmark = [pytest.mark.socket, pytest.mark.slow]

_WAIT_S_MAX = 30.0


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    options = ["--config", str(tmp_path / "edge.toml"), "--listen", "127.0.0.1:0"]
    (tmp_path / "edge.toml").write_text("token_check = false")
    # Whoever begins an edge may have this one ignored, and programs inherit that.
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    process = subprocess.Popen(
        [sys.executable, "-m", "cli", "edge", *options, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    signal.signal(signal.SIGCHLD, before)
    yield process
    process.kill()
    process.communicate()


def worker_of(edge: subprocess.Popen[str]) -> psutil.Process:
    (worker,) = psutil.Process(edge.pid).children()
    return worker


def ignores(pid: int, number: signal.Signals) -> bool:
    (line,) = re.findall(r"^SigIgn:\t(\w+)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return bool(int(line, 16) >> (number - 1) & 1)


def said(edge: subprocess.Popen[str], event: str) -> None:
    assert edge.stderr is not None
    lines = iter(edge.stderr.readline, "")
    assert any(json.loads(line)["event"] == event for line in lines)


def test_signals_reload_and_upgrade_and_a_kill_leaves_nothing_behind(
    edge: subprocess.Popen[str], tmp_path: Path
):
    assert edge.stdout is not None
    assert json.loads(edge.stdout.readline())["event"] == "ready"
    assert not ignores(edge.pid, signal.SIGCHLD)
    first = worker_of(edge)
    assert ignores(first.pid, signal.SIGHUP)
    (tmp_path / "edge.toml").write_text("token_check = false\nis_metrics_open = false")
    edge.send_signal(signal.SIGHUP)
    said(edge, "settings taken up")
    second = worker_of(edge)
    assert second.pid != first.pid
    edge.send_signal(signal.SIGUSR1)  # Log files were moved away.
    edge.send_signal(signal.SIGUSR2)
    assert json.loads(edge.stdout.readline())["event"] == "ready"  # Another program says so.
    said(edge, "worker serves")
    workers = psutil.Process(edge.pid).children()
    edge.kill()
    gone, alive = psutil.wait_procs([second, *workers], _WAIT_S_MAX)
    assert gone
    assert not alive
