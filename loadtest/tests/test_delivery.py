"""End to end: a master is ingested, packaged, protected, and played through the edge."""

import contextlib
import hashlib
import http.client
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from loadtest.calls import call
from loadtest.exact_length import exact_length
from loadtest.masters import write_tone
from loadtest.node import Node, NodeFailedError, running_node

pytestmark = [pytest.mark.socket, pytest.mark.slow]

RENDITIONS = ("flac", "aac-160", "vorbis-160")
FILES = {"flac": "flac.mp4", "aac-160": "aac-160.mp4", "vorbis-160": "vorbis-160.ogg"}
RANGES = 2000


@pytest.mark.parametrize("rendition", RENDITIONS)
def test_what_is_heard_has_the_exact_length(node: Node, track: dict[str, Any], rendition: str):
    (report,) = node.json_lines("play", track["track_id"], "--rendition", rendition)
    expected = exact_length(
        rendition, samples=track["samples"], sample_rate_hz=track["sample_rate_hz"]
    )
    assert (report["samples"], report["sample_rate_hz"]) == expected
    assert report["first_audio_ms"] > 0


def test_flac_is_the_master_bit_by_bit(node: Node, track: dict[str, Any]):
    (report,) = node.json_lines("play", track["track_id"])
    assert report["pcm_sha256"] == track["pcm_sha256"]


def test_a_person_is_told_how_it_went(node: Node, track: dict[str, Any]):
    said = node.output("play", track["track_id"])
    assert said.startswith(f"{track['title']} · flac · 7.300 s\n")
    assert said.endswith(
        f"PCM           {track['samples']} samples, SHA-256 {track['pcm_sha256']}\n"
    )


def test_the_same_bytes_again_are_the_same_track(node: Node, track: dict[str, Any], folder: Path):
    copy = folder / "another name.wav"
    copy.write_bytes((folder / "master.wav").read_bytes())
    (again,) = node.json_lines("ingest", str(copy))
    assert not again["is_new"]
    assert {**again, "is_new": True} == track


@pytest.mark.parametrize("rendition", RENDITIONS)
def test_random_ranges_equal_the_origins_bytes_and_the_second_pass_is_all_hits(
    node: Node, track: dict[str, Any], bearer: dict[str, str], rendition: str
):
    path = f"/v1/audio/{track['track_id']}/{track['version']}/{FILES[rendition]}"
    credential = json.loads((node.data / "run" / "attacca.json").read_text())
    operator = {"Authorization": f"Bearer {credential['operator_credential']}"}
    whole = call(node.ready["origin"] + path, operator).body
    record = json.loads(call(f"{node.edge}/v1/tracks/{track['track_id']}", bearer).body)
    (facts,) = (one for one in record["renditions"] if one["name"] == rendition)
    assert hashlib.sha256(whole).hexdigest() == facts["sha256"]
    generator = random.Random(1)
    starts = [generator.randrange(len(whole)) for _ in range(RANGES)]
    ranges = [(start, generator.randint(start, len(whole) - 1)) for start in starts]
    with connection_to(node.edge) as connection:
        for turn in range(2):
            for first, last in ranges:
                fields = {**bearer, "Range": f"bytes={first}-{last}"}
                connection.request("GET", path, headers=fields)
                answer = connection.getresponse()
                assert answer.status == 206
                assert answer.read() == whole[first : last + 1]
                if turn:
                    assert str(answer.headers["Cache-Status"]).startswith("attacca; hit")


@contextlib.contextmanager
def connection_to(url: str) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
    try:
        yield connection
    finally:
        connection.close()


def test_a_token_in_the_path_opens_manifest_segments_and_nothing_else(
    node: Node, track: dict[str, Any]
):
    token = node.output("token", "--track", track["track_id"]).strip()
    base = f"{node.edge}/~{token}/v1/audio/{track['track_id']}/{track['version']}"
    manifest = call(f"{base}/manifest.mpd")
    assert manifest.status == 200
    assert b"flac.mp4" in manifest.body
    for name in ("master.m3u8", "hls.m3u8", "flac.m3u8", "flac.json"):
        assert call(f"{base}/{name}").status == 200
    assert call(f"{base}/flac.mp4", {"Range": "bytes=0-99"}).status == 206
    assert call(f"{node.edge}/~{token}/v1/library").status == 403


def altered(token: str) -> str:
    return token[:-8] + ("A" if token[-8] != "A" else "B") + token[-7:]


def test_a_bad_token_opens_nothing(node: Node, track: dict[str, Any], folder: Path):
    url = f"{node.edge}/v1/tracks/{track['track_id']}"
    token = node.output("token").strip()
    with running_node(folder / "elsewhere") as other:
        foreign = other.output("token").strip()
    assert call(url).problem == "token-missing"
    assert call(url, {"Authorization": f"Bearer {altered(token)}"}).status == 401
    assert call(url, {"Authorization": f"Bearer {foreign}"}).problem == "token-foreign"
    twice = {"Authorization": f"Bearer {token}", "CTA-Common-Access-Token": token}
    assert call(url, twice).problem == "token-ambiguous"


def test_a_track_that_does_not_exist_is_told(node: Node, bearer: dict[str, str]):
    answer = call(f"{node.edge}/v1/tracks/{'0' * 22}", bearer)
    assert answer.status == 404
    played = node.command("play", "0" * 22)
    assert played.returncode == 1
    assert "Traceback" not in played.stderr


def test_a_range_past_the_end_is_not_satisfiable(
    node: Node, track: dict[str, Any], bearer: dict[str, str]
):
    path = f"/v1/audio/{track['track_id']}/{track['version']}/flac.mp4"
    answer = call(node.edge + path, {**bearer, "Range": "bytes=999999999-"})
    assert answer.status == 416
    assert re.fullmatch(r"bytes \*/\d+", answer.headers["Content-Range"])


@pytest.mark.parametrize("listener", ["origin", "drm", "admin", "origin_admin", "drm_admin"])
def test_nothing_is_open_but_health_and_metrics(node: Node, listener: str):
    closed = {"origin": "/v1/library", "drm": "/v1/token-keys"}.get(listener, "/admin/purge")
    assert call(node.ready[listener] + closed).status in {401, 403}
    if listener.endswith("admin"):
        assert call(node.ready[listener] + "/healthz").status == 200
        assert call(node.ready[listener] + "/readyz").status == 200
        assert b"# HELP" in call(node.ready[listener] + "/metrics").body


def test_a_torn_master_is_refused_and_leaves_nothing(node: Node, folder: Path):
    whole = (folder / "master.wav").read_bytes()
    torn = folder / "torn.wav"
    torn.write_bytes(whole[: len(whole) // 2])
    before = sorted(path for path in (node.data / "store").rglob("*") if path.is_file())
    done = node.command("ingest", str(torn))
    assert done.returncode == 1
    assert re.search(r"sample \d+", done.stderr)
    assert sorted(path for path in (node.data / "store").rglob("*") if path.is_file()) == before


def test_a_second_start_finds_everything_again(folder: Path):
    data = folder / "again"
    master = write_tone(folder / "short.wav", seconds=1.1)
    with running_node(data) as node:
        (track,) = node.json_lines("ingest", str(master), "--rendition", "flac")
    with running_node(data) as node:
        (report,) = node.json_lines("play", track["track_id"])
        assert report["pcm_sha256"] == track["pcm_sha256"]
        with pytest.raises(NodeFailedError):
            Node(data).start()


def test_commands_without_a_node_say_what_to_do(folder: Path):
    done = Node(folder / "nowhere").command("token")
    assert done.returncode == 1
    assert "attacca up" in done.stderr
