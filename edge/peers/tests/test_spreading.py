"""Purges are in effect on every worker of every node, and stay so."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web

from edge.peers.mesh import ALONE
from edge.peers.ownership import Candidate, ranked
from edge.peers.tests.company import (
    PEERS,
    all_are_up,
    open_pop,
    open_workers,
    peers_of,
    ports_of,
    rank_of_workers,
)
from edge.peers.tests.scripted_member import ScriptedMember, open_scripted_member
from edge.slot import Slot
from edge.tests.conftest import OPERATOR, ManualClock, Node, open_worker
from edge.tests.scripted_origin import Resource, ScriptedOrigin

pytestmark = pytest.mark.socket


def owner_of(key: str) -> str:
    return ranked([Candidate("a"), Candidate("b")], key)[0]


async def purge(node: Node, **document: object) -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {OPERATOR.reveal()}"}
    url = f"{node.service.admin_url}/admin/purge"
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(url, data=orjson.dumps(document)) as response,
    ):
        return response.status, await response.json(content_type=None)


async def on_disk(node: Node, target: str) -> None:
    """Ask a node for what it writes to its disk."""
    disk = node.service.tiers.disk
    assert disk is not None
    async with asyncio.timeout(20):
        while not disk.is_listed:  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0.01)
        assert (await node.ask(target)).status == 200
        while disk.queued_bytes or not node.service.store.offered(target)[0].is_on_disk:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    "document",
    [{"urls": ["/x"]}, {"prefixes": ["/"]}, {"tags": ["k"]}, {"all": True}],
    ids=["url", "prefix", "tag", "all"],
)
async def test_a_purge_is_in_effect_on_all_nodes_when_it_is_answered(
    document: dict[str, object], origin: ScriptedOrigin
):
    origin.resources["/x"] = Resource(b"old", fields={"Surrogate-Key": "k"})
    async with open_pop(origin, ("a", "b", "c")) as nodes:
        for node in nodes.values():
            assert (await node.ask("/x")).content == b"old"
        origin.resources["/x"] = Resource(b"new", etag='"v1"')
        status, answer = await purge(nodes["b"], **document)
        assert (status, answer["members"]) == (200, ["a", "c"])
        for node in nodes.values():
            assert (await node.ask("/x")).content == b"new"
    assert len(origin.seen) == 2


async def test_as_much_as_an_operator_may_purge_at_once_reaches_all_nodes(origin: ScriptedOrigin):
    origin.resources["/x"] = Resource(b"old")
    urls = ["/x", *(f"/{number:0>1040}" for number in range(999))]
    urls[-1] += "x" * ((1 << 20) - len(orjson.dumps({"urls": urls})))
    assert len(orjson.dumps({"urls": urls})) == 1 << 20
    async with open_pop(origin) as nodes:
        assert (await nodes["b"].ask("/x")).content == b"old"
        origin.resources["/x"] = Resource(b"new", etag='"v2"')
        status, told = await purge(nodes["a"], urls=urls)
        assert (status, told["applied"]) == (200, 1000)
        assert (await nodes["b"].ask("/x")).content == b"new"


async def test_a_soft_purge_has_everybody_ask_again(origin: ScriptedOrigin):
    origin.resources["/x"] = Resource(b"same")
    async with open_pop(origin) as nodes:
        for node in nodes.values():
            await node.ask("/x")
        await purge(nodes["a"], urls=["/x"], soft=True)
        for node in nodes.values():
            assert (await node.ask("/x")).content == b"same"
    assert [one.headers.get("If-None-Match") for one in origin.seen] == [None, '"v1"']


async def test_a_purge_reaches_all_workers(origin: ScriptedOrigin, run_dir: Path):
    origin.resources["/x"] = Resource(b"old")
    async with open_workers(origin, run_dir, 3) as workers:
        for worker in workers:
            await worker.ask("/x")
        origin.resources["/x"] = Resource(b"new", etag='"v1"')
        status, answer = await purge(workers[1], urls=["/x"])
        assert (status, answer["members"]) == (200, ["worker-0", "worker-2"])
        for worker in workers:
            assert (await worker.ask("/x")).content == b"new"


async def test_what_was_fetched_from_an_owner_that_had_not_purged_yet_does_not_stay(
    origin: ScriptedOrigin, run_dir: Path
):
    slot = Slot(0, 2, run_dir)
    target = next(key for key in (f"/a{n}" for n in range(20)) if rank_of_workers(2, key)[0] == 1)
    async with (
        open_scripted_member(slot.peer_path(1)) as owner,
        open_worker(origin, slot, ManualClock(), {"peers": PEERS}) as node,
    ):
        owner.content = b"old"
        rounds: list[bytes] = []

        async def before_it_has_purged() -> None:
            if not rounds:  # This worker has purged already.
                assert (await node.ask(target)).content == b"old"
                owner.content = b"new"
            rounds.append(owner.content)

        owner.on_purge = before_it_has_purged
        assert (await purge(node, urls=[target]))[0] == 200
        assert rounds == [b"new", b"new"]
        assert (await node.ask(target)).content == b"new"


async def test_who_cannot_be_told_is_named_and_told_when_it_is_back(
    origin: ScriptedOrigin, run_dir: Path
):
    target = next(key for key in map("/x{}".format, range(20)) if owner_of(key) == "b")
    origin.resources[target] = Resource(b"old")
    ports = ports_of("a", "b")
    clock = ManualClock()
    disk = {"folders": [{"path": str(run_dir / "b"), "bytes_max": 8 << 20}], "admission": "all"}
    of_b: dict[str, object] = {"peers": peers_of(ports, "b"), "cache": {"disk": disk}}
    of_a: dict[str, object] = {"peers": peers_of(ports, "a", purge_folder=run_dir / "missed")}
    async with open_worker(origin, ALONE, clock, of_a) as a:
        async with open_worker(origin, ALONE, clock, of_b) as b:
            await all_are_up([a, b], 1)
            assert (await a.ask(target)).content == b"old"
            await on_disk(b, target)
        origin.resources[target] = Resource(b"new", etag='"v1"')
        status, answer = await purge(a, urls=[target])
        assert status == 502
        assert answer["type"] == "urn:attacca:problem:purge-incomplete"
        assert list(answer["failed"]) == ["b"]
        async with open_worker(origin, ALONE, clock, of_b) as b:
            assert (await b.ask(target)).content == b"new"  # It has asked what it had missed.
            async with asyncio.timeout(20):
                path = run_dir / "missed" / "missed-purges-0"
                while target.encode() in await asyncio.to_thread(path.read_bytes):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)


async def test_a_node_that_starts_while_another_is_away_validates_what_it_has(
    origin: ScriptedOrigin, run_dir: Path
):
    origin.resources["/x"] = Resource(b"same")
    ports = ports_of("a", "b")
    disk = {"folders": [{"path": str(run_dir / "b"), "bytes_max": 8 << 20}], "admission": "all"}
    of_b: dict[str, object] = {"peers": peers_of(ports, "b"), "cache": {"disk": disk}}
    for _ in range(2):
        async with open_worker(origin, ALONE, ManualClock(), of_b) as b:
            await on_disk(b, "/x")
    assert [one.headers.get("If-None-Match") for one in origin.seen] == [None, '"v1"']


async def test_a_purge_that_a_crash_cut_short_is_told_again(origin: ScriptedOrigin, run_dir: Path):
    origin.resources["/x"] = Resource(b"old")
    ports = ports_of("a", "b")
    of_a: dict[str, object] = {"peers": peers_of(ports, "a", purge_folder=run_dir / "missed")}
    of_b: dict[str, object] = {"peers": peers_of(ports, "b")}
    async with open_worker(origin, ALONE, ManualClock(), of_a) as a:
        assert (await purge(a, urls=["/x"]))[0] == 502
    async with contextlib.AsyncExitStack() as stack:
        b = await stack.enter_async_context(open_worker(origin, ALONE, ManualClock(), of_b))
        assert (await b.ask("/x")).content == b"old"
        origin.resources["/x"] = Resource(b"new", etag='"v1"')
        await stack.enter_async_context(open_worker(origin, ALONE, ManualClock(), of_a))
        async with asyncio.timeout(20):
            while (await b.ask("/x")).content != b"new":  # noqa: ASYNC110 - nobody is told
                await asyncio.sleep(0.02)


async def test_what_an_unsafe_method_has_changed_is_let_go_on_all_nodes(origin: ScriptedOrigin):
    origin.resources["/x"] = Resource(b"old")
    async with open_pop(origin, ("a", "b", "c")) as nodes:
        for node in nodes.values():
            assert (await node.ask("/x")).content == b"old"
        origin.resources["/x"] = Resource(b"new", etag='"v2"')
        changes = (nodes["c"].ask("/x", method="PUT", data=b"") for _ in range(10))
        await asyncio.gather(*changes)
        for node in nodes.values():
            assert (await node.ask("/x")).content == b"new"


@contextlib.asynccontextmanager
async def open_scripted_node(port: int) -> AsyncIterator[ScriptedMember]:
    member = ScriptedMember()
    runner = web.ServerRunner(web.Server(member.handle), handle_signals=False)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield member
    finally:
        await runner.cleanup()


async def test_an_error_while_members_are_told_keeps_nobody_waiting_and_loses_nothing(
    origin: ScriptedOrigin, caplog: pytest.LogCaptureFixture
):
    origin.resources["/1"] = Resource(b"")
    ports = ports_of("a", "b")
    of_a: dict[str, object] = {"peers": peers_of(ports, "a")}
    async with (
        open_scripted_node(ports["b"]) as b,
        open_worker(origin, ALONE, ManualClock(), of_a) as a,
    ):
        await all_are_up([a], 1)
        b.failed = "nobody knows what this means"
        async with asyncio.timeout(5):
            await a.ask("/1", method="PUT", data=b"")
            assert "telling of changes" in [vars(one).get("task") for one in caplog.records]
            b.failed = {}
            b.told.clear()
            while len(told := [one for one in b.told if one[0] == "/invalidate"]) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    assert told == [("/invalidate", {"targets": ["/1"]})] * 2


async def test_a_node_that_was_no_member_for_a_while_validates_what_it_has(
    origin: ScriptedOrigin, run_dir: Path
):
    target = next(key for key in map("/x{}".format, range(20)) if owner_of(key) == "b")
    origin.resources[target] = Resource(b"old")
    ports = ports_of("a", "b")
    clock = ManualClock()
    disk = {"folders": [{"path": str(run_dir / "b"), "bytes_max": 8 << 20}], "admission": "all"}

    def settings(own: str, others: dict[str, int]) -> dict[str, object]:
        peers = peers_of({own: ports[own], **others}, own, purge_folder=run_dir / f"of-{own}")
        return {"peers": peers, "cache": {"disk": disk if own == "b" else {}}}

    async with (
        open_worker(origin, ALONE, clock, settings("a", ports)) as a,
        open_worker(origin, ALONE, clock, settings("b", ports)) as b,
    ):
        await all_are_up([a, b], 1)
        await on_disk(b, target)
    clock.now_s += 100
    async with open_worker(origin, ALONE, clock, settings("a", {})) as a:
        origin.resources[target] = Resource(b"new", etag='"v2"')
        assert (await purge(a, urls=[target]))[0] == 200
    clock.now_s += 100
    async with (
        open_worker(origin, ALONE, clock, settings("a", ports)),
        open_worker(origin, ALONE, clock, settings("b", ports)) as b,
    ):
        await on_disk(b, target)
        assert (await b.ask(target)).content == b"new"
    assert [one.headers.get("If-None-Match") for one in origin.seen] == [None, '"v1"']


async def test_nothing_is_asked_of_a_member_that_lacks_a_purge_until_it_was_told(
    origin: ScriptedOrigin, run_dir: Path
):
    slot = Slot(0, 2, run_dir)
    target = next(key for key in (f"/a{n}" for n in range(20)) if rank_of_workers(2, key)[0] == 1)
    origin.resources[target] = Resource(b"of the origin")
    async with (
        open_scripted_member(slot.peer_path(1)) as owner,
        open_worker(origin, slot, ManualClock(), {"peers": PEERS}) as node,
    ):
        assert (await node.ask(target)).content == b"of the owner"
        owner.lacks_everything = True
        assert (await purge(node, urls=[target]))[0] == 200
        async with asyncio.timeout(20):
            while node.service.counts.peers_up["worker-1"]:  # noqa: ASYNC110 - nobody is told
                await asyncio.sleep(0.01)
        told = owner.seen.count(("POST", "/purge"))
        assert (await node.ask(target)).content == b"of the origin"
        async with asyncio.timeout(20):
            while owner.seen.count(("POST", "/purge")) == told:  # noqa: ASYNC110 - nobody is told
                await asyncio.sleep(0.01)
            owner.lacks_everything = False
            while not node.service.counts.peers_up["worker-1"]:  # noqa: ASYNC110 - nobody is told
                await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def socket_that_says_nothing(port: int) -> AsyncIterator[None]:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", port):
        yield


async def test_a_listener_does_not_wait_for_a_node_that_is_down(
    origin: ScriptedOrigin, run_dir: Path
):
    # Only what has succeeded changes anything.
    origin.resources |= {f"/{number}": Resource(b"") for number in range(6)}
    ports = ports_of("a", "b")
    of_a: dict[str, object] = {"peers": peers_of(ports, "a", deadline_s=1.0)}
    async with (
        socket_that_says_nothing(ports["b"]),
        open_worker(origin, ALONE, ManualClock(), of_a) as a,
    ):
        assert not a.service.counts.peers_up["b"]
        async with asyncio.timeout(5):  # 12 s, were it waited for.
            for number in range(6):
                await a.ask(f"/{number}", method="PUT", data=b"")
