"""CPU that the edge spends on a hit, from memory and from disk, on one road and in one run.

wrk asks for slices of one file all over; the CPU time of the edge's process is read from the
operating system. The disk's pages are in the kernel's cache, and the memory holds four slices of
256, so that nearly every hit comes from the disk. Runs of both take turns.
"""

import asyncio
import json
import re
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import psutil

from loadtest.behaviours.origin import open_origin
from loadtest.behaviours.resource import Resource
from loadtest.peers.attacca import start_edge, wait_until_ready
from loadtest.peers.process import stop

SLICE_BYTES: Final = 256 << 10
SLICES: Final = 256
SIZES: Final = (64 << 10, 256 << 10)
ROUNDS: Final = 5
SECONDS: Final = 2

_SCRIPT: Final = """
local slices, size, slice = {slices}, {size}, {slice}
request = function()
  local start = math.random(0, slices - 1) * slice
  return wrk.format("GET", nil, {{["Range"] = "bytes=" .. start .. "-" .. (start + size - 1)}})
end
"""


def main() -> None:
    wrk = shutil.which("wrk")
    if wrk is None:
        print("  wrk is not installed: apt-get install wrk")
        return
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        origin_url, path = stack.enter_context(running_origin())
        memory = stack.enter_context(warm_edge(Path(folder, "memory"), origin_url, path, 1 << 30))
        disk = stack.enter_context(warm_edge(Path(folder, "disk"), origin_url, path, 1 << 20))
        for size in SIZES:
            script = Path(folder, f"{size}.lua")
            script.write_text(_SCRIPT.format(slices=SLICES, size=size, slice=SLICE_BYTES))
            pairs = [
                (measure(wrk, memory, path, script), measure(wrk, disk, path, script))
                for _ in range(ROUNDS)
            ]
            ratio = statistics.median(b / a for a, b in pairs)
            a, b = (statistics.median(column) for column in zip(*pairs, strict=True))
            print(
                f"  {size >> 10:5} KiB: memory {a:6.1f} us, disk {b:6.1f} us of CPU a hit, "
                f"ratio {ratio:.2f}"
            )


@contextmanager
def running_origin() -> Iterator[tuple[str, str]]:
    """An origin with one file, in a thread of its own; its URL and the file's path."""
    loop, ready, done = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    told: list[str] = []

    async def serve() -> None:
        async with open_origin() as origin:
            origin.resources["/file"] = Resource(SLICES * SLICE_BYTES)
            told.append(origin.url)
            ready.set()
            await done.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield told[0], "/file"
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join(10)


@contextmanager
def warm_edge(
    folder: Path, origin_url: str, path: str, memory_bytes: int
) -> Iterator[tuple[str, psutil.Process]]:
    """An edge that has the whole file; its URL and its process."""
    folder.mkdir()
    folders = [{"path": str(folder / "tier"), "bytes_max": 1 << 30}]
    variables = {
        "ATTACCA_EDGE__CACHE__MEMORY_BYTES": str(memory_bytes),
        "ATTACCA_EDGE__CACHE__OBJECT_SHARE_MAX": "1.0",
        "ATTACCA_EDGE__CACHE__DISK__FOLDERS": json.dumps(folders),
        "ATTACCA_EDGE__CACHE__DISK__ADMISSION": "all",
        "ATTACCA_EDGE__CACHE__DISK__MIN_FREE_BYTES": "0",
    }
    process = start_edge(folder, origin_url, variables=variables)
    try:
        running = wait_until_ready(process, folder)
        time.sleep(1)  # Nothing is written before the folder has been listed.
        for number in range(SLICES):
            start = number * SLICE_BYTES
            fields = {"Range": f"bytes={start}-{start + SLICE_BYTES - 1}"}
            wanted = urllib.request.Request(running.url + path, headers=fields)  # noqa: S310
            with urllib.request.urlopen(wanted):  # noqa: S310
                pass
        yield running.url, psutil.Process(process.pid)
    finally:
        stop(process)


def measure(wrk: str, edge: tuple[str, psutil.Process], path: str, script: Path) -> float:
    """CPU microseconds for one hit."""
    url, process = edge
    begin = sum(process.cpu_times()[:2])
    command = [wrk, "-t1", "-c16", f"-d{SECONDS}s", "-s", str(script), url + path]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    cpu_s = sum(process.cpu_times()[:2]) - begin
    counted = re.search(r"(\d+) requests in", done.stdout)
    assert counted is not None
    if "Non-2xx" in done.stdout:
        raise SystemExit("the edge refuses what was to be measured")
    return cpu_s / int(counted[1]) * 1e6
