"""Proof: a master of many hours is packaged in bounded memory and keeps its exact length."""

import argparse
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Final

import psutil
import soundfile

from loadtest.exact_length import exact_length
from loadtest.masters import write_tone
from loadtest.node import Node, running_node
from packager.renditions import PROFILES

RENDITIONS: Final = ("flac", "aac-160", "vorbis-160")
WORKER_BYTES_MAX: Final = 300 << 20
_SAMPLE_S: Final = 0.5


def main() -> int:
    """Run the proof; 0 when everything holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=3.0)
    parser.add_argument("--rendition", action="append", choices=list(PROFILES), dest="renditions")
    arguments = parser.parse_args()
    renditions: list[str] = arguments.renditions or list(RENDITIONS)
    with tempfile.TemporaryDirectory() as name, running_node(Path(name) / "data") as node:
        master = write_long(Path(name) / "master.wav", hours=arguments.hours)
        begin = time.monotonic()
        peak, track_id, samples = ingest_watched(node, master, renditions)
        print(f"ingested in {time.monotonic() - begin:.0f} s, peak {peak >> 20} MiB in a process")
        failures = int(peak > WORKER_BYTES_MAX)
        for rendition in renditions:
            (report,) = node.json_lines("play", track_id, "--rendition", rendition)
            expected = exact_length(rendition, samples=samples, sample_rate_hz=44100)
            is_exact = (report["samples"], report["sample_rate_hz"]) == expected
            failures += not is_exact
            print(f"{rendition}: {report['samples']} samples, {'ok' if is_exact else expected}")
    return 1 if failures else 0


def write_long(path: Path, *, hours: float) -> Path:
    """Write an RF64 file of that length, a minute of sound over and over, and an odd end."""
    minute = write_tone(path.with_suffix(".minute"), seconds=60)
    frames, rate_hz = soundfile.read(minute, dtype="int16")
    with soundfile.SoundFile(path, "w", rate_hz, frames.shape[1], "PCM_16", format="RF64") as file:
        for _ in range(round(hours * 60)):
            file.write(frames)
        file.write(frames[:12_347])
    return path


def ingest_watched(node: Node, master: Path, renditions: list[str]) -> tuple[int, str, int]:
    """Ingest, and watch the memory of every process of it.

    Returns:
        The most resident bytes that one of them had, the track's id, and its samples.
    """
    peaks = [0]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(_SAMPLE_S):
            for process in psutil.Process().children(recursive=True):
                try:
                    peaks[0] = max(peaks[0], process.memory_info().rss)
                except psutil.NoSuchProcess:
                    continue

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        wanted = [f"--rendition={name}" for name in renditions]
        (track,) = node.json_lines("ingest", str(master), *wanted)
    finally:
        done.set()
        watcher.join()
    return peaks[0], track["track_id"], track["samples"]


if __name__ == "__main__":
    sys.exit(main())
