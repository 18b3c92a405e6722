"""What the edge's disk tier costs: a read, a write that evicts, a start with a million entries.

The files of that start are empty: a start lists names and reads no file, so what they hold does not
matter, and their number is what a million slices of 256 KiB would have. The kernel has the names in
memory when they are listed. Names and snapshot are written by the benchmark, not by a tier.
"""

import asyncio
import hashlib
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import psutil

from edge.allocator import keep_freed_memory
from edge.disk.disk_folder import open_folder
from edge.disk.disk_index import RECORD_BYTES, DiskIndex, pack_facts
from edge.disk.disk_tier import DiskTier, Entry, Kind, open_disk_tier
from edge.disk.entry_file import SUB_FOLDERS, Place, sub_folder_of
from edge.disk.index_snapshot import encode_snapshot
from edge.disk.settings import DiskFolderSettings, DiskSettings
from edge.purge_record import encode_log
from edge.purges import Purge, Purges

SLICE_BYTES: Final = 256 << 10
SLICES: Final = 400
ENTRIES: Final = 1_000_000
QUEUE_BYTES_MAX: Final = 16 << 20
ROUNDS: Final = 5

# No such entry, and in the sub-folder that is listed last: it may be there until all are listed.
LAST_LISTED: Final = next(
    entry_id
    for entry_id in (number.to_bytes(20, "big") for number in range(100_000))
    if sub_folder_of(entry_id) == SUB_FOLDERS - 1
)

# Where files go: a real disk, since what a folder in memory costs says little.
PARENT: Final = os.environ.get("BENCH_DISK_FOLDER")


def main() -> None:
    asyncio.run(measure_reads("as glibc comes"))
    keep_freed_memory()
    asyncio.run(measure_reads("freed memory kept"))
    asyncio.run(measure_writes())
    measure_memory()
    asyncio.run(measure_start())


def settings_of(folder: Path, bytes_max: int) -> DiskSettings:
    one = DiskFolderSettings(path=folder / "tier", bytes_max=bytes_max)
    return DiskSettings(folders=(one,), min_free_bytes=0, queue_bytes_max=QUEUE_BYTES_MAX)


def id_of(number: int) -> bytes:
    return hashlib.blake2b(number.to_bytes(8, "big"), digest_size=20).digest()


def cpu_s() -> float:
    """Of all threads, as the system counts it."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def until(is_so: Callable[[], bool]) -> None:
    while not is_so():  # noqa: ASYNC110 - threads set no event of the loop
        await asyncio.sleep(0.001)


async def fill(tier: DiskTier, numbers: range, content: bytes) -> None:
    for number in numbers:
        await until(lambda: tier.queued_bytes + 2 * SLICE_BYTES < QUEUE_BYTES_MAX)
        assert tier.write(id_of(number), b"identity", content, sequence=0, kind=Kind.SLICE)
    await until(lambda: not tier.queued_bytes)


async def measure_reads(name: str) -> None:
    content = os.urandom(SLICE_BYTES)
    with tempfile.TemporaryDirectory(dir=PARENT) as folder:
        async with open_disk_tier(
            settings_of(Path(folder), 1 << 30), Purges(entries_max=9)
        ) as tier:
            await until(lambda: tier.is_listed)
            await fill(tier, range(SLICES), content)
            for kept in (1, 100):
                taken = min(read_all(tier, kept) for _ in range(ROUNDS))
                print(
                    f"  read at once, 256 KiB, {name}, {kept:3} kept: {taken * 1e6:5.1f} us of CPU"
                )
            begin = cpu_s()
            for number in range(SLICES):
                assert tier.has(id_of(number))
            print(f"  has: {(cpu_s() - begin) / SLICES * 1e6:.2f} us")


def read_all(tier: DiskTier, kept: int) -> float:
    """CPU seconds of one read, when the last so many are still held."""
    held: list[Entry] = []
    begin = cpu_s()
    for number in range(SLICES):
        entry = tier.read_at_once(id_of(number), b"identity")
        assert isinstance(entry, Entry)
        held.append(entry)
        if len(held) > kept:
            held.pop(0)
    return (cpu_s() - begin) / SLICES


async def measure_writes() -> None:
    content = os.urandom(SLICE_BYTES)
    with tempfile.TemporaryDirectory(dir=PARENT) as folder:
        settings = settings_of(Path(folder), SLICES * (SLICE_BYTES + 4096))
        async with open_disk_tier(settings, Purges(entries_max=9)) as tier:
            await until(lambda: tier.is_listed)
            await fill(tier, range(SLICES), content)
            rounds: list[tuple[float, float]] = []
            for turn in range(1, 1 + ROUNDS):
                begin, begin_s = cpu_s(), time.monotonic()
                await fill(tier, range(turn * SLICES, (turn + 1) * SLICES), content)
                rounds.append((cpu_s() - begin, time.monotonic() - begin_s))
            assert tier.entries == SLICES
            cpu, taken = (min(one) / SLICES for one in zip(*rounds, strict=True))
            print(f"  write and evict, 256 KiB: {cpu * 1e6:.0f} us of CPU, {1 / taken:.0f}/s")


def measure_memory() -> None:
    process = psutil.Process()
    before = process.memory_info().rss
    index = DiskIndex(bytes_max=1 << 50)
    facts = pack_facts(SLICE_BYTES + 150, Kind.SLICE)
    begin = cpu_s()
    for number in range(ENTRIES):
        entry_id = number.to_bytes(20, "big")
        index.put_packed(entry_id, facts, sub_folder_of(entry_id))
    taken = process.memory_info().rss - before
    print(
        f"  index: {taken / ENTRIES:.0f} bytes, {(cpu_s() - begin) / ENTRIES * 1e6:.2f} us an entry"
    )
    begin = cpu_s()
    assert sum(map(len, encode_snapshot(index.records_by_use()))) > ENTRIES * RECORD_BYTES
    print(f"  snapshot of {ENTRIES} entries: {cpu_s() - begin:.2f} s of CPU in a thread")


def make_entries(folder: Path) -> None:
    """A million empty files with names of slices, and a snapshot of their order."""
    opened = open_folder(folder / "tier")
    facts = pack_facts(SLICE_BYTES + 150, Kind.SLICE)
    for number in range(ENTRIES):
        place = Place(id_of(number), SLICE_BYTES + 150, Kind.SLICE)
        flags = os.O_CREAT | os.O_WRONLY
        os.close(os.open(folder / "tier" / "v1" / place.path, flags, 0o600))
    records = (id_of(number) + facts.to_bytes(4, "big") for number in range(ENTRIES))
    opened.snapshot_path.write_bytes(b"".join(encode_snapshot(records)))
    (folder / "tier" / "purges").write_bytes(encode_log(bytes(16), [(1, Purge())]))
    opened.close()


async def measure_start() -> None:
    folder = Path(tempfile.mkdtemp(dir=PARENT))
    try:
        print(f"  making {ENTRIES} files …", flush=True)
        await asyncio.to_thread(make_entries, folder)
        for is_ordered in (True, False):
            if not is_ordered:
                (folder / "tier" / "index").unlink()
            await measure_one_start(folder, "with" if is_ordered else "without")
    finally:
        shutil.rmtree(folder)


async def measure_one_start(folder: Path, how: str) -> None:
    begin, begin_s = cpu_s(), time.monotonic()
    purges = Purges(entries_max=9)
    async with open_disk_tier(settings_of(folder, 1 << 50), purges) as tier:
        serving_s = time.monotonic() - begin_s
        gaps: list[float] = []
        named_s = named_cpu = 0.0
        last_s = time.monotonic()
        while not tier.is_listed:
            await asyncio.sleep(0.001)
            if not named_s and not tier.has(LAST_LISTED):
                named_s, named_cpu = time.monotonic() - begin_s, cpu_s() - begin
            now_s = time.monotonic()
            gaps.append(now_s - last_s)
            last_s = now_s
        known_s, cpu = time.monotonic() - begin_s, cpu_s() - begin
        assert tier.entries == ENTRIES
        gaps.sort()
        print(
            f"  start {how} a snapshot: serves after {serving_s * 1e3:.0f} ms, knows all entries "
            f"after {named_s:.1f} s ({named_cpu:.1f} s of CPU) and their order after "
            f"{known_s:.1f} s ({cpu:.1f} s of CPU); an event meanwhile waits "
            f"{gaps[len(gaps) // 2] * 1e3 - 1:.1f} ms in the median, "
            f"{gaps[int(len(gaps) * 0.99)] * 1e3 - 1:.0f} ms at p99, "
            f"{gaps[-1] * 1e3 - 1:.0f} ms at most"
        )
        stop_s = time.monotonic()
    print(f"  stop: {time.monotonic() - stop_s:.1f} s")
