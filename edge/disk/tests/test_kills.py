"""Killed at any moment: no wrong byte, no partial file, no purged content, no lost purge."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from multidict import CIMultiDict

from edge.disk.tests.killed_writer import KEYS
from edge.disk.tests.running import (
    content_of,
    files_in,
    id_of,
    identity_of,
    running_tier,
    settings_of,
    until,
)
from edge.purges import Purges, Verdict

KILLS = 6


def run_and_kill(folder: Path, *, after_s: float) -> dict[int, int]:
    """Numbers of acknowledged purges, by what they purged; killed so long after the second one."""
    command = [sys.executable, "-m", "edge.disk.tests.killed_writer", str(folder)]
    root = Path(__file__).parents[3]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("ready")
        lines = [process.stdout.readline() for _ in range(2)]
        time.sleep(after_s)
        process.kill()
        lines += process.stdout.read().splitlines()
    said = [line.split() for line in lines if line.startswith("purged") and line.count(" ") == 2]
    return {int(number): int(sequence) for _, sequence, number in said}


@pytest.mark.slow
async def test_kills_leave_nothing_wrong_behind(tmp_path: Path):
    folder, rng = tmp_path / "a", random.Random(7)
    settings = settings_of(folder, bytes_max=1 << 20)
    acknowledged: dict[int, int] = {}
    kept = 0
    for _ in range(KILLS):
        acknowledged |= run_and_kill(folder, after_s=rng.uniform(0, 0.3))
        purges = Purges(entries_max=1000)
        async with running_tier(settings, purges=purges) as tier:
            assert purges.sequence >= max(acknowledged.values(), default=0)
            assert tier.bytes <= 1 << 20
            assert not [path for path in files_in(folder) if path.name.startswith(".")]
            for number in range(KEYS):
                entry = await tier.read(id_of(number), identity_of(number))
                if entry is None:
                    continue
                kept += 1
                assert bytes(entry.content) == content_of(number, len(entry.content))
                assert entry.sequence <= purges.sequence
                verdict = purges.weigh(f"/{number}", CIMultiDict(), since=entry.sequence)
                is_older = entry.sequence < acknowledged.get(number, 0)
                assert verdict is Verdict.PURGED or not is_older
            assert tier.counts.damaged == 0
            await until(lambda: len(files_in(folder)) == tier.entries)
    assert kept > KILLS
    assert acknowledged
