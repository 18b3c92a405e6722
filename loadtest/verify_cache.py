"""Proof: whatever happens, a listener gets right bytes of one version, or is told that he does not.

1. The soak: listeners ask in every way for objects of all kinds, which change, are purged, and come
   from an origin that misbehaves; the tiers are smaller than the working set; the edge is killed
   every 20 s and starts again on the same folder. Each byte is checked, nothing that was purged is
   served after the acknowledgement, and memory and descriptors stay level.
   The disk tier admits what is asked for again and everything in turns, from start to start.
2. The purge: killed within a millisecond of the acknowledgement, the index deleted, started again:
   what was purged is not served, nor what a fill brings that began before, in memory or on disk;
   what was not purged is served, and from the disk. All of that under one entity tag: nothing but
   the purge tells the old content from the new.
"""

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from loadtest.behaviours.content import is_content
from loadtest.behaviours.listener import ask
from loadtest.behaviours.origin import Origin, open_origin
from loadtest.behaviours.resource import Resource
from loadtest.peers.process import CacheFailedError
from loadtest.soak.checking import DEADLINE_S, Tally, ask_and_check
from loadtest.soak.edge import MIB, Admission, KillableEdge, Purge
from loadtest.soak.world import World

OBJECTS: Final = 60
LISTENERS: Final = 16
MEMORY_BYTES: Final = 16 * MIB
DISK_BYTES: Final = 32 * MIB
KILL_EVERY_S: Final = 20.0
# The last part runs without kills: only there can memory and descriptors be seen to stay level.
PEACE: Final = 0.3
PURGE_ROUNDS: Final = 16
# A kill that came later proves less: the round is repeated.
KILL_MS_MAX: Final = 1.0
_TRIES_MAX: Final = 5

# A process of Python with its libraries, beside its tiers.
RESIDENT_MAX: Final = MEMORY_BYTES + 192 * MIB
GROWTH_MAX: Final = 1.15
# Connections to the origin that are kept for the next request are no leak, nor are files of slices,
# as many as the disk has room for, and what a supervisor and its worker share.
DESCRIPTORS_KEPT_MAX: Final = 260

# A file is written before those go that make room for it, and one may be half written.
DISK_SLACK_BYTES: Final = MIB

_TELL_EVERY_S: Final = 20.0

# While the edge is away, asking goes on more slowly.
_AWAY_S: Final = 0.1


@dataclass(slots=True)
class Levels:
    """What the process holds and did.

    Attributes:
        resident_bytes: memory, sampled in the time of peace.
        descriptors: sampled likewise.
        disk_bytes: what the entries really took for longer than a moment, at most.
        disk_bytes_now: what was counted last; files come and go while they are counted.
        disk_hits: reads from the disk that brought what was asked for, of all starts.
        damaged: files that were not what was written; a killed process leaves none.
        kills: so many.
    """

    resident_bytes: list[int] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)
    disk_bytes: int = 0
    disk_bytes_now: int = 0
    disk_hits: Counter[int] = field(default_factory=Counter)
    damaged: Counter[int] = field(default_factory=Counter)
    kills: int = 0


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
        failures += not await lose_the_purges(origin, edge)
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
    for again in range(_TRIES_MAX):
        round_ = Round(origin, edge, number, f"{number}.{again}")
        await round_.store()
        late_ms = await round_.purge_and_kill()
        if number % 2:
            edge.lose_index()
        edge.admission = Admission.SECOND_REQUEST if number & 4 else Admission.ALL
        await asyncio.to_thread(edge.start)
        if not await round_.is_right(late_ms):
            return False
        if late_ms < KILL_MS_MAX:
            return True
    print(f"  no kill came within {KILL_MS_MAX:.0f} ms")
    return False


class Round:
    """One purge, with a kill at once.

    Args:
        origin: has what is purged.
        edge: that is killed.
        number: of the round; decides how it purges.
        name: of its own, for its paths.
    """

    def __init__(self, origin: Origin, edge: KillableEdge, number: int, name: str) -> None:
        self._origin = origin
        self._edge = edge
        self._kept = f"/kept-{name}"
        self._slow = f"/purge-{name}/slow"
        self._purged = [*(f"/purge-{name}/{n}" for n in range(6)), self._slow]
        self._purge = (
            Purge(urls=tuple(self._purged)),
            Purge(prefixes=(f"/purge-{name}/",)),
            Purge(tags=(f"round:{name}",)),
            Purge(is_all=True),
        )[number % 4]
        self._is_index_lost = bool(number % 2)
        self._is_acknowledged = False
        fields = (("Surrogate-Key", f"round:{name}"),)
        for path in self._purged:
            origin.resources[path] = Resource(700_000, etag_version=1, fields=fields)
        origin.resources[self._slow].bytes_per_s = 400_000
        origin.resources[self._kept] = Resource(700_000, etag_version=1)

    async def store(self) -> None:
        """Have all but the slow one in memory and on disk."""
        await self._edge.settle()
        for _ in range(2):
            for path in (*self._purged[:-1], self._kept):
                await ask(self._edge.running.url, path)
        await self._edge.settle()
        await asyncio.to_thread(self._edge.wait_for_index)

    async def purge_and_kill(self) -> float:
        """Do it while the slow one is fetched; tell how many ms were between the two."""
        async with asyncio.TaskGroup() as group:
            group.create_task(ask(self._edge.running.url, self._slow))
            await asyncio.sleep(0.8)  # A slice of it is complete by now.
            for path in self._purged:
                self._origin.resources[path].version = 2
                self._origin.resources[path].bytes_per_s = None
            self._is_acknowledged, late_s = await asyncio.to_thread(
                self._edge.purge_and_kill, self._purge
            )
        return late_s * 1e3

    async def is_right(self, late_ms: float) -> bool:
        """Whether what was purged is gone, and only that."""
        is_kept = await _is_kept(self._origin, self._edge, self._kept)
        answers = [await ask(self._edge.running.url, path) for path in self._purged]
        is_gone = all(
            answer.is_whole and is_content(answer.body, path, 2)
            for answer, path in zip(answers, self._purged, strict=True)
        )
        faults = [
            text
            for is_so, text in (
                (not self._is_acknowledged, "NOT ACKNOWLEDGED"),
                (not is_gone, "PURGED CONTENT IS SERVED"),
                (is_kept is self._purge.is_all, "WHAT WAS NOT PURGED IS GONE, OR THE REVERSE"),
            )
            if is_so
        ]
        print(
            f"purged by {_way_of(self._purge)}, killed {late_ms:.2f} ms later, "
            f"index {'lost' if self._is_index_lost else 'kept'}: {', '.join(faults) or 'ok'}"
        )
        return not faults


async def _is_kept(origin: Origin, edge: KillableEdge, path: str) -> bool:
    """Whether it comes, rightly, without the origin: else a proof would prove nothing."""
    before = len(origin.requests_for(path))
    answer = await ask(edge.running.url, path)
    is_right = answer.is_whole and is_content(answer.body, path, 1)
    return is_right and len(origin.requests_for(path)) == before


def _way_of(purge: Purge) -> str:
    if purge.is_all:
        return "all"
    return "URL" if purge.urls else "prefix" if purge.prefixes else "tag"


async def purge_during_a_fill(origin: Origin, edge: KillableEdge) -> bool:
    """Purge while a fill is under way: who asks afterwards gets nothing of it, now or later."""
    edge.kill()
    edge.admission = Admission.ALL
    await asyncio.to_thread(edge.start)
    await edge.settle()
    path = "/purge-fill"
    origin.resources[path] = Resource(1_000_000, etag_version=1, bytes_per_s=500_000)
    async with asyncio.TaskGroup() as group:
        before = group.create_task(ask(edge.running.url, path))
        await asyncio.sleep(1.0)
        origin.resources[path].version = 2
        is_acknowledged = await edge.purge(Purge(urls=(path,)))
        after = await ask(edge.running.url, path)
    asked = len(origin.requests_for(path))
    later = await ask(edge.running.url, path)
    await edge.settle()
    edge.kill()
    await asyncio.to_thread(edge.start)
    restarted = await ask(edge.running.url, path)
    is_stored = len(origin.requests_for(path)) == asked
    answers = (after, later, restarted)
    is_right = all(one.is_whole and is_content(one.body, path, 2) for one in answers)
    is_one = is_content(before.result().body, path, 1) and before.result().is_whole
    is_sound = is_acknowledged and is_right and is_one and is_stored
    print(
        f"purged during a fill: {'ok' if is_sound else 'WRONG'} (acknowledged {is_acknowledged}, "
        f"one version {is_one}, new content afterwards {is_right}, stored {is_stored})"
    )
    return is_sound


async def lose_the_purges(origin: Origin, edge: KillableEdge) -> bool:
    """Without the log nobody knows what was purged: nothing of before is served."""
    path = "/purge-lost"
    origin.resources[path] = Resource(700_000, etag_version=1)
    await edge.settle()
    await ask(edge.running.url, path)
    await edge.settle()
    origin.resources[path].version = 2
    is_acknowledged, _ = await asyncio.to_thread(edge.purge_and_kill, Purge(urls=(path,)))
    edge.lose_purge_log()
    await asyncio.to_thread(edge.start)
    answer = await ask(edge.running.url, path)
    is_right = answer.is_whole and is_content(answer.body, path, 2)
    print(f"the purge log lost: {'ok' if is_right else 'PURGED CONTENT IS SERVED'}")
    return is_acknowledged and is_right


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
        group.create_task(kill_now_and_then(edge, levels, kill_every_s, peace_s))
        group.create_task(watch(origin, edge, tally, levels, begins_s=peace_s, ends_s=ends_s))
    await asyncio.sleep(2.0)
    answers = ", ".join(f"{status}: {count}" for status, count in sorted(tally.answers.items()))
    print(
        f"{sum(tally.answers.values())} requests, {levels.kills} kills, {tally.away} times away, "
        f"{tally.content_bytes >> 20} MiB checked; answers {answers}"
    )
    return len(tally.wrong) + judge_levels(levels, edge.descriptors())


async def listen(
    world: World, edge: KillableEdge, choice: random.Random, tally: Tally, ends_s: float
) -> None:
    """Ask for one object after another."""
    while time.monotonic() < ends_s:
        starts, was_up = edge.starts, edge.is_up
        answer = await ask_and_check(edge.running.url, world.pick(), choice, tally)
        if answer.done_s >= DEADLINE_S and starts == edge.starts:
            tally.note_wrong(f"no end after {answer.done_s:.0f} s")
        is_dropped = answer.status == 0 and 0 < answer.done_s < DEADLINE_S
        await asyncio.sleep(choice.uniform(0, 0.05) if answer.status else _AWAY_S)
        # It was up all the time: a kill that began in this moment has been noted by now.
        if is_dropped and was_up and edge.is_up and starts == edge.starts:
            tally.note_wrong(f"no answer, but the end of the connection after {answer.done_s} s")


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
            tally.note_wrong(str(error))
        await asyncio.sleep(choice.uniform(0, 1.5))


async def kill_now_and_then(
    edge: KillableEdge, levels: Levels, every_s: float, ends_s: float
) -> None:
    """Kill the edge and start it again, until the time of peace."""
    while time.monotonic() + every_s < ends_s:
        await asyncio.sleep(every_s)
        await asyncio.to_thread(edge.kill)
        levels.kills += 1
        edge.admission = list(Admission)[levels.kills % len(Admission)]
        await asyncio.to_thread(edge.start)


async def watch(
    origin: Origin,
    edge: KillableEdge,
    tally: Tally,
    levels: Levels,
    *,
    begins_s: float,
    ends_s: float,
) -> None:
    """Note what the process holds, tell of it now and then; drop what the origin has noted."""
    begun_s = told_s = time.monotonic()
    while time.monotonic() < ends_s:
        await asyncio.sleep(1.0)
        origin.forget()
        await _note_disk(edge, levels)
        resident_bytes, descriptors = edge.resident_bytes(), edge.descriptors()
        if time.monotonic() > begins_s and resident_bytes:
            levels.resident_bytes.append(resident_bytes)
            levels.descriptors.append(descriptors)
        if time.monotonic() > told_s + _TELL_EVERY_S:
            told_s = time.monotonic()
            print(
                f"{told_s - begun_s:5.0f} s: {sum(tally.answers.values())} answers, "
                f"{tally.content_bytes >> 20} MiB, {levels.kills} kills, {len(tally.wrong)} wrong; "
                f"{resident_bytes >> 20} MiB resident, {descriptors} descriptors, "
                f"{levels.disk_hits.total()} disk hits",
                flush=True,
            )


async def _note_disk(edge: KillableEdge, levels: Levels) -> None:
    starts, metrics = edge.starts, await edge.metrics()
    before, levels.disk_bytes_now = (
        levels.disk_bytes_now,
        await asyncio.to_thread(edge.disk_bytes),
    )
    levels.disk_bytes = max(levels.disk_bytes, min(before, levels.disk_bytes_now))
    for result, counts in (("hit", levels.disk_hits), ("damaged", levels.damaged)):
        count = metrics.get(f'edge_disk_reads_total{{result="{result}"}}', 0.0)
        counts[starts] = max(counts[starts], round(count))


def judge_levels(levels: Levels, descriptors_after: int) -> int:
    """Tell how many of the levels are wrong."""
    print(
        f"disk: {levels.disk_hits.total()} hits, {levels.damaged.total()} damaged, "
        f"{levels.disk_bytes >> 20} MiB at most"
    )
    failures = (
        (not levels.disk_hits.total())
        + (levels.damaged.total() > 0)
        + (levels.disk_bytes > DISK_BYTES + DISK_SLACK_BYTES)
    )
    if not levels.resident_bytes:
        print("the time of peace was too short to see memory and descriptors")
        return failures
    third = max(1, len(levels.resident_bytes) // 3)
    first, last = levels.resident_bytes[:third], levels.resident_bytes[-third:]
    most = max(levels.resident_bytes)
    growth = statistics.median(last) / statistics.median(first)
    print(
        f"memory {most >> 20} MiB at most, {growth:.2f} times in the end; descriptors "
        f"{max(levels.descriptors)} at most, {descriptors_after} afterwards"
    )
    is_growing = growth > GROWTH_MAX and statistics.median(last) > MEMORY_BYTES + 128 * MIB
    failures += (most > RESIDENT_MAX) + is_growing
    return failures + (descriptors_after > DESCRIPTORS_KEPT_MAX)


if __name__ == "__main__":
    sys.exit(main())
