"""What may be handed in and is no sound master: the command line tells, and nothing is kept."""

import re
import struct
import subprocess
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from mutagen.flac import FLAC

from loadtest.calls import call
from loadtest.decryption import ffmpegs
from loadtest.exact_length import exact_length
from loadtest.masters import write_tone
from loadtest.node import Node

pytestmark = pytest.mark.slow

RENDITIONS = ("flac", "aac-160", "vorbis-160")
ONLY_FLAC = ("--rendition", "flac")


def encoded(source: Path, target: Path, *arguments: str) -> Path:
    command = [ffmpegs()[-1], "-v", "error", "-i", str(source), *arguments, str(target)]
    subprocess.run(command, check=True)
    return target


def with_bytes(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def flipped(source: Path, target: Path) -> Path:
    content = bytearray(source.read_bytes())
    for position in range(len(content) // 2, len(content) // 2 + 3):
        content[position] ^= 0xFF
    return with_bytes(target, bytes(content))


def wav_of_channels(path: Path, channels: int) -> Path:
    """A WAV with any number of channels in its header, which the wave module would refuse."""
    frame = 2 * channels
    fmt = struct.pack("<HHIIHH", 1, channels, 44100, 44100 * frame, frame, 16)
    data = bytes(1000 * max(frame, 2))
    chunks = b"fmt " + struct.pack("<I", len(fmt)) + fmt
    chunks += b"data" + struct.pack("<I", len(data)) + data
    return with_bytes(path, b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks)


def write_24_bit(path: Path, *, sample_rate_hz: int) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(3)
        file.setframerate(sample_rate_hz)
        frames = range(sample_rate_hz // 4)
        file.writeframes(
            b"".join((one * 7919 % (1 << 24)).to_bytes(3, "little") * 2 for one in frames)
        )
    return path


@dataclass(frozen=True)
class Handed:
    """What was handed in at once, and what the command said of each, by file name."""

    before: dict[Path, bytes]
    after: dict[Path, bytes]
    told: dict[str, str]
    stderr: str
    status: int


REFUSED = {
    "text.mp3": "no audio format",
    "empty.flac": "The file is empty",
    "truncated.flac": r"sample \d+",
    "flipped.flac": r"sample \d+",
    "truncated.wav": r"sample \d+",
    "no channels.wav": "has 0 channels",
    "nine channels.wav": "has 9 channels",
    "4 kHz.wav": "runs at 4000 Hz",
    "playlist.m3u8": "no audio format",
}


def store_of(data: Path) -> dict[Path, bytes]:
    files = (path for path in (data / "store").rglob("*") if path.is_file())
    return {path: path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def handed(tmp_path_factory: pytest.TempPathFactory) -> Handed:
    folder = tmp_path_factory.mktemp("masters")
    node = Node(tmp_path_factory.mktemp("data"))
    tone = write_tone(folder / "tone.wav", seconds=2)
    flac = encoded(tone, folder / "whole.flac")
    paths = [
        with_bytes(folder / "text.mp3", b"This is no music at all.\n" * 100),
        with_bytes(folder / "empty.flac", b""),
        with_bytes(folder / "truncated.flac", flac.read_bytes()[: flac.stat().st_size // 2]),
        flipped(flac, folder / "flipped.flac"),
        with_bytes(folder / "truncated.wav", tone.read_bytes()[:100_001]),
        wav_of_channels(folder / "no channels.wav", 0),
        wav_of_channels(folder / "nine channels.wav", 9),
        write_tone(folder / "4 kHz.wav", seconds=1, sample_rate_hz=4000),
        with_bytes(folder / "playlist.m3u8", f"#EXTM3U\n{tone}\n".encode()),
    ]
    node.output("ingest", str(tone), *ONLY_FLAC)
    before = store_of(node.data)
    done = node.command("ingest", *(str(path) for path in paths))
    told = {
        path.name: line.partition(f"{path}: ")[2]
        for line in done.stderr.splitlines()
        for path in paths
        if f"{path}: " in line
    }
    return Handed(before, store_of(node.data), told, done.stderr, done.returncode)


@pytest.mark.parametrize("name", REFUSED)
def test_no_sound_master_is_refused_with_a_reason(handed: Handed, name: str):
    assert handed.status == 1
    assert "refused" in handed.stderr
    assert "Traceback" not in handed.stderr
    assert handed.told[name]
    assert re.search(REFUSED[name], handed.told[name]), handed.told[name]


def test_what_is_refused_leaves_the_store_as_it_was(handed: Handed):
    assert handed.after == handed.before


@dataclass(frozen=True)
class Case:
    track: dict[str, Any]
    reports: dict[str, dict[str, Any]]


@pytest.fixture(
    params=[
        pytest.param((8000, 1, 16), id="8 kHz, mono"),
        pytest.param((192_000, 2, 24), id="192 kHz, 24 bits"),
    ],
)
def case(request: pytest.FixtureRequest, node: Node, tmp_path: Path) -> Case:
    rate_hz, channels, bits = request.param
    path = tmp_path / "master.wav"
    if bits == 24:
        write_24_bit(path, sample_rate_hz=rate_hz)
    else:
        write_tone(path, seconds=1.1, sample_rate_hz=rate_hz, channels=channels)
    wanted = [argument for name in RENDITIONS for argument in ("--rendition", name)]
    (track,) = node.json_lines("ingest", str(path), *wanted)
    reports = {
        name: node.json_lines("play", track["track_id"], "--rendition", name)[0]
        for name in RENDITIONS
    }
    return Case(track, reports)


def test_the_extremes_of_sample_rates_keep_their_exact_length(case: Case):
    assert case.reports["flac"]["pcm_sha256"] == case.track["pcm_sha256"]
    for name, report in case.reports.items():
        expected = exact_length(
            name, samples=case.track["samples"], sample_rate_hz=case.track["sample_rate_hz"]
        )
        assert (report["samples"], report["sample_rate_hz"]) == expected


HOSTILE = 'A "quoted"\nline\x00, \x1b[2J, שלום \u202egnp.exe'


def test_hostile_names_and_tags_are_tamed(node: Node, bearer: dict[str, str], tmp_path: Path):
    tone = write_tone(tmp_path / "tone.wav", seconds=1, seed=5)
    master = encoded(tone, tmp_path / 'line\nbreak "and" שלום.flac')
    tags = FLAC(master)  # type: ignore[no-untyped-call]
    tags["TITLE"] = HOSTILE
    tags["ALBUM"] = HOSTILE
    tags["ARTIST"] = "x" * (1 << 20)
    tags.save()
    (track,) = node.json_lines("ingest", str(master), *ONLY_FLAC)
    assert "שלום" in track["title"]
    assert not set(track["title"]) & set("\n\x00\x1b\u202e")
    answer = call(f"{node.edge}/v1/tracks/{track['track_id']}", bearer)
    assert answer.status == 200
    assert len(answer.body) < 100_000


def test_two_files_with_the_same_tags_are_two_tracks(node: Node, tmp_path: Path):
    masters = []
    for seed in (11, 12):
        tone = write_tone(tmp_path / f"{seed}.wav", seconds=1, seed=seed)
        master = encoded(tone, tmp_path / f"{seed}.flac")
        tags = FLAC(master)  # type: ignore[no-untyped-call]
        tags["TITLE"], tags["ALBUM"], tags["TRACKNUMBER"] = "Twin", "Twins", "1"
        tags.save()
        masters.append(str(master))
    tracks = node.json_lines("ingest", *masters, *ONLY_FLAC)
    assert len({track["track_id"] for track in tracks}) == 2
    assert {track["title"] for track in tracks} == {"Twin"}
