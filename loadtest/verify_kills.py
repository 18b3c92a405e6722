"""Proof: a tree killed at any moment of an ingest leaves nothing wrong behind.

Starts a node and an ingest, kills everything at a random moment, and starts again. Every track
that is there plays: what was not packaged before the kill is packaged for the player, the work of
the dead included. Then ingests again, and compares the result with that of an ingest that nobody
disturbed.
"""

import argparse
import json
import random
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Final

from loadtest.masters import write_tone
from loadtest.node import Node, kill_tree, running_node

# One of each codec.
RENDITIONS: Final = ("flac", "aac-160", "vorbis-160", "opus-24")


def main() -> int:
    """Run the proof; 0 when everything holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}")
    moments = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        master = write_tone(Path(folder) / "master.wav", seconds=90, seed=arguments.seed)
        undisturbed_s = measure(Path(folder) / "undisturbed", master)
        failures = 0
        for number in range(arguments.kills):
            # Each in a library of its own: an ingest that is done has nothing left to disturb.
            data = Path(folder) / f"data-{number}"
            delay_s = moments.uniform(0, undisturbed_s)
            failures += not survives(data, master, delay_s)
    print(f"{arguments.kills} kills, {failures} failures")
    return 1 if failures else 0


def measure(data: Path, master: Path) -> float:
    """Seconds that an ingest takes when nobody disturbs it."""
    with running_node(data) as node:
        begin = time.monotonic()
        node.output("ingest", str(master))
        return time.monotonic() - begin


def survives(data: Path, master: Path, delay_s: float) -> bool:
    """Kill everything `delay_s` into an ingest; tell whether all is well afterwards."""
    node = Node(data)
    node.start()
    with node.start_command("ingest", str(master), "--json") as ingest:
        try:
            time.sleep(delay_s)
        finally:
            kill_tree(ingest)
            node.kill()
        assert ingest.stdout is not None
        printed = ingest.stdout.read()
    with running_node(data) as again:
        seen = library(again)
        whole = all(plays_whole(again, track) for track in seen)
        if printed and not seen:
            whole = False
            print("an ingest that was acknowledged is lost")
        (track,) = again.json_lines("ingest", str(master))
        whole = whole and plays_whole(again, track["track_id"], track)
    leftovers = work_files(data)
    verdict = "ok" if whole and not leftovers else f"WRONG {leftovers}"
    print(f"killed after {delay_s:.2f} s, {len(seen)} tracks there: {verdict}")
    return whole and not leftovers


def library(node: Node) -> list[str]:
    """Ids of the tracks that the edge shows."""
    token = node.output("token").strip()
    request = urllib.request.Request(  # the URL of a node of ours
        f"{node.edge}/v1/library", headers={"Authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(request, timeout=20) as response:
        document = json.load(response)
    return [track["track_id"] for track in document["tracks"]]


def plays_whole(node: Node, track_id: str, ingested: dict[str, Any] | None = None) -> bool:
    """Play every rendition; the player itself checks digest and length."""
    for rendition in RENDITIONS:
        (report,) = node.json_lines("play", track_id, "--rendition", rendition)
        if rendition == "flac" and ingested and report["pcm_sha256"] != ingested["pcm_sha256"]:
            print("  flac: other samples than the master's")
            return False
    return True


def work_files(data: Path) -> list[Path]:
    """What is left of work under way, once nothing runs."""
    work = (data / "scratch", data / "store" / ".partial")
    files = [path for folder in work for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if path.name != ".gate"]  # It guards the folder for ever.


if __name__ == "__main__":
    sys.exit(main())
