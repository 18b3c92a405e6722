"""Packaging, as multiples of real time on one core, and the CPU that inspecting a master takes.

A worker of the pool does the work; its CPU time is read from the operating system.
"""

import asyncio
import hashlib
import statistics
import tempfile
import time
import uuid
from pathlib import Path
from typing import Final

import psutil

from loadtest.masters import write_tone
from packager.content_key import ContentKey
from packager.jobs import PackagingOrder
from packager.pool import open_pool
from packager.renditions import PROFILES

SECONDS: Final = 120
RUNS: Final = 3
_MEMORY_BYTES_MAX: Final = 2 << 30


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        master = write_tone(Path(folder) / "master.wav", seconds=SECONDS)
        asyncio.run(measure(master, Path(folder)))


async def measure(master: Path, folder: Path) -> None:
    async with open_pool(workers=1, memory_bytes_max=_MEMORY_BYTES_MAX) as pool:
        await pool.inspect(master, edges=folder)  # The first job starts libraries.
        samples: dict[str, list[float]] = {}
        for _ in range(RUNS):
            begin = _cpu_of_workers_s()
            inspection = await pool.inspect(master, edges=folder)
            samples.setdefault("inspect", []).append(_cpu_of_workers_s() - begin)
            for name in PROFILES:
                order = PackagingOrder(
                    master=master,
                    facts=inspection.facts,
                    rendition=name,
                    version=hashlib.sha256(name.encode()).hexdigest()[:16],
                    key=ContentKey(kid=uuid.uuid4(), key=bytes(range(16))),
                    output=folder / name,
                )
                begin = _cpu_of_workers_s()
                await pool.package(order)
                samples.setdefault(name, []).append(_cpu_of_workers_s() - begin)
                order.output.unlink()
    for name, cpus_s in samples.items():
        cpu_s = statistics.median(cpus_s)
        print(f"  {name:12} {cpu_s:6.2f} s of CPU for {SECONDS} s: {SECONDS / cpu_s:5.0f} x")


def _cpu_of_workers_s() -> float:
    time.sleep(0.02)  # The kernel accounts in ticks.
    children = psutil.Process().children(recursive=True)
    return sum(sum(child.cpu_times()[:2]) for child in children)
