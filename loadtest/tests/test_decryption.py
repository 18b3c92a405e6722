import hashlib
import subprocess
import uuid
from pathlib import Path
from typing import Any

import pytest

from loadtest.calls import call, content_key
from loadtest.decryption import ffmpegs, packets_by_ffmpeg, packets_by_shaka, packets_by_us
from loadtest.node import Node
from packager.seek_index import RenditionFacts, decode_seek_index

pytestmark = [pytest.mark.socket, pytest.mark.slow]

WRONG_KEY = bytes(range(16))


class Packaged:
    """One rendition as a node serves it, with its key."""

    def __init__(
        self, node: Node, track: dict[str, Any], bearer: dict[str, str], name: str, folder: Path
    ) -> None:
        base = f"{node.edge}/v1/audio/{track['track_id']}/{track['version']}/{name}"
        self.facts: RenditionFacts = decode_seek_index(call(f"{base}.json", bearer).body)
        self.content = call(f"{base}.mp4", bearer).body
        self.path = folder / f"{name}.mp4"
        self.path.write_bytes(self.content)
        self.kid = uuid.UUID(self.facts.kid)
        self.key = content_key(node.edge, bearer, self.kid)


@pytest.fixture(params=["flac", "aac-160"])
def packaged(
    request: pytest.FixtureRequest,
    node: Node,
    track: dict[str, Any],
    bearer: dict[str, str],
    tmp_path: Path,
) -> Packaged:
    return Packaged(node, track, bearer, request.param, tmp_path)


def test_all_readers_find_the_same_packets(packaged: Packaged):
    ours = packets_by_us(packaged.content, packaged.facts, packaged.key)
    assert len(ours) > 50
    assert packets_by_shaka(packaged.path, packaged.kid, packaged.key) == ours
    for program in ffmpegs():
        assert packets_by_ffmpeg(packaged.path, packaged.key, program=program) == ours


def test_a_wrong_key_finds_other_packets(packaged: Packaged):
    ours = packets_by_us(packaged.content, packaged.facts, packaged.key)
    assert packets_by_shaka(packaged.path, packaged.kid, WRONG_KEY) != ours
    for program in ffmpegs():
        assert packets_by_ffmpeg(packaged.path, WRONG_KEY, program=program) != ours
        assert packets_by_ffmpeg(packaged.path, None, program=program) != ours


@pytest.mark.parametrize("program", ffmpegs())
def test_ffmpeg_hears_the_masters_samples(
    node: Node, track: dict[str, Any], bearer: dict[str, str], tmp_path: Path, program: str
):
    packaged = Packaged(node, track, bearer, "flac", tmp_path)
    done = subprocess.run(
        [
            program,
            "-v",
            "error",
            "-decryption_key",
            packaged.key.hex(),
            "-i",
            str(packaged.path),
            "-f",
            "s16le",
            "-",
        ],
        capture_output=True,
        check=True,
    )
    assert hashlib.sha256(done.stdout).hexdigest() == track["pcm_sha256"]
