"""Several edges that are one cache: workers of one node, and nodes of a PoP."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from config.tests.free_ports import free_ports
from edge.peers.members import slot_name
from edge.peers.mesh import ALONE
from edge.peers.ownership import Candidate, ranked
from edge.slot import Slot
from edge.tests.conftest import ManualClock, Node, open_worker
from edge.tests.scripted_origin import ScriptedOrigin

# Patient, since the machine may be busy.
PEERS = {"probe_s": 0.05, "deadline_s": 3.0, "purge_s": 5.0}


def rank_of_workers(count: int, key: str, span: int = 0) -> list[int]:
    """Numbers of the workers in the order in which they own a span."""
    names = [slot_name(number) for number in range(count)]
    return [names.index(name) for name in ranked(map(Candidate, names), key, span)]


@contextlib.asynccontextmanager
async def open_workers(
    origin: ScriptedOrigin,
    run_dir: Path,
    count: int = 2,
    *,
    peers: dict[str, object] | None = None,
    **changes: object,
) -> AsyncIterator[list[Node]]:
    """The workers of one node; all of them know of each other."""
    clock = ManualClock()
    async with contextlib.AsyncExitStack() as stack:
        workers = []
        for number in range(count):
            node = open_worker(
                origin,
                Slot(number, count, run_dir),
                clock,
                {**changes, "peers": {**PEERS, **(peers or {})}},
            )
            workers.append(await stack.enter_async_context(node))
        await all_are_up(workers, count - 1)
        yield workers


def ports_of(*names: str) -> dict[str, int]:
    """Ports that nodes of these names may listen on."""
    return dict(zip(names, free_ports(len(names)), strict=True))


def peers_of(ports: dict[str, int], own: str, **more: object) -> dict[str, object]:
    nodes = [{"name": name, "url": f"http://127.0.0.1:{port}"} for name, port in ports.items()]
    listen = f"127.0.0.1:{ports[own]}"
    return {**PEERS, "node": own, "nodes": nodes, "listen": listen, **more}


@contextlib.asynccontextmanager
async def open_pop(
    origin: ScriptedOrigin, names: Sequence[str] = ("a", "b"), **changes: object
) -> AsyncIterator[dict[str, Node]]:
    """Nodes of one worker each; all of them know of each other."""
    ports = ports_of(*names)
    clock = ManualClock()
    async with contextlib.AsyncExitStack() as stack:
        nodes = {}
        for name in names:
            node = open_worker(origin, ALONE, clock, {**changes, "peers": peers_of(ports, name)})
            nodes[name] = await stack.enter_async_context(node)
        await all_are_up(list(nodes.values()), len(names) - 1)
        yield nodes


async def all_are_up(nodes: Sequence[Node], others: int) -> None:
    """Wait until each sees so many others, and all of them up."""
    async with asyncio.timeout(10):
        while not all(  # noqa: ASYNC110 - nobody is told
            len(node.service.counts.peers_up) >= others
            and all(node.service.counts.peers_up.values())
            for node in nodes
        ):
            await asyncio.sleep(0.01)
