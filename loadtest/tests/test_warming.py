"""A release that was warmed is a hit for its first listener, and Ctrl-C loses nothing of a list."""

import json
import signal
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from loadtest.calls import call
from loadtest.masters import write_tone
from loadtest.node import Node
from packager.renditions import PROFILES

pytestmark = [pytest.mark.socket, pytest.mark.slow]

# Its JSON, three manifests, and of each rendition index and file.
_TARGETS_OF_A_TRACK = 1 + 3 + 2 * len(PROFILES)


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


def test_an_upload_is_at_the_edge_before_its_first_listener(tmp_path: Path):
    node = Node(tmp_path / "data", variables={"ATTACCA_ORIGIN__IS_RELEASE_WARMED": "true"})
    node.start()
    try:
        running = json.loads((node.data / "run" / "attacca.json").read_text())
        upload(running, write_tone(tmp_path / "new.wav", seconds=2, seed=7))
        deadline_s = time.monotonic() + 60
        while warmed(running) < _TARGETS_OF_A_TRACK:
            assert time.monotonic() < deadline_s
            time.sleep(0.2)
        bearer = {"Authorization": f"Bearer {node.output('token').strip()}"}
        (track,) = json.loads(call(f"{node.edge}/v1/library", bearer).body)["tracks"]
        answer = call(f"{node.edge}/v1/tracks/{track['track_id']}", bearer)
        assert answer.headers["Cache-Status"].startswith("attacca; hit")
    finally:
        node.stop()


def upload(running: dict[str, str], master: Path) -> None:
    content = master.read_bytes()
    own = {
        "Authorization": f"Bearer {running['operator_credential']}",
        "Tus-Resumable": "1.0.0",
    }
    create = {**own, "Upload-Length": str(len(content))}
    created = call(f"{running['origin']}/v1/uploads", create, content=b"")
    assert created.status == 201, created.body
    append = {**own, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    request = urllib.request.Request(
        running["origin"] + created.headers["Location"].removeprefix(running["origin"]),
        data=content,
        headers=append,
        method="PATCH",
    )
    with urllib.request.urlopen(request, timeout=20) as response:
        assert response.status == 204


def warmed(running: dict[str, str]) -> float:
    lines = call(f"{running['admin']}/metrics").body.decode().splitlines()
    found = [line for line in lines if line.startswith('edge_warmed_targets_total{result="ok"}')]
    return float(found[0].split()[-1]) if found else 0.0
