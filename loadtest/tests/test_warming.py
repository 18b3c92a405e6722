"""A release that was warmed is a hit for its first listener, and Ctrl-C loses nothing of a list."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from loadtest.calls import call
from loadtest.masters import write_tone
from loadtest.node import Node

pytestmark = [pytest.mark.socket, pytest.mark.slow]


@pytest.fixture(scope="module")
def release(node: Node, folder: Path) -> dict[str, Any]:
    """A track of which two renditions are packaged."""
    master = write_tone(folder / "release.wav", seconds=5, seed=99)
    wanted = ("--rendition", "flac", "--rendition", "vorbis-96")
    (track,) = node.json_lines("ingest", str(master), *wanted)
    return track


def test_a_release_that_was_warmed_is_a_hit_for_its_first_listener(
    node: Node, release: dict[str, Any], bearer: dict[str, str]
):
    track_id = release["track_id"]
    *lines, summary = node.json_lines("warm", "--release", track_id)
    folder = f"/v1/audio/{track_id}/{release['version']}/"
    assert {f"{folder}flac.mp4", f"{folder}flac.json", f"{folder}vorbis-96.ogg"} <= {
        line["target"] for line in lines
    }
    assert not any("aac" in line["target"] for line in lines)  # Nobody has it packaged.
    assert summary["ok"] == len(lines)
    assert summary["bytes"] == sum(line["bytes"] for line in lines)
    heard = call(f"{node.edge}{folder}flac.mp4", bearer)
    assert heard.headers["Cache-Status"].startswith("attacca; hit")
    (report,) = node.json_lines("play", track_id)
    assert report["cache"]["miss"] == 0

    wanted = ("--rendition", "aac-96", "--rendition", "aac-160", "--rendition", "aac-320")
    more = ("--rendition", "opus-24", "--rendition", "flac")
    *lines, summary = node.json_lines("warm", "--release", track_id, *wanted, *more)
    assert summary["error"] == summary["not_storable"] == 0
    assert f"{folder}manifest.mpd" in {line["target"] for line in lines}
    (report,) = node.json_lines("play", track_id, "--rendition", "aac-160")
    assert report["cache"]["miss"] == 0

    purged = node.json_lines("purge", "--tag", f"track:{track_id}")
    assert [one["applied"] for one in purged] == [1]
    again = node.json_lines("warm", "--release", track_id)[-1]
    assert again["ok"]
    assert again["already"] == 0


def test_a_list_that_was_interrupted_goes_on(node: Node, release: dict[str, Any], tmp_path: Path):
    folder = f"/v1/audio/{release['track_id']}/{release['version']}/"
    node.json_lines("purge", "--prefix", folder)
    listing = tmp_path / "list.txt"
    listing.write_text(f"{folder}flac.json\n{folder}flac.mp4\n")
    # The first is a few hundred bytes, which the second has to wait for.
    slowly = ("--rate", "1", "--concurrency", "1")
    with node.start_command("warm", str(listing), "--json", *slowly) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["target"] == f"{folder}flac.json"
        process.send_signal(signal.SIGINT)
        summary = json.loads(process.stdout.readline())
        assert process.wait(20) == 130
    assert (summary["ok"], summary["left"]) == (1, 1)
    state = tmp_path / "list.txt.warm-state"
    assert state.exists()
    line, summary = node.json_lines("warm", str(listing))
    assert (line["target"], line["result"]) == (f"{folder}flac.mp4", "ok")
    assert (summary["finished_before"], summary["left"]) == (1, 0)
    assert not state.exists()
