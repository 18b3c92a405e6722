"""Proof: an edge is reloaded, upgraded, and loses workers, and listeners hardly notice.

Listeners ask without a pause, over connections that are kept and over new ones, and compare every
byte. Meanwhile all workers are replaced by a reload, settings that cannot be used are offered,
workers are asked to end, the supervisor becomes another program, and workers are killed. None of
these but the kill may lose a request; a kill may cut what that worker had under way.
"""

import argparse
import asyncio
import contextlib
import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from loadtest.behaviours.listener import ask
from loadtest.peers.attacca import running_configured_edge
from loadtest.peers.process import RunningCache
from loadtest.steady_listeners import SteadyListeners, Tally, open_listeners, open_origin

_WAIT_S_MAX: Final = 120.0
_LOOK_S: Final = 0.02
# Before something is done to the edge, and afterwards.
_STEADY_S: Final = 1.0


@dataclass
class Scene:
    """An edge under load.

    Attributes:
        edge: that runs.
        workers: how many it has.
        file: its settings.
        origin_url: where its content comes from.
        listeners: the load.
        failures: what was not as it should be.
    """

    edge: RunningCache
    workers: int
    file: Path
    origin_url: str
    listeners: SteadyListeners
    failures: int = 0
    changes: int = 0

    def signal(self, number: signal.Signals) -> None:
        """Send the supervisor a signal."""
        os.kill(self.edge.pid, number)

    def worker_pids(self) -> set[int]:
        """The processes of workers."""
        return {one.pid for one in psutil.Process(self.edge.pid).children()}

    async def metric(self, line: str) -> float:
        """The value of a metric; -1 while nobody answers."""
        answer = await ask(self.edge.admin_url, "/metrics")
        found = re.search(rf"^{re.escape(line)} (\S+)$", answer.body.decode(), re.MULTILINE)
        return float(found[1]) if found else -1.0

    async def restarts(self, reason: str) -> float:
        """How many workers were started in another's place for a reason."""
        return await self.metric(f'edge_worker_restarts_total{{reason="{reason}"}}')

    async def until(self, is_so: Callable[[], Awaitable[bool]]) -> float:
        """Wait for something, and say how long it took."""
        begin_s = time.monotonic()
        async with asyncio.timeout(_WAIT_S_MAX):
            while not await is_so():  # noqa: ASYNC110 - metrics are what there is
                await asyncio.sleep(_LOOK_S)
        return time.monotonic() - begin_s

    async def is_settled(self) -> bool:
        """Whether every slot has its worker, and nothing is changing."""
        states = [
            await self.metric(f'edge_workers{{state="{state}"}}')
            for state in ("serving", "starting", "draining")
        ]
        return states == [self.workers, 0, 0]


def write_settings(file: Path, origin_url: str, *, workers: int, change: int = 0) -> None:
    """Settings that differ by what does not matter."""
    file.write_text(
        f"""\
workers = {workers}
port = 0
admin_port = 0
upstream = "{origin_url}"
token_check = false
access_log = "off"
[cache]
memory_bytes = {(64 << 20) + change}
[cache.disk]
admission = "all"
min_free_bytes = 0
[[cache.disk.folders]]
path = "{file.parent / "disk"}"
bytes_max = {256 << 20}
"""
    )


async def reload(scene: Scene) -> float:
    """All workers are replaced, since settings have changed."""
    before = await scene.restarts("reload")
    scene.changes += 1
    write_settings(scene.file, scene.origin_url, workers=scene.workers, change=scene.changes << 10)
    scene.signal(signal.SIGHUP)

    async def is_done() -> bool:
        return await scene.restarts("reload") == before + scene.workers

    took_s = await scene.until(is_done)
    return took_s + await scene.until(scene.is_settled)


async def refuse(scene: Scene) -> float:
    """Settings that cannot be used change nothing."""
    pids, good = scene.worker_pids(), scene.file.read_text()
    scene.file.write_text(good + '\n[limits]\nfills_max = "many"\n')
    scene.signal(signal.SIGHUP)

    async def is_told() -> bool:
        return await scene.metric("edge_config_last_reload_successful") == 0

    took_s = await scene.until(is_told)
    scene.file.write_text(good)
    scene.failures += scene.worker_pids() != pids
    return took_s


async def ask_to_end(scene: Scene) -> float:
    """Somebody sends a worker SIGTERM."""
    before = await scene.restarts("asked")
    os.kill(min(scene.worker_pids()), signal.SIGTERM)

    async def is_done() -> bool:
        return await scene.restarts("asked") == before + 1

    return await scene.until(is_done)


async def upgrade(scene: Scene) -> float:
    """The supervisor becomes another program, and replaces all workers."""
    before = max(0.0, await scene.restarts("upgrade"))
    scene.signal(signal.SIGUSR2)

    async def is_done() -> bool:
        return await scene.restarts("upgrade") == before + scene.workers

    took_s = await scene.until(is_done)
    return took_s + await scene.until(scene.is_settled)


async def kill(scene: Scene) -> float:
    """A worker is killed: its slot has another one after a while."""
    before = await scene.restarts("crashed")
    os.kill(min(scene.worker_pids()), signal.SIGKILL)

    async def is_back() -> bool:
        return await scene.restarts("crashed") == before + 1

    return await scene.until(is_back)


@contextlib.asynccontextmanager
async def open_scene(folder: Path, *, workers: int, count: int) -> AsyncIterator[Scene]:
    """An edge with listeners."""
    file = folder / "edge.toml"
    async with open_origin() as (origin_url, contents):
        write_settings(file, origin_url, workers=workers)
        with contextlib.ExitStack() as stack:
            running = running_configured_edge(folder, file)
            edge = await asyncio.to_thread(stack.enter_context, running)
            async with open_listeners(edge.url, contents, count=count) as listeners:
                yield Scene(edge, workers, file, origin_url, listeners)


async def prove(folder: Path, *, workers: int, count: int, times: int) -> int:
    """Do everything to one edge; return how much was not as it should be."""
    print(f"\n{workers} worker(s), {count} listeners")
    print(f"{'':24}{'requests':>10}{'lost':>7}{'wrong':>7}{'slowest ms':>12}{'took s':>9}")
    failures = 0
    async with open_scene(folder, workers=workers, count=count) as scene:
        await scene.until(scene.is_settled)
        for name, do, may_lose in (
            ("reload", reload, False),
            ("settings refused", refuse, False),
            ("worker asked to end", ask_to_end, False),
            ("upgrade", upgrade, False),
            ("worker killed", kill, True),
        ):
            for _ in range(times):
                scene.listeners.tally = tally = Tally()
                await asyncio.sleep(_STEADY_S)
                took_s = await do(scene)
                await asyncio.sleep(_STEADY_S)
                tell(name, tally, took_s)
                failures += tally.wrong + (0 if may_lose else tally.lost_count)
                await scene.until(scene.is_settled)
        return failures + scene.failures


def tell(name: str, tally: Tally, took_s: float) -> None:
    """One line of the table."""
    lost = "".join(f" {count} {kind}" for kind, count in sorted(tally.lost.items()))
    print(
        f"{name:24}{tally.answered:10}{tally.lost_count:7}{tally.wrong:7}"
        f"{tally.slowest_s * 1e3:12.0f}{took_s:9.1f} {lost}",
        flush=True,
    )


def main() -> int:
    """Run the proof; 0 when everything holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listeners", type=int, default=32)
    parser.add_argument("--times", type=int, default=3)
    arguments = parser.parse_args()
    failures = 0
    for workers in (1, 2):
        with tempfile.TemporaryDirectory() as folder:
            proof = prove(
                Path(folder), workers=workers, count=arguments.listeners, times=arguments.times
            )
            failures += asyncio.run(proof)
    print(f"\n{failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
