"""Workers of one node are one cache: owners, mirrors, ages, errors, and who is passed over."""

import asyncio
import itertools
from pathlib import Path

import pytest
from aiohttp import web

from edge.peers.ownership import SPAN_BYTES
from edge.peers.tests.company import open_workers, rank_of_workers
from edge.tests.conftest import content_of
from edge.tests.scripted_origin import Resource, ScriptedOrigin

pytestmark = pytest.mark.socket


def target_of(owner: int, count: int = 2, path: str = "/a") -> str:
    return next(
        key
        for key in (f"{path}{number}" for number in range(1000))
        if rank_of_workers(count, key)[0] == owner
    )


async def test_what_one_worker_has_fetched_the_other_has_from_it(
    origin: ScriptedOrigin, run_dir: Path
):
    target = target_of(owner=1)
    content = content_of(600_000)
    origin.resources[target] = Resource(content, fields={"Surrogate-Key": "k"})
    async with open_workers(origin, run_dir) as (asker, owner):
        first = await asker.ask(target)
        assert first.content == content
        assert "fwd=uri-miss" in first.cache_status
        assert "detail=peer-uri-miss" in first.cache_status
        await owner.settled()
        again = await owner.ask(target)
        assert again.content == content
        assert "hit" in again.cache_status
        mirrored = await asker.ask(target)
        assert mirrored.content == content
        assert "attacca; hit" in mirrored.cache_status
    assert len(origin.seen) == 1


async def test_all_workers_together_ask_the_origin_once(origin: ScriptedOrigin, run_dir: Path):
    content = content_of(300_000)
    gate = asyncio.Event()
    origin.resources["/x"] = Resource(content, gate=gate)
    async with open_workers(origin, run_dir, 3) as workers:
        asking = asyncio.gather(*(one.ask("/x") for one in workers * 4))
        await origin.wait_for_requests(1)
        await asyncio.sleep(0.1)
        gate.set()
        assert all(answer.content == content for answer in await asking)
        assert len(origin.seen) == 1


async def test_a_range_is_asked_of_its_spans_owner_and_ends_with_the_span(
    origin: ScriptedOrigin, run_dir: Path
):
    target = next(
        key
        for key in (f"/long{number}" for number in range(100))
        if [rank_of_workers(2, key, span)[0] for span in (0, 1)] == [0, 1]
    )
    content = content_of(SPAN_BYTES + 600_000)
    origin.resources[target] = Resource(content)
    start, stop = SPAN_BYTES - 300_000, SPAN_BYTES + 300_000
    async with open_workers(origin, run_dir) as workers:
        for worker in workers:
            answer = await worker.range(target, f"{start}-{stop - 1}")
            assert (answer.status, answer.content) == (206, content[start:stop])
            await asyncio.gather(*(one.settled() for one in workers))
        borders = [
            tuple(map(int, str(one).removeprefix("bytes=").split("-"))) for one in origin.ranges()
        ]
    assert all(last < SPAN_BYTES or first >= SPAN_BYTES for first, last in borders)
    borders.sort()  # Each byte was fetched once, whoever asked for it.
    assert all(one[1] < other[0] for one, other in itertools.pairwise(borders))


async def test_the_whole_is_fetched_span_by_span_from_its_owners(
    origin: ScriptedOrigin, run_dir: Path
):
    target = next(
        key
        for key in (f"/long{number}" for number in range(100))
        if [rank_of_workers(3, key, span)[0] for span in (0, 1)] == [1, 2]
    )
    content = content_of(SPAN_BYTES + 1_000_000)
    origin.resources[target] = Resource(content, fields={"Accept-Ranges": "bytes"})
    cache = {"memory_bytes": 600 << 20}
    async with open_workers(origin, run_dir, 3, cache=cache) as workers:
        asker, first, second = workers
        assert (await asker.ask(target)).content == content
        for owner in (first, second):
            await owner.settled()
        (kept,) = second.service.store.offered(target)
        last_numbers = range(SPAN_BYTES // kept.slice_bytes, -(-len(content) // kept.slice_bytes))
        assert all(second.service.store.has(kept, number) for number in last_numbers)
    assert origin.ranges()[0] is None


async def test_both_expire_at_one_moment_and_one_validation_serves_both(
    origin: ScriptedOrigin, run_dir: Path
):
    target = target_of(owner=1)
    origin.resources[target] = Resource(b"x" * 1000, cache_control="max-age=60")
    async with open_workers(origin, run_dir) as (asker, owner):
        await owner.ask(target)
        owner.clock.now_s += 30.75
        assert (await asker.ask(target)).headers["Age"] == "30"
        owner.clock.now_s += 29.24  # 59.99
        assert "; hit" in (await asker.ask(target)).cache_status
        owner.clock.now_s += 0.02
        validated = await asker.ask(target)
        assert "fwd=stale" in validated.cache_status
        assert "fwd-status=304" in validated.cache_status
        assert "; hit" in (await owner.ask(target)).cache_status
    assert [one.headers.get("If-None-Match") for one in origin.seen] == [None, '"v1"']


async def test_tags_go_along_so_that_the_asker_can_be_purged(origin: ScriptedOrigin, run_dir: Path):
    target = target_of(owner=1)
    origin.resources[target] = Resource(
        b"x" * 1000, fields={"Surrogate-Key": "k", "Cache-Groups": '"g"'}
    )
    async with open_workers(origin, run_dir) as (asker, _):
        await asker.ask(target)
        (kept,) = asker.service.store.offered(target)
        assert kept.fields["Surrogate-Key"] == "k"
        assert kept.fields["Cache-Groups"] == '"g"'
        assert not [name for name in kept.fields if name.lower().startswith("attacca-")]
        seen = origin.seen[0].headers
    assert not [name for name in seen if name.lower().startswith("attacca-peer")]


async def test_a_worker_that_is_gone_is_passed_over(origin: ScriptedOrigin, run_dir: Path):
    targets = [target_of(owner=1, path=path) for path in ("/a", "/b", "/c")]
    for target in targets:
        origin.resources[target] = Resource(b"x" * 1000)
    async with open_workers(origin, run_dir) as (asker, _):
        (run_dir / "peer-1.sock").unlink()
        for target in targets:
            assert (await asker.ask(target)).content == b"x" * 1000
        assert asker.service.counts.peer_asked["worker", "lost"] > 0


async def test_the_owners_trouble_with_the_origin_is_the_askers(
    origin: ScriptedOrigin, run_dir: Path
):
    target = target_of(owner=1)
    origin.resources[target] = Resource(b"x" * 1000, cache_control="max-age=60, stale-if-error=600")

    async def lost(request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    async with open_workers(origin, run_dir) as (asker, _):
        await asker.ask(target)
        asker.clock.now_s += 100
        origin.behaviours[target] = lost
        stale = await asker.ask(target)
        assert (stale.status, stale.content) == (200, b"x" * 1000)
        other = target_of(owner=1, path="/other")
        origin.behaviours[other] = lost
        answer = await asker.ask(other)
        assert answer.status == 502
        assert "upstream-lost" in answer.content.decode()


@pytest.mark.parametrize(
    ("status", "fields"),
    [
        pytest.param(503, {"Retry-After": "7"}, id="the origin is busy"),
        pytest.param(404, {"Cache-Control": "no-store"}, id="nothing is there"),
        pytest.param(200, {"Cache-Control": "private"}, id="not for a cache"),
        pytest.param(200, {"Cache-Control": "no-store", "Set-Cookie": "a=b"}, id="a cookie"),
    ],
)
async def test_what_is_not_stored_comes_through_an_owner_as_it_is(
    status: int, fields: dict[str, str], origin: ScriptedOrigin, run_dir: Path
):
    async def behave(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=status, headers=fields, body=b"as it is")

    target = target_of(owner=1)
    origin.behaviours[target] = behave
    async with open_workers(origin, run_dir) as (asker, _):
        for _ in range(3):
            answer = await asker.ask(target)
            assert (answer.status, answer.content) == (status, b"as it is")
            assert fields.items() <= dict(answer.headers).items()
            assert not [name for name in answer.headers if name.startswith("Attacca-Peer")]


async def test_head_is_answered_by_who_has_it(origin: ScriptedOrigin, run_dir: Path):
    target = target_of(owner=1)
    origin.resources[target] = Resource(b"x" * 1000)
    async with open_workers(origin, run_dir) as (asker, owner):
        await owner.ask(target)
        answer = await asker.ask(target, method="HEAD")
        assert (answer.status, answer.headers["Content-Length"]) == (200, "1000")
    assert len(origin.seen) == 1


async def test_other_methods_go_to_the_origin_and_all_workers_let_go(
    origin: ScriptedOrigin, run_dir: Path
):
    target = target_of(owner=1)
    origin.resources[target] = Resource(b"old" * 100, etag='"old"')
    async with open_workers(origin, run_dir, 3) as workers:
        for worker in workers:
            assert (await worker.ask(target)).content == b"old" * 100
        origin.resources[target] = Resource(b"new" * 100, etag='"new"')
        await workers[0].ask(target, method="POST", data=b"")
        for worker in workers:
            assert (await worker.ask(target)).content == b"new" * 100
    assert [one.method for one in origin.seen] == ["GET", "POST", "GET"]


async def test_a_listener_is_no_member(origin: ScriptedOrigin, run_dir: Path):
    target = target_of(owner=1)
    origin.resources[target] = Resource(b"x" * 1000)
    async with open_workers(origin, run_dir) as (asker, owner):
        await asker.ask(target, headers={"Attacca-Peer-Hop": "worker"})
        assert owner.service.counts.peer_served["worker", "uri-miss"] == 1
        assert sum(owner.service.counts.peer_served.values()) == 1


def modes_in(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}


async def test_only_this_user_may_use_a_workers_socket(origin: ScriptedOrigin, run_dir: Path):
    async with open_workers(origin, run_dir):
        modes = await asyncio.to_thread(modes_in, run_dir)
    assert {"peer-0.sock", "peer-1.sock"} < modes.keys()
    assert set(modes.values()) == {0o600}


async def test_a_mirror_takes_its_share_of_the_memory_and_no_more(
    origin: ScriptedOrigin, run_dir: Path
):
    content = content_of(2 << 20)
    async with open_workers(
        origin, run_dir, cache={"memory_bytes": 32 << 20}, peers={"mirror_share": 0.05}
    ) as (asker, _):
        target = target_of(owner=1)
        origin.resources[target] = Resource(content)
        assert (await asker.ask(target)).content == content
        assert 0 < asker.service.store.mirror_bytes <= 800 << 10
        assert asker.service.store.bytes < 1 << 20
        assert (await asker.ask(target)).content == content
    assert len(origin.seen) == 1
