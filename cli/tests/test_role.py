import contextlib
import json
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from cli.console import CommandError
from cli.role import Service, serve_role
from config.sockets import ListenerError


@dataclass
class Opened:
    url: str = "http://127.0.0.1:1"
    admin_url: str = "http://127.0.0.1:2"


@contextlib.asynccontextmanager
async def opening(closed: list[str]) -> AsyncIterator[Service]:
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        yield Opened()
    finally:
        closed.append("closed")


@contextlib.asynccontextmanager
async def opening_on(ports: list[int]) -> AsyncIterator[Service]:
    if not ports:
        raise ListenerError("cannot listen on 127.0.0.1:1")
    yield Opened()


@pytest.mark.parametrize("is_json", [True, False], ids=["for programs", "for people"])
async def test_a_role_says_where_it_listens_until_it_is_stopped(
    capsys: pytest.CaptureFixture[str], *, is_json: bool
):
    closed: list[str] = []
    await serve_role("edge", opening(closed), is_json=is_json)
    assert closed == ["closed"]
    said = capsys.readouterr().out
    if is_json:
        assert json.loads(said) == {
            "event": "ready",
            "edge": "http://127.0.0.1:1",
            "admin": "http://127.0.0.1:2",
        }
    else:
        assert said.startswith("ready: edge at http://127.0.0.1:1")


async def test_a_role_that_cannot_be_opened_fails_the_command():
    with pytest.raises(CommandError, match="cannot listen"):
        await serve_role("edge", opening_on([]), is_json=True)
