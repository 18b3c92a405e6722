"""Proof: whatever happens, a listener gets right bytes of one version, or is told that he does not.

1. The soak: listeners ask in every way for objects of all kinds, which change, are purged, and come
   from an origin that misbehaves; the tiers are smaller than the working set; the edge is killed
   every 20 s and starts again on the same folder. Each byte is checked, nothing that was purged is
   served after the acknowledgement, and memory and descriptors stay level.
2. The purge: killed within a millisecond of the acknowledgement, the index deleted, started again:
   what was purged is not served, nor what a fill brings that began before.
"""

import argparse
import asyncio
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

from loadtest.behaviours.content import is_content
from loadtest.behaviours.listener import ask
from loadtest.behaviours.origin import Origin, open_origin
from loadtest.behaviours.resource import Resource
from loadtest.peers.process import CacheFailedError
from loadtest.soak.checking import DEADLINE_S, Tally, ask_and_check
from loadtest.soak.edge import MIB, KillableEdge, Purge
from loadtest.soak.world import World

OBJECTS: Final = 60
LISTENERS: Final = 16
MEMORY_BYTES: Final = 16 * MIB
DISK_BYTES: Final = 32 * MIB
KILL_EVERY_S: Final = 20.0
# The last part runs without kills: only there can memory and descriptors be seen to stay level.
PEACE: Final = 0.3
PURGE_ROUNDS: Final = 12

# A process of Python with its libraries, beside its tiers.
RESIDENT_MAX: Final = MEMORY_BYTES + 192 * MIB
GROWTH_MAX: Final = 1.15
# Connections to the origin that are kept for the next request are no leak.
DESCRIPTORS_KEPT_MAX: Final = 80

# While the edge is away, asking goes on more slowly.
_AWAY_S: Final = 0.1
_WRONG_SHOWN: Final = 20


@dataclass(slots=True)
class Levels:
    """Samples of what the process holds."""

    resident_bytes: list[int] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)


def main() -> int:
    """Run the proof; 0 when everything holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="of the soak")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}")
    failures = asyncio.run(prove(arguments.minutes * 60, random.Random(arguments.seed)))
    print(f"{failures} failures")
    return 1 if failures else 0


async def prove(soak_s: float, choice: random.Random) -> int:
    """Both proofs; tell how much is wrong."""
    failures = 0
    async with open_killable() as (origin, edge):
        for number in range(PURGE_ROUNDS):
            failures += not await purge_and_kill(origin, edge, number)
        failures += not await purge_during_a_fill(origin, edge)
    async with open_killable() as (origin, edge):
        failures += await soak(origin, edge, soak_s, choice)
    return failures


@asynccontextmanager
async def open_killable() -> AsyncIterator[tuple[Origin, KillableEdge]]:
    """An origin and an edge in front of it, with an empty folder."""
    async with open_origin() as origin, AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="soak-")))
        edge = KillableEdge(folder, origin.url, memory_bytes=MEMORY_BYTES, disk_bytes=DISK_BYTES)
        await asyncio.to_thread(edge.start)
        stack.push_async_callback(asyncio.to_thread, edge.stop)
        yield origin, edge


async def purge_and_kill(origin: Origin, edge: KillableEdge, number: int) -> bool:
    """Purge in one of all ways and kill at once; tell whether what was purged stays gone."""
    paths, kept = [f"/purge-{number}/{n}" for n in range(6)], f"/kept-{number}"
    fields = (("Surrogate-Key", f"round:{number}"),)
    for path in paths:
        origin.resources[path] = Resource(700_000, fields=fields)
    origin.resources[kept] = Resource(700_000)
    slow = f"/purge-{number}/slow"
    origin.resources[slow] = Resource(700_000, fields=fields, bytes_per_s=400_000)
    purge = (
        Purge(urls=(*paths, slow)),
        Purge(prefixes=(f"/purge-{number}/",)),
        Purge(tags=(f"round:{number}",)),
        Purge(is_all=True),
    )[number % 4]
    for _ in range(2):
        for path in (*paths, kept):
            await ask(edge.running.url, path)
    async with asyncio.TaskGroup() as group:
        group.create_task(ask(edge.running.url, slow))
        await asyncio.sleep(0.3)
        for path in (*paths, slow):
            origin.resources[path].version = 2
            origin.resources[path].bytes_per_s = None
        is_acknowledged = await edge.purge(purge)
        acknowledged_s = time.monotonic()
        os.killpg(edge.running.pid, signal.SIGKILL)
        late_ms = (time.monotonic() - acknowledged_s) * 1e3
    edge.kill()
    lost = edge.lose_index() if number % 2 else 0
    await asyncio.to_thread(edge.start)
    answers = [await ask(edge.running.url, path) for path in (*paths, slow)]
    right = [
        answer.is_whole and is_content(answer.body, path, 2)
        for answer, path in zip(answers, (*paths, slow), strict=True)
    ]
    print(
        f"purged by {_way_of(purge)}, killed {late_ms:.2f} ms later, "
        f"{lost} index files lost: {'ok' if all(right) else 'PURGED CONTENT IS SERVED'}"
    )
    is_vacuous = edge.has_disk and not purge.is_all and not await _is_kept(origin, edge, kept)
    return is_acknowledged and all(right) and not is_vacuous


async def _is_kept(origin: Origin, edge: KillableEdge, path: str) -> bool:
    """Whether what was not purged is still there: else the proof would prove nothing."""
    before = len(origin.requests_for(path))
    answer = await ask(edge.running.url, path)
    is_kept = answer.is_whole and len(origin.requests_for(path)) == before
    if not is_kept:
        print("  what was not purged is gone as well")
    return is_kept


def _way_of(purge: Purge) -> str:
    if purge.is_all:
        return "all"
    return "URL" if purge.urls else "prefix" if purge.prefixes else "tag"


async def purge_during_a_fill(origin: Origin, edge: KillableEdge) -> bool:
    """Purge while a fill is under way: who asks afterwards gets nothing of it, now or later."""
    path = "/purge-fill"
    origin.resources[path] = Resource(1_000_000, bytes_per_s=500_000)
    async with asyncio.TaskGroup() as group:
        before = group.create_task(ask(edge.running.url, path))
        await asyncio.sleep(0.5)
        origin.resources[path].version = 2
        is_acknowledged = await edge.purge(Purge(urls=(path,)))
        after = await ask(edge.running.url, path)
    later = await ask(edge.running.url, path)
    is_right = all(one.is_whole and is_content(one.body, path, 2) for one in (after, later))
    is_one = is_content(before.result().body, path, 1)
    print(f"purged during a fill: {'ok' if is_right and is_one else 'WRONG'}")
    return is_acknowledged and is_right and is_one


async def soak(
    origin: Origin,
    edge: KillableEdge,
    soak_s: float,
    choice: random.Random,
    *,
    kill_every_s: float = KILL_EVERY_S,
) -> int:
    """Let everything happen for a while; tell how much is wrong."""
    world = World(origin, choice, count=OBJECTS)
    tally, levels = Tally(), Levels()
    ends_s = time.monotonic() + soak_s
    peace_s = ends_s - soak_s * PEACE
    async with asyncio.TaskGroup() as group:
        for _ in range(LISTENERS):
            group.create_task(listen(world, edge, choice, tally, ends_s))
        group.create_task(let_things_happen(world, choice, ends_s))
        group.create_task(purge_now_and_then(world, edge, choice, tally, ends_s))
        group.create_task(kill_now_and_then(edge, kill_every_s, peace_s))
        group.create_task(watch(origin, edge, levels, begins_s=peace_s, ends_s=ends_s))
    await asyncio.sleep(2.0)
    for wrong in tally.wrong[:_WRONG_SHOWN]:
        print(f"  WRONG {wrong}")
    answers = ", ".join(f"{status}: {count}" for status, count in sorted(tally.answers.items()))
    print(
        f"{edge.starts} starts, {tally.away} times away, {tally.content_bytes >> 20} MiB checked; "
        f"answers {answers}"
    )
    return len(tally.wrong) + judge_levels(levels, edge.descriptors())


async def listen(
    world: World, edge: KillableEdge, choice: random.Random, tally: Tally, ends_s: float
) -> None:
    """Ask for one object after another."""
    while time.monotonic() < ends_s:
        starts, pid = edge.starts, edge.running.pid
        answer = await ask_and_check(edge.running.url, world.pick(), choice, tally)
        if answer.done_s >= DEADLINE_S and starts == edge.starts:
            tally.wrong.append(f"no end after {answer.done_s:.0f} s")
        await asyncio.sleep(choice.uniform(0, 0.05) if answer.status else _AWAY_S)
        is_dropped = answer.status == 0 and 0 < answer.done_s < DEADLINE_S
        if is_dropped and psutil.pid_exists(pid) and starts == edge.starts:
            tally.wrong.append(f"no answer, but the end of the connection after {answer.done_s} s")


async def let_things_happen(world: World, choice: random.Random, ends_s: float) -> None:
    """Change what the origin has, and how it behaves."""
    while time.monotonic() < ends_s:
        world.happen()
        await asyncio.sleep(choice.uniform(0, 0.3))


async def purge_now_and_then(
    world: World, edge: KillableEdge, choice: random.Random, tally: Tally, ends_s: float
) -> None:
    """Purge something; once that is acknowledged, older versions are wrong."""
    while time.monotonic() < ends_s:
        purge, reached = world.purge_of_something()
        versions = [one.resource.version for one in reached]
        try:
            if await edge.purge(purge):
                world.raise_floors(purge, reached, versions)
        except CacheFailedError as error:
            tally.wrong.append(str(error))
        await asyncio.sleep(choice.uniform(0, 1.5))


async def kill_now_and_then(edge: KillableEdge, every_s: float, ends_s: float) -> None:
    """Kill the edge and start it again, until the time of peace."""
    while time.monotonic() + every_s < ends_s:
        await asyncio.sleep(every_s)
        await asyncio.to_thread(edge.kill)
        await asyncio.to_thread(edge.start)


async def watch(
    origin: Origin, edge: KillableEdge, levels: Levels, *, begins_s: float, ends_s: float
) -> None:
    """Note what the process holds, and drop what the origin has noted."""
    while time.monotonic() < ends_s:
        await asyncio.sleep(1.0)
        origin.forget()
        resident_bytes = edge.resident_bytes()
        if time.monotonic() > begins_s and resident_bytes:
            levels.resident_bytes.append(resident_bytes)
            levels.descriptors.append(edge.descriptors())


def judge_levels(levels: Levels, descriptors_after: int) -> int:
    """Tell how many of the levels are wrong."""
    if not levels.resident_bytes:
        print("the time of peace was too short to see memory and descriptors")
        return 0
    third = max(1, len(levels.resident_bytes) // 3)
    first, last = levels.resident_bytes[:third], levels.resident_bytes[-third:]
    most = max(levels.resident_bytes)
    growth = statistics.median(last) / statistics.median(first)
    print(
        f"memory {most >> 20} MiB at most, {growth:.2f} times in the end; descriptors "
        f"{max(levels.descriptors)} at most, {descriptors_after} afterwards"
    )
    too_much = most > RESIDENT_MAX
    is_growing = growth > GROWTH_MAX and statistics.median(last) > MEMORY_BYTES + 128 * MIB
    return too_much + is_growing + (descriptors_after > DESCRIPTORS_KEPT_MAX)


if __name__ == "__main__":
    sys.exit(main())
