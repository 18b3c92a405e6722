import socket
from pathlib import Path

import pytest

from config.service_manager import notify_ready, notify_reloading, notify_stopping

pytestmark = pytest.mark.socket


def test_it_is_told_what_it_asks_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        notify_reloading()
        notify_ready()
        notify_stopping()
        reloading, clock = manager.recv(1000).decode().split("\n")
        assert reloading == "RELOADING=1"
        assert int(clock.removeprefix("MONOTONIC_USEC=")) > 0
        assert manager.recv(1000) == b"READY=1"
        assert manager.recv(1000) == b"STOPPING=1"


def test_an_abstract_socket_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0{tmp_path}")
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{tmp_path}")
        notify_ready()
        assert manager.recv(1000) == b"READY=1"


@pytest.mark.parametrize("path", ["", "vsock:1"])
def test_where_nobody_asks_nothing_happens(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, path: str
):
    monkeypatch.setenv("NOTIFY_SOCKET", path)
    notify_ready()
    assert not caplog.messages


def test_a_manager_that_cannot_be_told_is_no_end(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setenv("NOTIFY_SOCKET", "/nowhere/notify")
    notify_ready()
    assert caplog.messages == ["the service manager could not be told"]
