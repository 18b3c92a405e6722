"""Time to first audio of the reference player, edge cold and warm, on loopback."""

import statistics
import tempfile
from pathlib import Path
from typing import Final

from loadtest.masters import write_tone
from loadtest.node import running_node

RENDITIONS: Final = ("flac", "aac-160", "vorbis-160")
TRACKS: Final = 5


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, running_node(Path(folder) / "data") as node:
        tracks = []
        for seed in range(TRACKS):
            master = write_tone(Path(folder) / f"{seed}.wav", seconds=60, seed=seed)
            tracks.append(node.json_lines("ingest", str(master))[0]["track_id"])
        for rendition in RENDITIONS:
            for state in ("cold", "warm"):
                reports = [
                    node.json_lines("play", track, "--rendition", rendition)[0] for track in tracks
                ]
                starts_ms = [report["first_audio_ms"] for report in reports]
                misses = sum(report["cache"]["miss"] for report in reports)
                print(
                    f"  {rendition:12} {state}: median {statistics.median(starts_ms):5.1f} ms, "
                    f"worst {max(starts_ms):5.1f} ms, {misses} misses"
                )
