"""One recording, cut into two tracks of an album, is heard as if it had not been cut."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from loadtest.calls import call
from loadtest.masters import write_tone
from loadtest.node import Node, running_node

pytestmark = [pytest.mark.socket, pytest.mark.slow]

CUT = 141_137  # No multiple of any codec's frame.
SEAM = 2048
# A seam may be a little worse than the average of all other places.
SNR_DB_MARGIN = 3.0

Sound = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tone(tmp_path_factory.mktemp("recording") / "whole.wav", seconds=6.5, seed=3)


@pytest.fixture(scope="module")
def node(recording: Path) -> Iterator[Node]:
    with running_node(recording.parent / "data") as running:
        yield running


@pytest.fixture(scope="module")
def tracks(recording: Path, node: Node) -> list[dict[str, Any]]:
    """Both halves, ingested as an album."""
    sound, rate_hz = soundfile.read(recording, dtype="int16")
    halves = [recording.parent / name for name in ("01.wav", "02.wav")]
    for path, half in zip(halves, (sound[:CUT], sound[CUT:]), strict=True):
        soundfile.write(path, half, rate_hz, subtype="PCM_16")
    wanted = ("--rendition", "flac", "--rendition", "aac-160", "--rendition", "vorbis-160")
    return node.json_lines("ingest", *map(str, halves), "--album", "One", *wanted)


def heard(node: Node, tracks: list[dict[str, Any]], rendition: str, folder: Path) -> Sound:
    """What a player writes of both tracks, one after the other."""
    parts = []
    for track in tracks:
        out = folder / f"{track['track_id']}.wav"
        play = ("play", track["track_id"], "--rendition", rendition)
        node.json_lines(*play, "--gain", "off", "--out", str(out))
        parts.append(soundfile.read(out)[0])
    joined: Sound = np.concatenate(parts)
    return joined


def snr_db(original: Sound, decoded: Sound) -> float:
    noise = float(np.sum((original - decoded) ** 2))
    return 10 * float(np.log10(np.sum(original**2) / noise))


def test_flac_is_the_recording_bit_by_bit(
    node: Node, tracks: list[dict[str, Any]], recording: Path, tmp_path: Path
):
    assert (heard(node, tracks, "flac", tmp_path) == soundfile.read(recording)[0]).all()


@pytest.mark.parametrize("rendition", ["aac-160", "vorbis-160"])
def test_lossy_tracks_join_at_the_sample(
    node: Node,
    tracks: list[dict[str, Any]],
    recording: Path,
    tmp_path: Path,
    rendition: str,
):
    original = soundfile.read(recording)[0]
    decoded = heard(node, tracks, rendition, tmp_path)
    assert decoded.shape == original.shape
    # On both sides of the seam the same shift fits best: none.
    for part in (slice(CUT - 3 * SEAM, CUT - SEAM), slice(CUT + SEAM, CUT + 3 * SEAM)):
        assert best_shift(original[part, 0], decoded[:, 0], part.start) == 0


def test_aac_sounds_at_the_seam_as_it_does_elsewhere(
    node: Node, tracks: list[dict[str, Any]], recording: Path, tmp_path: Path
):
    original = soundfile.read(recording)[0]
    decoded = heard(node, tracks, "aac-160", tmp_path)
    seam = slice(CUT - SEAM, CUT + SEAM)
    elsewhere = slice(CUT - 20 * SEAM, CUT - 4 * SEAM)
    at_seam = snr_db(original[seam], decoded[seam])
    assert at_seam > snr_db(original[elsewhere], decoded[elsewhere]) - SNR_DB_MARGIN


def test_seek_indexes_name_the_edges_that_both_were_encoded_with(
    node: Node, tracks: list[dict[str, Any]]
):
    root = f"{node.edge}/v1/tracks/"
    bearer = {"Authorization": f"Bearer {node.output('token').strip()}"}
    first, second = (json.loads(call(root + one["track_id"], bearer).body) for one in tracks)
    joins: list[dict[str, str | None]] = []
    for track in (first, second):
        (url,) = (one["index_url"] for one in track["renditions"] if one["name"] == "aac-160")
        joins.append(json.loads(call(urljoin(root, url), bearer).body)["joins_with"])
    assert joins == [
        {"before": None, "after": second["edges"]["head"]},
        {"before": first["edges"]["tail"], "after": None},
    ]


def best_shift(original: Sound, decoded: Sound, start: int) -> int:
    """By how many samples `decoded` is late, within a frame of AAC."""
    shifts = range(-1100, 1101)
    errors = [
        float(np.sum((decoded[start + shift :][: len(original)] - original) ** 2))
        for shift in shifts
    ]
    return shifts[int(np.argmin(errors))]
