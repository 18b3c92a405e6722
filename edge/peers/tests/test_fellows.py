"""Every process of a node hears of a purge: those that drain, and those that begin."""

import asyncio
import contextlib
from pathlib import Path

import pytest

from edge.peers.tests.company import PEERS, open_workers
from edge.peers.tests.test_spreading import purge
from edge.slot import Slot
from edge.tests.conftest import ManualClock, open_worker
from edge.tests.scripted_origin import Resource, ScriptedOrigin

pytestmark = pytest.mark.socket


async def test_a_worker_whose_slot_another_has_taken_is_told(origin: ScriptedOrigin, run_dir: Path):
    origin.resources["/x"] = Resource(b"old")
    async with open_workers(origin, run_dir) as (first, second):
        for node in (first, second):
            assert (await node.ask("/x")).content == b"old"
        taking = open_worker(origin, Slot(1, 2, run_dir), ManualClock(), {"peers": PEERS})
        async with taking as successor:
            assert (await successor.ask("/x")).content == b"old"
            origin.resources["/x"] = Resource(b"new", etag='"v1"')
            assert (await purge(first, urls=["/x"]))[0] == 200
            for node in (first, second, successor):
                assert (await node.ask("/x")).content == b"new"


async def test_a_slot_without_a_worker_is_waited_for(origin: ScriptedOrigin, run_dir: Path):
    origin.resources["/x"] = Resource(b"old")
    first = open_worker(origin, Slot(0, 2, run_dir), ManualClock(), {"peers": PEERS})
    async with contextlib.AsyncExitStack() as stack:
        node = await stack.enter_async_context(first)
        purging = asyncio.gather(purge(node, urls=["/x"]))
        await asyncio.sleep(0.3)
        assert not purging.done()
        second = open_worker(origin, Slot(1, 2, run_dir), ManualClock(), {"peers": PEERS})
        await stack.enter_async_context(second)
        ((status, _),) = await purging
        assert status == 200


async def test_a_slot_that_stays_empty_is_named(origin: ScriptedOrigin, run_dir: Path):
    peers = {**PEERS, "purge_s": 0.3}
    async with open_worker(origin, Slot(0, 2, run_dir), ManualClock(), {"peers": peers}) as node:
        status, answer = await purge(node, urls=["/x"])
    assert (status, answer["failed"]) == (502, {"worker-1": "no worker is there"})


async def test_sockets_of_processes_that_are_gone_are_taken_away(
    origin: ScriptedOrigin, run_dir: Path
):
    gone = run_dir / f"w0-{2**22 - 1}-00"  # Above what the kernel numbers.
    gone.touch()
    async with open_workers(origin, run_dir) as (first, _):
        assert (await purge(first, urls=["/x"]))[0] == 200
    assert not gone.exists()
