"""CPU that the edge spends on a memory hit, with token check, metrics and access log on.

wrk asks for one range again and again; the CPU time of the edge's process is read from the
operating system. wrk comes from the system's packages.
"""

import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Final

import psutil

from loadtest.masters import write_tone
from loadtest.node import Node, running_node

SIZES: Final = (4 << 10, 64 << 10, 256 << 10, 1 << 20)
RUNS: Final = 3
SECONDS: Final = 3


def main() -> None:
    wrk = shutil.which("wrk")
    if wrk is None:
        print("  wrk is not installed: apt-get install wrk")
        return
    with tempfile.TemporaryDirectory() as folder, running_node(Path(folder) / "data") as node:
        master = write_tone(Path(folder) / "master.wav", seconds=60)
        (track,) = node.json_lines("ingest", str(master))
        token = node.output("token", "--track", track["track_id"]).strip()
        path = f"/v1/audio/{track['track_id']}/{track['version']}/flac.mp4"
        for size in SIZES:
            runs = sorted(measure(wrk, node, path, token, size) for _ in range(RUNS))
            cpu_us, per_s = runs[RUNS // 2]
            print(f"  {size >> 10:5} KiB: {cpu_us:6.1f} us of CPU a hit, {per_s:7.0f} hits/s")


def measure(wrk: str, node: Node, path: str, token: str, size: int) -> tuple[float, float]:
    """CPU microseconds for one hit, and hits for one second of the clock."""
    command = [
        wrk,
        "-t1",
        "-c16",
        f"-d{SECONDS}s",
        "-H",
        f"Authorization: Bearer {token}",
        "-H",
        f"Range: bytes=0-{size - 1}",
        node.edge + path,
    ]
    process = psutil.Process(node.process.pid)
    subprocess.run([*command[:3], "-d1s", *command[4:]], capture_output=True, check=True)
    begin_s, begin = time.monotonic(), sum(process.cpu_times()[:2])
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    cpu_s, taken_s = sum(process.cpu_times()[:2]) - begin, time.monotonic() - begin_s
    counted = re.search(r"(\d+) requests in", done.stdout)
    assert counted is not None
    if "Non-2xx" in done.stdout:
        raise SystemExit("the edge refuses what was to be measured")
    requests = int(counted[1])
    return cpu_s / requests * 1e6, requests / taken_s
