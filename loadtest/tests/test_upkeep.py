"""What an operator changes reaches listeners: a track taken down, put back, moved to a version."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loadtest.calls import Answer, call
from loadtest.masters import write_tone
from loadtest.node import Node

pytestmark = [pytest.mark.socket, pytest.mark.slow]

# Edges are told within this.
_TOLD_S_MAX = 5.0


def test_listeners_get_what_the_operator_decides(
    node: Node, bearer: dict[str, str], tmp_path: Path
):
    master = write_tone(tmp_path / "master.wav", seconds=2, seed=451)
    (track,) = node.json_lines("ingest", str(master), "--rendition", "flac")
    record = f"{node.edge}/v1/tracks/{track['track_id']}"
    audio = f"{node.edge}/v1/audio/{track['track_id']}/{track['version']}/flac.mp4"
    assert [call(url, bearer).status for url in (record, audio)] == [200, 200]

    node.json_lines("takedown", track["track_id"], "--reason", "claim 7")
    withheld = until(lambda: call(audio, bearer), status=451)
    assert withheld.problem == "taken-down"
    told = until(lambda: call(record, bearer), status=451)
    assert told.headers["Cache-Control"] == "no-store"

    node.json_lines("takedown", track["track_id"], "--undo")
    until(lambda: call(audio, bearer), status=200)
    moves(node, track, record, bearer)


def moves(node: Node, track: dict[str, Any], record: str, bearer: dict[str, str]) -> None:
    """A version that is forced is shown within seconds, and the former one plays on."""
    (moved,) = node.json_lines("repackage", track["track_id"], "--force")
    assert moved["former"] == track["version"] != moved["version"]
    until(lambda: call(record, bearer), content=f'"version":"{moved["version"]}"')
    for version in (moved["former"], moved["version"]):
        url = f"{node.edge}/v1/audio/{track['track_id']}/{version}/flac.mp4"
        assert call(url, bearer).status == 200
    (report,) = node.json_lines("play", track["track_id"])
    assert report["pcm_sha256"] == track["pcm_sha256"]


def until(ask: Callable[[], Answer], *, status: int = 200, content: str = "") -> Answer:
    """Ask until the answer is the one wanted; within the time that edges have to be told in."""
    deadline_s = time.monotonic() + _TOLD_S_MAX
    answer = ask()
    while time.monotonic() < deadline_s:
        if answer.status == status and content.encode() in answer.body:
            return answer
        time.sleep(0.1)
        answer = ask()
    raise AssertionError(f"{answer.status} {answer.body[:300]!r}, not {status} {content}")
