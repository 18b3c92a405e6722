"""Asking an owner that is slow, silent, gone, or not what it should be."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.peers.tests.company import PEERS, rank_of_workers
from edge.peers.tests.scripted_member import ScriptedMember, open_scripted_member
from edge.slot import Slot
from edge.tests.conftest import ManualClock, Node, open_worker
from edge.tests.scripted_origin import Resource, ScriptedOrigin

pytestmark = pytest.mark.socket

TARGETS = [key for key in (f"/a{number}" for number in range(20)) if rank_of_workers(2, key)[0]]


@contextlib.asynccontextmanager
async def open_pair(
    origin: ScriptedOrigin, run_dir: Path, **peers: object
) -> AsyncIterator[tuple[Node, ScriptedMember]]:
    """A worker, and beside it a member by script that owns `TARGETS`."""
    slot = Slot(0, 2, run_dir)
    for target in TARGETS:
        origin.resources[target] = Resource(b"of the origin")
    async with (
        open_scripted_member(slot.peer_path(1)) as member,
        open_worker(origin, slot, ManualClock(), {"peers": {**PEERS, **peers}}) as node,
    ):
        yield node, member


async def test_the_owner_is_asked_and_not_the_origin(origin: ScriptedOrigin, run_dir: Path):
    async with open_pair(origin, run_dir) as (node, member):
        answer = await node.ask(TARGETS[0])
        assert answer.content == b"of the owner"
        assert "detail=peer-hit" in answer.cache_status
        assert ("GET", TARGETS[0]) in member.seen
        assert not origin.seen


async def test_whoever_waits_for_an_owner_that_falls_silent_goes_elsewhere_in_time(
    origin: ScriptedOrigin, run_dir: Path
):
    async with open_pair(origin, run_dir, deadline_s=0.3) as (node, member):
        await node.ask(TARGETS[0])
        member.is_silent = True
        async with asyncio.timeout(20):
            answers = await asyncio.gather(*(node.ask(target) for target in TARGETS[1:4]))
        assert all(answer.content == b"of the origin" for answer in answers)
        assert node.service.counts.peers_up == {"worker-1": False}
        member.seen.clear()
        await node.ask(TARGETS[5])
        assert ("GET", TARGETS[5]) not in member.seen  # Nobody waits for it any more.


async def test_a_member_that_is_back_is_asked_again(origin: ScriptedOrigin, run_dir: Path):
    async with open_pair(origin, run_dir, deadline_s=1.0) as (node, member):
        member.is_silent = True
        await node.ask(TARGETS[0])
        member.is_silent = False
        async with asyncio.timeout(20):
            while not node.service.counts.peers_up["worker-1"]:  # noqa: ASYNC110 - nobody is told
                await asyncio.sleep(0.01)
        assert (await node.ask(TARGETS[1])).content == b"of the owner"


@pytest.mark.parametrize(
    "met",
    [
        pytest.param("", id="is no member"),
        pytest.param("not_ready; error", id="does not serve yet"),
        pytest.param("internal; error", id="has a fault of its own"),
    ],
)
async def test_an_owner_without_an_answer_is_passed_over(
    met: str, origin: ScriptedOrigin, run_dir: Path
):
    async with open_pair(origin, run_dir) as (node, member):
        member.met, member.status = met, 503
        assert (await node.ask(TARGETS[0])).content == b"of the origin"
        assert node.service.counts.peer_asked["worker", "lost"] == 1


async def test_what_the_owner_was_told_in_vain_is_not_asked_again(
    origin: ScriptedOrigin, run_dir: Path
):
    async with open_pair(origin, run_dir) as (node, member):
        member.met, member.status = "upstream_timeout; error", 504
        assert (await node.ask(TARGETS[0])).status == 504
        assert not origin.seen


async def test_whole_seconds_of_age_are_completed_by_the_rest_of_it(
    origin: ScriptedOrigin, run_dir: Path
):
    async with open_pair(origin, run_dir) as (node, member):
        member.met = "hit; age=0.750"
        await node.ask(TARGETS[0])
        (found,) = node.service.store.offered(TARGETS[0])
        assert found.age_s(now_s=node.clock.now_s) == pytest.approx(0.75)
