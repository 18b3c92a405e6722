"""Proof: real music keeps its exact length in every rendition, and others can decrypt it.

Ingests music that nobody here made, plays every rendition of every track through the edge, and
compares lengths with what the system's ffmpeg decodes from the master. FLAC must be the master bit
by bit. Every fMP4 is decrypted by ffmpeg and Shaka Packager too.
"""

import argparse
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path
from typing import Any, Final

from loadtest.calls import call, content_key
from loadtest.decryption import ffmpegs, packets_by_ffmpeg, packets_by_shaka, packets_by_us
from loadtest.exact_length import exact_length
from loadtest.masters import fetch_music
from loadtest.node import Node, running_node
from packager.seek_index import decode_seek_index

RENDITIONS: Final = ("flac", "aac-160", "vorbis-160")
WRONG_KEY: Final = bytes(range(16))


def main() -> int:
    """Run the proof; 0 when everything holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path, help="more music to try")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "music")
    arguments = parser.parse_args()
    arguments.cache.mkdir(exist_ok=True)
    masters = fetch_music(arguments.cache)
    for folder in arguments.folders:
        masters += sorted(path for path in folder.rglob("*") if path.suffix in {".ogg", ".flac"})
    with tempfile.TemporaryDirectory() as data, running_node(Path(data)) as node:
        failures = sum(check_master(node, master) for master in masters)
    print(f"{len(masters)} masters, {failures} failures")
    return 1 if failures else 0


def check_master(node: Node, master: Path) -> int:
    """Ingest a master and play what became of it; tell how many renditions are wrong."""
    (track,) = node.json_lines("ingest", str(master))
    failures = 0
    decoded = samples_by_ffmpeg(master)
    if decoded != track["samples"]:
        print(f"{master.name}: ingested {track['samples']} samples, ffmpeg reads {decoded}")
        failures += 1
    failures += sum(not is_decrypted_by_all(node, track, name) for name in ("flac", "aac-160"))
    for rendition in RENDITIONS:
        (report,) = node.json_lines("play", track["track_id"], "--rendition", rendition)
        failures += not is_exact(track, report)
    print(f"{master.name}: {track['samples']} samples, {'ok' if not failures else 'WRONG'}")
    return failures


def is_exact(track: dict[str, Any], report: dict[str, Any]) -> bool:
    """Tell whether what was played has the exact length and, for FLAC, the very samples."""
    expected = exact_length(
        report["rendition"], samples=track["samples"], sample_rate_hz=track["sample_rate_hz"]
    )
    if (report["samples"], report["sample_rate_hz"]) != expected:
        print(f"  {report['rendition']}: {report['samples']} samples, not {expected}")
        return False
    if report["rendition"] == "flac" and report["pcm_sha256"] != track["pcm_sha256"]:
        print("  flac: other samples than the master's")
        return False
    return True


def is_decrypted_by_all(node: Node, track: dict[str, Any], name: str) -> bool:
    """Tell whether ffmpeg and Shaka Packager find the packets that we do, by the right key only."""
    bearer = {"Authorization": f"Bearer {node.output('token').strip()}"}
    base = f"{node.edge}/v1/audio/{track['track_id']}/{track['version']}/{name}"
    facts = decode_seek_index(call(f"{base}.json", bearer).body)
    kid = uuid.UUID(facts.kid)
    key = content_key(node.edge, bearer, kid)
    with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
        path = Path(file.name)
        path.write_bytes(call(f"{base}.mp4", bearer).body)
        ours = packets_by_us(path.read_bytes(), facts, key)
        is_right = packets_by_shaka(path, kid, key) == ours
        for program in ffmpegs():
            is_right = is_right and packets_by_ffmpeg(path, key, program=program) == ours
            is_right = is_right and packets_by_ffmpeg(path, WRONG_KEY, program=program) != ours
    if not is_right:
        print(f"  {name}: others find other packets")
    return is_right


def samples_by_ffmpeg(master: Path) -> int:
    """Samples of a master as the system's ffmpeg decodes it."""
    command = [
        "ffmpeg",
        "-v",
        "error",
        "-i",
        str(master),
        "-map",
        "0:a:0",
        "-f",
        "s16le",
        "-ac",
        "1",
        "-",
    ]
    size = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        while part := process.stdout.read(1 << 20):
            size += len(part)
    return size // 2


if __name__ == "__main__":
    sys.exit(main())
