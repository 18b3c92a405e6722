"""What a person sees who starts everything on a folder of music for the first time."""

import re
import signal
from pathlib import Path

import pytest

from loadtest.calls import call
from loadtest.masters import write_tone
from loadtest.node import Node, kill_tree

pytestmark = [pytest.mark.socket, pytest.mark.slow]


def test_music_is_taken_in_and_what_there_is_to_play_is_told(tmp_path: Path):
    music = tmp_path / "music"
    music.mkdir()
    write_tone(music / "Ton.wav", seconds=0.3)
    (music / "notes.txt").write_text("no music")
    with Node(tmp_path / "data").start_command("up", "--port", "0", "--music", str(music)) as up:
        try:
            assert up.stdout is not None
            told: list[str] = []
            while "in another terminal" not in (line := up.stdout.readline()):
                assert line, told
                told.append(line)
            (link,) = re.findall(r"http://\S+/manifest\.mpd", "".join(told))
            manifest = call(link)
            up.send_signal(signal.SIGTERM)
            assert up.wait(20) == 0
        finally:
            kill_tree(up)
    assert told[0].startswith("ready: listen at http://")
    assert any(line.startswith("Ton ") for line in told)
    assert manifest.status == 200
    assert b"<MPD" in manifest.body
