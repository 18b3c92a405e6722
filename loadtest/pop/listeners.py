"""Listeners of a PoP: they ask any of its nodes, check each byte, and note how long it took."""

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

from loadtest.behaviours.content import is_content
from loadtest.behaviours.listener import ask
from loadtest.behaviours.resource import Resource
from loadtest.pop.node import PopNode

SLICE_BYTES: Final = 256 << 10
# Far above what stepping over a dead owner may take: who waits longer is lost.
_LOST_S: Final = 8.0
_WRONG_SHOWN: Final = 10


@dataclass(slots=True)
class World:
    """What there is, and which of its versions may still be served by which node.

    Attributes:
        resources: by path, at the origin.
        oldest: by path and node; 1 where nothing is noted.
    """

    resources: dict[str, Resource]
    oldest: dict[tuple[str, str], int] = field(default_factory=dict)

    def note_purged(self, paths: list[str], nodes: list[str]) -> None:
        """From now on these nodes serve the current versions of these alone."""
        for path in paths:
            for node in nodes:
                self.oldest[path, node] = self.resources[path].version

    def slices(self) -> list[tuple[str, int]]:
        """All slices of all there is."""
        return [
            (path, number)
            for path, resource in sorted(self.resources.items())
            for number in range(-(-resource.length // SLICE_BYTES))
        ]


@dataclass(frozen=True, slots=True)
class Heard:
    """One answer."""

    asked_s: float
    node: str
    status: int
    took_s: float


@dataclass(slots=True)
class Tally:
    """What all listeners have heard.

    Attributes:
        heard: all answers.
        content_bytes: that were checked.
        wrong: what was wrong, in words.
        is_quiet: nothing is told as it comes.
    """

    heard: list[Heard] = field(default_factory=list)
    content_bytes: int = 0
    wrong: list[str] = field(default_factory=list)
    is_quiet: bool = False

    def since(self, when_s: float, nodes: str) -> list[Heard]:
        """What was asked of these nodes since a moment."""
        return [one for one in self.heard if one.asked_s >= when_s and one.node in nodes]

    def note_wrong(self, text: str) -> None:
        """Note what must not be."""
        self.wrong.append(text)
        if len(self.wrong) <= _WRONG_SHOWN and not self.is_quiet:
            print(f"  WRONG: {text}", flush=True)


def lost(heard: list[Heard]) -> int:
    """How many got no answer, or an error."""
    return sum(one.status != 206 for one in heard)


def slowest_ms(heard: list[Heard]) -> int:
    """How long the slowest answer took."""
    return round(1e3 * max((one.took_s for one in heard), default=0.0))


async def ask_for_slice(node: PopNode, world: World, path: str, number: int, tally: Tally) -> None:
    """Ask a node for a slice, and check what comes."""
    resource = world.resources[path]
    start = number * SLICE_BYTES
    stop = min(start + SLICE_BYTES, resource.length)
    oldest = world.oldest.get((path, node.name), 1)
    asked_s = time.monotonic()
    fields = {"Range": f"bytes={start}-{stop - 1}"}
    answer = await ask(node.url, path, fields, deadline_s=_LOST_S)
    tally.heard.append(Heard(asked_s, node.name, answer.status, time.monotonic() - asked_s))
    tally.content_bytes += len(answer.body)
    if answer.status != 206:
        print(f"  {node.name}: {path} {fields} {answer.status} {answer.body[:200]!r}", flush=True)
        return
    if not answer.is_whole or len(answer.body) != stop - start:
        tally.heard[-1] = Heard(asked_s, node.name, 0, time.monotonic() - asked_s)
    # It may change while it is on its way.
    versions = range(oldest, world.resources[path].version + 1)
    if not any(is_content(answer.body, path, one, start=start) for one in versions):
        tally.note_wrong(
            f"{node.name}: {path} from {start} is none of versions {oldest} to {versions[-1]}; "
            f"{answer.fields.get('cache-status')}"
        )


async def ask_for_everything(nodes: list[PopNode], world: World, tally: Tally) -> None:
    """Every node is asked for every slice, all of them at once, some twice in different workers."""
    wanted = [(node, *one) for one in world.slices() for node in nodes]
    random.Random(5).shuffle(wanted)
    queue = iter(wanted)

    async def listen() -> None:
        for node, path, number in queue:
            await ask_for_slice(node, world, path, number, tally)

    async with asyncio.TaskGroup() as group:
        for _ in range(12):
            group.create_task(listen())


@contextlib.asynccontextmanager
async def listening(
    nodes: list[PopNode], world: World, tally: Tally, *, pause_s: float = 0.01
) -> AsyncIterator[None]:
    """Listeners who go on until the block is left; `nodes` may change meanwhile."""
    choice = random.Random(9)
    slices = world.slices()
    is_over = asyncio.Event()

    async def listen() -> None:
        while not is_over.is_set():
            path, number = choice.choice(slices)
            await ask_for_slice(choice.choice(nodes), world, path, number, tally)
            await asyncio.sleep(pause_s)

    async with asyncio.TaskGroup() as group:
        for _ in range(8):
            group.create_task(listen())
        yield
        is_over.set()


def statuses(heard: list[Heard]) -> dict[int, int]:
    """How often each status came."""
    return dict(sorted(Counter(one.status for one in heard).items()))
