"""`attacca package`: a rendition made again is the very one that is on record, or is refused."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from loadtest.masters import write_tone
from loadtest.node import Node

pytestmark = pytest.mark.slow

NAME = "aac-160"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Node:
    return Node(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def ingested(node: Node, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    master = write_tone(tmp_path_factory.mktemp("masters") / "master.wav", seconds=2)
    (track,) = node.json_lines("ingest", str(master))
    return track


def file_of(node: Node, track: dict[str, Any]) -> Path:
    renditions = node.data / "store" / "renditions"
    return renditions / str(track["track_id"]) / str(track["version"]) / f"{NAME}.mp4"


def digest_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_rendition_that_was_dropped_comes_back_with_the_same_bytes(
    node: Node, ingested: dict[str, Any]
):
    path = file_of(node, ingested)
    before = digest_of(path)
    path.unlink()
    (made,) = node.json_lines("package", ingested["track_id"])
    assert (made["rendition"], made["sha256"]) == (NAME, before)
    assert digest_of(path) == before
    assert node.json_lines("package", ingested["track_id"]) == []


def test_other_bytes_than_those_on_record_are_refused(node: Node, ingested: dict[str, Any]):
    path = file_of(node, ingested)
    before = digest_of(path)
    record = node.data / "store" / "tracks" / f"{ingested['track_id']}.json"
    content = record.read_bytes().replace(before.encode(), b"0" * 64)
    record.write_bytes(content)

    damaged = node.command("package", ingested["track_id"], "--rendition", NAME)
    assert damaged.returncode == 1
    assert "is damaged" in damaged.stderr

    note = record.with_name(f".{record.name}.sha256")
    note.write_text(f"{hashlib.sha256(content).hexdigest()} {len(content)}\n")
    refused = node.command("package", ingested["track_id"], "--rendition", NAME)
    assert refused.returncode == 1
    assert f"recorded SHA-256 000000000000…, built {before[:12]}…" in refused.stderr
    assert digest_of(path) == before
