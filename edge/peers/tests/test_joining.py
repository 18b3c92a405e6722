"""A worker among others keeps for good what is its own, and for a while what is not."""

import asyncio
from pathlib import Path

import pytest

from edge.peers.tests.company import open_workers, rank_of_workers
from edge.tests.scripted_origin import Resource, ScriptedOrigin

pytestmark = pytest.mark.socket


async def test_what_another_owns_is_never_written_to_disk(origin: ScriptedOrigin, run_dir: Path):
    keys = [f"/a{number}" for number in range(8)]
    for key in keys:
        origin.resources[key] = Resource(b"x" * 5_000)
    folder = {"path": str(run_dir / "disk"), "bytes_max": 64 << 20}
    await asyncio.to_thread((run_dir / "disk").mkdir)
    cache = {"disk": {"folders": [folder], "admission": "all"}}
    async with open_workers(origin, run_dir, cache=cache) as workers:
        disks = [worker.service.tiers.disk for worker in workers]
        async with asyncio.timeout(10):
            while not all(disk and disk.is_listed for disk in disks):  # noqa: ASYNC110 - nobody is told
                await asyncio.sleep(0.01)
        for worker in workers:
            for key in keys * 2:
                await worker.ask(key)
        for number, worker in enumerate(workers):
            kept = {key: worker.service.store.offered(key)[0].is_on_disk for key in keys}
            assert kept == {key: rank_of_workers(2, key)[0] == number for key in keys}
    assert len(origin.seen) == len(keys)
