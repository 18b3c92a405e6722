"""Runs behaviours on a cache, one after another."""

import asyncio
import contextlib
import functools
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Final

from loadtest.behaviours.cases import BEHAVIOURS
from loadtest.behaviours.hostile_listener import HOSTILITIES, MEMORY_BYTES
from loadtest.behaviours.hostile_origin import SCENARIOS, judge_scenario
from loadtest.behaviours.origin import open_origin
from loadtest.behaviours.stage import Finding, Stage
from loadtest.peers import attacca
from loadtest.peers.process import Peer, RunningCache, Start

# What waits by polling or for the whole is late each time; a busy machine is not.
AGAIN_MAX: Final = 2
# Caches in front of sick origins do little but wait.
SIDE_BY_SIDE: Final = 4


@contextlib.asynccontextmanager
async def open_stage(start: Start, *, patience: float = 1.0) -> AsyncIterator[Stage]:
    """An origin with a fresh cache in front of it.

    Raises:
        CacheFailedError: the cache did not start.
    """
    async with open_origin() as origin, contextlib.AsyncExitStack() as stack:
        cache = await asyncio.to_thread(_Holder(start, origin.url).start)
        stack.push_async_callback(asyncio.to_thread, cache.stop)
        yield Stage(origin, cache.running, patience)


class _Holder:
    """Starts and stops a cache from a thread: neither is quick, and the origin has to answer."""

    def __init__(self, start: Start, origin_url: str) -> None:
        self._start = start
        self._origin_url = origin_url
        self._stack = contextlib.ExitStack()
        self.running = RunningCache("", 0)

    def start(self) -> "_Holder":
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="peer-")))
            self.running = stack.enter_context(self._start(folder, self._origin_url))
            self._stack = stack.pop_all()
        return self

    def stop(self) -> None:
        self._stack.close()


async def judge_at_once(peer: Peer, *, patience: float) -> dict[str, Finding]:
    """Judge a cache by all behaviours in little time: those with a sick origin side by side."""
    findings: list[Finding] = []
    places = asyncio.Semaphore(SIDE_BY_SIDE)
    well, *sick = groups_of(list(BEHAVIOURS))

    async def judge_group(ids: list[str]) -> None:
        async with places:
            findings.extend([one async for one in judge_all(peer, ids, patience=patience)])

    async with asyncio.TaskGroup() as group:
        for ids in sick:
            group.create_task(judge_group(ids))
    await judge_group(well)  # They count milliseconds: nothing runs beside them.
    return {found.case: found for found in findings}


async def judge_all(peer: Peer, ids: Iterable[str], *, patience: float) -> AsyncIterator[Finding]:
    """Judge a cache by each of `ids`; those with a sick origin get a fresh one."""
    wanted = list(ids)
    for group in groups_of(wanted):
        async with open_stage(peer.start, patience=patience) as stage:
            for case in group:
                yield await judge(stage, case)


def groups_of(ids: Iterable[str]) -> Iterator[list[str]]:
    """Cases that may share a cache."""
    well = [case for case in ids if not BEHAVIOURS[case].is_sick]
    if well:
        yield well
    for case in ids:
        if BEHAVIOURS[case].is_sick:
            yield [case]


async def judge(stage: Stage, case: str) -> Finding:
    """Judge one behaviour; again if only the time was wrong, which may have been the machine."""
    found = await _judge_once(stage, case)
    for _ in range(AGAIN_MAX):
        if not found.failures or found.failures != found.late or BEHAVIOURS[case].is_sick:
            break
        found = await _judge_once(stage, case)
    return found


async def _judge_once(stage: Stage, case: str) -> Finding:
    try:
        async with asyncio.timeout(60):
            return await BEHAVIOURS[case].case(stage)
    except TimeoutError:
        return Finding(case, cell="stuck", failures=["no end after 60 s"])


async def judge_hostility(*, patience: float) -> dict[str, Finding]:
    """Judge our edge by what hostile origins and listeners do to it."""
    findings: dict[str, Finding] = {}
    small = {"ATTACCA_EDGE__CACHE__MEMORY_BYTES": str(MEMORY_BYTES)}

    async def judge_origins() -> None:
        async with open_stage(attacca.plain, patience=patience) as stage:
            for name in SCENARIOS:
                findings[name] = await judge_scenario(stage, name)

    async def judge_listeners() -> None:
        start = functools.partial(attacca.running_edge, variables=small)
        for name, judge_listener in HOSTILITIES.items():
            async with open_stage(start, patience=patience) as stage:
                findings[name] = await judge_listener(stage)

    async with asyncio.TaskGroup() as group:
        group.create_task(judge_origins())
        group.create_task(judge_listeners())
    return findings
