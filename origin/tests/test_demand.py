"""Packaging on demand: one job however many ask, in one process and in several on one store."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from typing_extensions import override

from config.listener import problem_of
from drm.adapters.memory_content_keys import MemoryContentKeys
from origin.adapters.folder_store import open_folder_store
from origin.adapters.memory_store import MemoryStore
from origin.claims import Claims
from origin.demand import Demand, Target, targets_of
from origin.errors import (
    ClaimLostError,
    NotFoundError,
    PackagingPendingError,
    SessionBusyError,
    StoreUnreachableError,
)
from origin.ports import ObjectStore
from origin.rebuild_errors import IngredientLostError
from origin.tests.workshops import (
    TextPackager,
    ingest_master,
    keys_in,
    make_workshop,
    open_demand_of,
)
from origin.workshop import Workshop
from packager.errors import PoolBusyError, WorkerDiedError
from packager.jobs import OnProgress, PackagingOrder
from packager.priority import Priority
from packager.renditions import PROFILES
from packager.seek_index import RenditionFacts

LISTENER = Priority.LISTENER
SESSION = "0123456789abcdef"


class GatedPackager(TextPackager):
    """Stands still until the gate is open, and tells when it has begun."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = self.opening = asyncio.Event()
        self.has_begun = asyncio.Event()

    @override
    async def package(
        self,
        order: PackagingOrder,
        *,
        on_progress: OnProgress | None = None,
        priority: Priority = Priority.INGEST,
    ) -> RenditionFacts:
        self.has_begun.set()
        return await super().package(order, on_progress=on_progress, priority=priority)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(size_max=1 << 24, clock=lambda: 0.0)


async def unpackaged(
    store: ObjectStore, folder: Path, packager: TextPackager, content: bytes = b"tone"
) -> tuple[Workshop, list[Target]]:
    """A workshop with a track of which nothing is packaged, and its renditions."""
    workshop = make_workshop(store, folder / "scratch", packager=packager)
    path = folder / "master.flac"
    await asyncio.to_thread(path.write_bytes, content)
    result = await ingest_master(workshop, path, renditions=())
    return workshop, list(targets_of(result.track_id, result.version, tuple(PROFILES)))


async def test_however_many_ask_a_rendition_is_packaged_once(store: MemoryStore, tmp_path: Path):
    packager = TextPackager()
    workshop, targets = await unpackaged(store, tmp_path, packager)
    async with open_demand_of(workshop) as demand:
        wanted = [demand.ensure_all(targets, priority=LISTENER) for _ in range(50)]
        results = await asyncio.gather(*wanted)
        again = await demand.ensure_all(targets, priority=LISTENER)
    assert sorted(packager.packaged) == sorted(PROFILES)
    assert all(result == results[0] == again for result in results)
    record = await workshop.records.track(targets[0].track_id)
    assert record.current.renditions == tuple(again)
    assert not [key for key in await keys_in(store) if key.startswith("claims/")]


async def test_a_job_goes_on_when_nobody_waits_any_more(store: MemoryStore, tmp_path: Path):
    packager = GatedPackager()
    workshop, (target, *_) = await unpackaged(store, tmp_path, packager)
    async with open_demand_of(workshop) as demand:
        with pytest.raises(PackagingPendingError) as raised:
            await demand.ensure(target, priority=LISTENER, wait_s=0.02)
        assert raised.value.progress == 0.25
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await demand.ensure(target, priority=LISTENER)
        packager.opening.set()
        await demand.ensure(target, priority=LISTENER)
    assert packager.packaged == ["flac"]


async def test_progress_is_told_to_all_who_wait(store: MemoryStore, tmp_path: Path):
    workshop, targets = await unpackaged(store, tmp_path, TextPackager())
    told: list[list[float]] = [[], []]
    async with open_demand_of(workshop) as demand:
        await asyncio.gather(
            demand.ensure(targets[0], priority=LISTENER, on_progress=told[0].append),
            demand.ensure_all(targets[:2], priority=LISTENER, on_progress=told[1].append),
        )
    assert told[0] == [0.5, 1.0]
    assert told[1] == sorted(told[1])
    assert told[1][-1] == 1.0


async def test_a_failure_is_told_to_all_and_remembered_for_a_moment(
    store: MemoryStore, tmp_path: Path
):
    packager = TextPackager()
    workshop, (target, *_) = await unpackaged(store, tmp_path, packager)
    packager.failure = WorkerDiedError("memory")
    now_s = 1000.0
    workshop = replace(workshop, monotonic=lambda: now_s)
    async with open_demand_of(workshop) as demand:
        wanted = [demand.ensure(target, priority=LISTENER) for _ in range(5)]
        outcomes = await asyncio.gather(*wanted, return_exceptions=True)
        assert [type(one) for one in outcomes] == [WorkerDiedError] * 5
        with pytest.raises(WorkerDiedError):
            await demand.ensure(target, priority=LISTENER)
        assert len(packager.packaged) == 1, "a broken master is not decoded in a loop"
        with pytest.raises(WorkerDiedError):
            await demand.ensure(target, priority=Priority.OPERATOR)
        assert len(packager.packaged) == 2, "an operator has perhaps repaired it"
        packager.failure = None
        now_s += 6
        await demand.ensure(target, priority=LISTENER)


@pytest.mark.parametrize(
    "failure",
    [PoolBusyError("all busy"), StoreUnreachableError("no answer"), ClaimLostError("package/a")],
    ids=lambda error: type(error).__name__,
)
async def test_what_passes_by_itself_is_not_remembered(
    store: MemoryStore, tmp_path: Path, failure: Exception
):
    packager = TextPackager()
    workshop, (target, *_) = await unpackaged(store, tmp_path, packager)
    packager.failure = failure
    async with open_demand_of(workshop) as demand:
        with pytest.raises(type(failure)):
            await demand.ensure(target, priority=LISTENER)
        packager.failure = None
        await demand.ensure(target, priority=LISTENER)


async def test_a_defect_fails_one_job_and_not_the_service(
    store: MemoryStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    packager = TextPackager()
    packager.failure = ZeroDivisionError("a defect")
    workshop, (first, second, *_) = await unpackaged(store, tmp_path, packager)
    async with open_demand_of(workshop) as demand:
        with pytest.raises(ZeroDivisionError):
            await demand.ensure(first, priority=LISTENER)
        packager.failure = None
        await demand.ensure(second, priority=LISTENER)
    assert "a packaging job failed" in caplog.text


async def test_a_listener_hastens_what_an_ingest_has_queued(store: MemoryStore, tmp_path: Path):
    packager = GatedPackager()
    workshop, targets = await unpackaged(store, tmp_path, packager)
    last = targets[-1]
    async with open_demand_of(workshop, places=1) as demand, asyncio.TaskGroup() as group:
        group.create_task(demand.ensure_all(targets, priority=Priority.INGEST))
        await packager.has_begun.wait()
        packager.has_begun.clear()
        group.create_task(demand.ensure(last, priority=LISTENER))
        await packager.has_begun.wait()
        assert packager.packaged == ["flac", last.rendition], "in a place beside the others"
        assert packager.packaged_for == [Priority.INGEST, LISTENER]
        packager.opening.set()
    assert sorted(packager.packaged) == sorted(PROFILES)


async def test_a_session_may_not_have_everything_packaged(store: MemoryStore, tmp_path: Path):
    packager = GatedPackager()
    workshop, targets = await unpackaged(store, tmp_path, packager)
    async with open_demand_of(workshop, session_jobs_max=2) as demand:
        for target in (*targets[:2], targets[0]):
            with pytest.raises(PackagingPendingError):
                await demand.ensure(target, priority=LISTENER, session=SESSION, wait_s=0)
        with pytest.raises(SessionBusyError) as refused:
            await demand.ensure(targets[2], priority=LISTENER, session=SESSION)
        problem = problem_of(refused.value)
        assert (problem.slug, problem.status) == ("session-busy", 503)
        assert problem.headers == {"Cache-Control": "no-store", "Retry-After": "5"}
        packager.opening.set()
        await demand.ensure(targets[2], priority=LISTENER, session="another")
        await demand.ensure_all(targets[:2], priority=LISTENER, session=SESSION)
        await demand.ensure(targets[3], priority=LISTENER, session=SESSION)


async def test_what_is_above_the_limit_of_a_session_is_made_in_turn(
    store: MemoryStore, tmp_path: Path
):
    packager = GatedPackager()
    workshop, targets = await unpackaged(store, tmp_path, packager)
    told: list[float] = []
    async with open_demand_of(workshop, session_jobs_max=2) as demand:
        with pytest.raises(PackagingPendingError) as raised:
            await demand.ensure_all(targets, priority=LISTENER, session=SESSION, wait_s=0)
        assert not isinstance(raised.value, SessionBusyError)
        assert raised.value.members["renditions"] == list(PROFILES)
        packager.opening.set()
        made = await demand.ensure_all(
            targets, priority=LISTENER, session=SESSION, on_progress=told.append
        )
    assert [facts.name for facts in made] == list(PROFILES)
    assert told == sorted(told)
    assert told[-1] == 1.0


@pytest.mark.parametrize("prefix", ["masters/", "contexts/"])
async def test_a_lost_ingredient_is_told(store: MemoryStore, tmp_path: Path, prefix: str):
    workshop, (target, *_) = await unpackaged(store, tmp_path, TextPackager())
    record = await workshop.records.track(target.track_id)
    context = replace(record.current, context_before=record.head.sha256)
    await workshop.records.change_track(target.track_id, lambda it: it.with_version(context))
    for key in await keys_in(store):
        if key.startswith(prefix):
            await store.delete(key)
    async with open_demand_of(workshop) as demand:
        with pytest.raises(IngredientLostError, match=prefix) as raised:
            await demand.ensure(target, priority=LISTENER)
    assert "attacca ingest" in raised.value.advice


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"track_id": "0" * 22}, id="track"),
        pytest.param({"version": "0" * 16}, id="version"),
        pytest.param({"rendition": "mp3-1"}, id="rendition"),
    ],
)
async def test_what_there_is_not_cannot_be_had(
    store: MemoryStore, tmp_path: Path, change: dict[str, str]
):
    workshop, (target, *_) = await unpackaged(store, tmp_path, TextPackager())
    other = replace(target, **change)
    async with open_demand_of(workshop) as demand:
        with pytest.raises(NotFoundError):
            await demand.ensure(other, priority=LISTENER)


async def test_a_closing_service_leaves_nobody_waiting(store: MemoryStore, tmp_path: Path):
    packager = GatedPackager()
    workshop, (target, *_) = await unpackaged(store, tmp_path, packager)
    async with asyncio.TaskGroup() as group:
        async with open_demand_of(workshop) as demand:
            waiter = group.create_task(_outcome(demand, target))
            await packager.has_begun.wait()
        assert isinstance(await waiter, PackagingPendingError)
    assert not [key for key in await keys_in(store) if key.startswith("claims/")]
    assert list(workshop.scratch.iterdir()) == []


async def _outcome(demand: Demand, target: Target) -> object:
    try:
        return await demand.ensure(target, priority=LISTENER)
    except PackagingPendingError as error:
        return error


@contextlib.asynccontextmanager
async def two_origins(
    folder: Path, *, lease_s: float, tracks: int
) -> AsyncIterator[tuple[list[Demand], list[GatedPackager], list[Target]]]:
    """Two origins with workers of their own on one store of tracks that are not packaged."""
    keys = MemoryContentKeys()
    packagers = [GatedPackager(), GatedPackager()]
    async with contextlib.AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_folder_store(folder / "store"))
        workshops = [
            make_workshop(store, folder / "scratch", packager=packager, content_keys=keys)
            for packager in packagers
        ]
        targets: list[Target] = []
        for number in range(tracks):
            path = folder / f"{number}.flac"
            await asyncio.to_thread(path.write_bytes, b"tone %d" % number)
            result = await ingest_master(workshops[0], path, renditions=())
            targets += targets_of(result.track_id, result.version, ("flac", "aac-96"))
        demands = [
            await stack.enter_async_context(
                open_demand_of(workshop, owner=owner, lease_s=lease_s, places=2)
            )
            for owner, workshop in zip("ab", workshops, strict=True)
        ]
        yield demands, packagers, targets


async def test_two_origins_on_one_store_package_each_rendition_once(tmp_path: Path):
    async with two_origins(tmp_path, lease_s=15, tracks=20) as (demands, packagers, targets):
        for packager in packagers:
            packager.opening.set()
        wanted = [
            demand.ensure(target, priority=LISTENER)
            for listener in range(5)
            for demand in demands
            for target in (targets if listener % 2 else reversed(targets))
        ]
        assert len(wanted) == 400
        facts = await asyncio.gather(*wanted)
    packaged = Counter(name for packager in packagers for name in packager.packaged)
    assert packaged == {"flac": 20, "aac-96": 20}
    assert len({one.sha256 for one in facts}) == 40
    assert all(packager.packaged for packager in packagers), "both of them took part"


async def test_the_work_of_an_origin_that_died_is_taken_over(tmp_path: Path):
    async with two_origins(tmp_path, lease_s=0.2, tracks=1) as (demands, packagers, targets):
        dead = Claims(demands[0]._workshop.store, owner="dead", lease_s=0.2, monotonic=lambda: 0.0)
        assert await dead.take(targets[0].name) is not None
        for packager in packagers:
            packager.opening.set()
        async with asyncio.timeout(10):
            both = await asyncio.gather(
                *(demand.ensure(targets[0], priority=LISTENER) for demand in demands)
            )
        assert both[0] == both[1]
        packaged = [name for packager in packagers for name in packager.packaged]
        assert packaged == ["flac"]


async def test_whoever_waits_for_another_origin_sees_how_far_it_is(tmp_path: Path):
    async with two_origins(tmp_path, lease_s=0.3, tracks=1) as (demands, packagers, targets):
        target = targets[0]
        async with asyncio.TaskGroup() as group:
            group.create_task(demands[0].ensure(target, priority=LISTENER))
            await packagers[0].has_begun.wait()
            with pytest.raises(PackagingPendingError) as raised:
                await demands[1].ensure(target, priority=LISTENER, wait_s=0.5)
            assert raised.value.progress == 0.25
            packagers[0].opening.set()
        await demands[1].ensure(target, priority=LISTENER)
        assert packagers[1].packaged == []
