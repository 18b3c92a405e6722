"""Proof: the same master with the same keys gives the same bytes, from another checkout too.

Clones this repository twice, installs each clone, ingests the same masters in both with one key
store, and compares the SHA-256 of every packaged file.
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from loadtest.masters import fetch_music, write_tone
from loadtest.node import Node

ROOT: Final = Path(__file__).parents[1]


def main() -> int:
    """Run the proof; 0 when everything holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--music", type=int, default=3, help="how many real tracks to try")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "music")
    arguments = parser.parse_args()
    arguments.cache.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        masters = [
            write_tone(folder / "tone.wav", seconds=20),
            write_tone(folder / "hires.wav", seconds=5, sample_rate_hz=96000),
            *fetch_music(arguments.cache)[: arguments.music],
        ]
        digests = [packaged(folder, number, masters) for number in (1, 2)]
    same = digests[0] == digests[1]
    print(f"{len(digests[0])} files, {'equal' if same else 'DIFFERENT'}")
    return 0 if same and digests[0] else 1


def packaged(folder: Path, number: int, masters: list[Path]) -> dict[str, str]:
    """SHA-256 by name of all that a fresh checkout makes of `masters`."""
    checkout = folder / f"checkout-{number}"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(checkout)], check=True)
    subprocess.run(["make", "--silent", "install"], cwd=checkout, check=True)
    data = folder / f"data-{number}"
    keys = folder / "keys"
    if keys.exists():
        data.mkdir()
        shutil.copytree(keys, data / "drm")
    node = Node(data, attacca=checkout / ".venv" / "bin" / "attacca")
    for master in masters:
        node.output("ingest", str(master))
    if not keys.exists():
        shutil.copytree(data / "drm", keys)
    renditions = data / "store" / "renditions"
    return {
        str(path.relative_to(renditions)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(renditions.rglob("*"))
        if path.is_file()
    }


if __name__ == "__main__":
    sys.exit(main())
