"""CPU of packaging a track of four minutes, beside FFmpeg's command line in the same run.

The master is FLAC of a compact disc's kind; ours is all that a listener who asks on demand waits
for: hash, decode, encode, digest, encryption, file. It is done by a worker of the pool, whose CPU
time is read from the operating system. Beside it the static FFmpeg of imageio-ffmpeg makes the same
encoding of the same master, in a clear file and with its process's start.

`BENCHMARK_MASTER` names a file to measure with in place of the generated one.
"""

import asyncio
import hashlib
import os
import statistics
import subprocess
import tempfile
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import imageio_ffmpeg
import psutil

from loadtest.masters import write_tone
from packager.content_key import ContentKey
from packager.jobs import MasterFacts, PackagingOrder
from packager.pool import PackagingPool, open_pool
from packager.renditions import PROFILES, Codec, RenditionProfile
from packager.sample_rates import rendition_rate_hz

SECONDS: Final = 240
RUNS: Final = 3
_MEMORY_BYTES_MAX: Final = 2 << 30
_VORBIS_QUALITIES: Final = {96_000: 2, 160_000: 5, 320_000: 9}
_FRAGMENTED: Final = ("-frag_duration", "6000000", "-movflags", "+delay_moov", "-f", "mp4")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        given = os.environ.get("BENCHMARK_MASTER")
        asyncio.run(measure(Path(given) if given else _made_master(folder), folder))


async def measure(master: Path, folder: Path) -> None:
    async with open_pool(workers=1, memory_bytes_max=_MEMORY_BYTES_MAX) as pool:
        await pool.inspect(master, edges=folder)  # The first job starts libraries.
        begin = _cpu_of_workers_s()
        facts = (await pool.inspect(master, edges=folder)).facts
        seconds = facts.samples / facts.sample_rate_hz
        print(f"  inspect      {_cpu_of_workers_s() - begin:6.2f} s of CPU for {seconds:.0f} s")
        total, their_total = 0.0, 0.0
        for profile in PROFILES.values():
            ours, theirs = await _measure_one(pool, _order(master, facts, profile, folder))
            total, their_total = total + ours, their_total + theirs
            print(_line(profile.name, ours, theirs, seconds))
        print(_line("whole ladder", total, their_total, seconds))
        peaks = [_peak_mib(pid) for pid in pool.worker_pids]
        print(f"  memory of the worker at most {max(peaks):.0f} MiB")
    await _measure_side_by_side(master, folder)


async def _measure_side_by_side(master: Path, folder: Path) -> None:
    """CPU of a job while another worker does the same, beside that of a job alone."""
    profile = PROFILES["aac-160"]
    folders = [folder / name for name in ("one", "two")]
    for one in folders:
        one.mkdir()
    async with open_pool(workers=2, memory_bytes_max=_MEMORY_BYTES_MAX) as pool:
        facts = (await pool.inspect(master, edges=folder)).facts
        orders = [_order(master, facts, profile, one) for one in folders]
        await asyncio.gather(*map(pool.package, orders))  # Starts both.
        alone, together = [], []
        for _ in range(RUNS):
            begin = _cpu_of_workers_s()
            await pool.package(orders[0])
            alone.append(_cpu_of_workers_s() - begin)
            begin = _cpu_of_workers_s()
            await asyncio.gather(*map(pool.package, orders))
            together.append((_cpu_of_workers_s() - begin) / 2)
    one_s, two_s = statistics.median(alone), statistics.median(together)
    print(
        f"  {profile.name}: {two_s:.2f} s of CPU a job with two workers, {one_s:.2f} s with one: "
        f"{two_s / one_s:.2f} x"
    )


async def _measure_one(pool: PackagingPool, order: PackagingOrder) -> tuple[float, float]:
    """Medians of both, run in turn."""
    ours, theirs = [], []
    for _ in range(RUNS):
        begin = _cpu_of_workers_s()
        await pool.package(order)
        ours.append(_cpu_of_workers_s() - begin)
        theirs.append(await asyncio.to_thread(_cpu_of_ffmpeg_s, order))
        order.output.unlink()
    return statistics.median(ours), statistics.median(theirs)


def _order(
    master: Path, facts: MasterFacts, profile: RenditionProfile, folder: Path
) -> PackagingOrder:
    return PackagingOrder(
        master=master,
        facts=facts,
        rendition=profile.name,
        version=hashlib.sha256(profile.name.encode()).hexdigest()[:16],
        key=ContentKey(kid=uuid.uuid4(), key=bytes(range(16))),
        output=folder / profile.name,
    )


def _made_master(folder: Path) -> Path:
    tone, master = folder / "tone.wav", folder / "master.flac"
    write_tone(tone, seconds=SECONDS)
    _cpu_of_process_s([_ffmpeg(), "-v", "error", "-i", str(tone), str(master)])
    return master


def _cpu_of_ffmpeg_s(order: PackagingOrder) -> float:
    """What the same FFmpeg major spends on the same encoding."""
    output = str(order.output.with_suffix(".peer"))
    head = [_ffmpeg(), "-v", "error", "-y", "-i", str(order.master), "-vn", "-map_metadata", "-1"]
    rate = rendition_rate_hz(order.profile.codec, order.facts.sample_rate_hz)
    return _cpu_of_process_s([*head, "-ar", str(rate), *_arguments(order.profile), output])


def _arguments(profile: RenditionProfile) -> Sequence[str]:
    rate = str(profile.bitrate_bps)
    match profile.codec:
        case Codec.FLAC:
            return ("-c:a", "flac", "-compression_level", "5", *_FRAGMENTED)
        case Codec.AAC:
            return ("-c:a", "aac", "-aac_coder", "twoloop", "-b:a", rate, *_FRAGMENTED)
        case Codec.OPUS:
            return ("-c:a", "libopus", "-b:a", rate, *_FRAGMENTED)
        case Codec.VORBIS:
            quality = _VORBIS_QUALITIES[profile.bitrate_bps or 0]
            return ("-c:a", "libvorbis", "-q:a", str(quality), "-f", "ogg")


def _ffmpeg() -> str:
    return str(imageio_ffmpeg.get_ffmpeg_exe())


def _cpu_of_process_s(command: Sequence[str]) -> float:
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[0]} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def _cpu_of_workers_s() -> float:
    time.sleep(0.02)  # The kernel accounts in ticks.
    children = psutil.Process().children(recursive=True)
    return sum(sum(child.cpu_times()[:2]) for child in children)


def _peak_mib(pid: int) -> float:
    """The most memory that a process has had in use."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (peak,) = (line for line in lines if line.startswith("VmHWM:"))
    return int(peak.split()[1]) / 1024


def _line(name: str, ours_s: float, theirs_s: float, seconds: float) -> str:
    return (
        f"  {name:12} {ours_s:6.2f} s of CPU, {seconds / ours_s:4.0f} x real time; "
        f"FFmpeg's command {theirs_s:6.2f} s: {ours_s / theirs_s:4.2f} x"
    )
