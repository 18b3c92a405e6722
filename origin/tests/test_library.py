"""The library over small adapters: what it counts, and what it tells of the workers."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from typing_extensions import override

from origin.adapters.memory_store import MemoryStore
from origin.errors import NotFoundError
from origin.ingest import IngestOrder
from origin.library import Library
from origin.metrics import OriginMetrics
from origin.outbox import Outbox
from origin.progress import IngestProgress
from origin.tests.workshops import TextPackager, make_workshop, open_demand_of
from origin.upkeep import Upkeep
from packager.errors import NotAudioError, WorkerStartError
from packager.inspection_result import Inspection
from packager.jobs import OnProgress, PackagingOrder
from packager.priority import Priority
from packager.renditions import PROFILES
from packager.seek_index import RenditionFacts


class LamePackager(TextPackager):
    """Does not start for some time."""

    is_lame = True

    @override
    async def inspect(
        self,
        master: Path,
        *,
        edges: Path,
        on_progress: OnProgress | None = None,
        priority: Priority = Priority.INGEST,
    ) -> Inspection:
        if self.is_lame:
            raise WorkerStartError("no memory")
        return await super().inspect(
            master, edges=edges, on_progress=on_progress, priority=priority
        )

    @override
    async def package(
        self,
        order: PackagingOrder,
        *,
        on_progress: OnProgress | None = None,
        priority: Priority = Priority.INGEST,
    ) -> RenditionFacts:
        if self.is_lame:
            raise WorkerStartError("no memory")
        return await super().package(order, on_progress=on_progress, priority=priority)


@contextlib.asynccontextmanager
async def library_in(
    tmp_path: Path, packager: TextPackager
) -> AsyncIterator[tuple[Library, OriginMetrics]]:
    store = MemoryStore(size_max=1 << 24, clock=lambda: 0.0)
    figures = OriginMetrics()
    workshop = make_workshop(store, tmp_path / "scratch", packager=packager)
    async with open_demand_of(workshop, figures=figures) as demand:
        upkeep = Upkeep(workshop, demand, Outbox(store, clock=workshop.clock))
        yield Library(workshop, demand, upkeep, figures), figures


def jobs(figures: OriginMetrics, job: str, result: str) -> float:
    labels = {"job": job, "result": result}
    return figures.registry.get_sample_value("origin_jobs_total", labels) or 0.0


async def test_tracks_are_made_and_listed(tmp_path: Path):
    packager = TextPackager()
    (tmp_path / "a").write_bytes(b"tone")
    async with library_in(tmp_path, packager) as (library, figures):
        assert not await library.has_tracks()
        result = await library.ingest(tmp_path / "a")
        assert await library.has_tracks()
        assert [one.track_id for one in (await library.tracks()).tracks] == [result.track_id]
        assert set(packager.packaged_for) == {Priority.INGEST}
        assert len(await library.package(result.track_id, "flac")) == 1
        assert packager.packaged_for[-1] is Priority.OPERATOR
        assert await library.package(result.track_id) == []
        with pytest.raises(NotFoundError):
            await library.package("0" * 22)
        with pytest.raises(NotFoundError, match="it has flac, aac-320"):
            await library.package(result.track_id, "mp3-1")
        assert jobs(figures, "ingest", "done") == 1.0
        assert jobs(figures, "package", "done") == len(PROFILES) + 1


async def test_what_is_missing_is_packaged_when_an_operator_wants_it(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"tone")
    async with library_in(tmp_path, TextPackager()) as (library, _):
        result = await library.ingest(tmp_path / "a", renditions=("flac", "aac-96"))
        assert result.renditions == ("flac", "aac-96")
        told: list[float] = []
        made = await library.package(result.track_id, on_progress=told.append)
        assert [one.name for one in made] == [
            name for name in PROFILES if name not in result.renditions
        ]
        assert told == sorted(told)
        assert told[-1] == 1.0


async def test_several_masters_are_taken_in_one_after_another(tmp_path: Path):
    orders = [IngestOrder(tmp_path / name) for name in ("a", "b", "c")]
    for order in orders:
        order.path.write_bytes(b"tone" + order.path.name.encode())
    orders[1].path.write_bytes(b"text")
    told: list[Path] = []
    async with library_in(tmp_path, TextPackager()) as (library, figures):
        outcomes = library.ingest_all(orders, on_progress=lambda path, _: told.append(path))
        found = [outcome async for outcome in outcomes]
        assert [outcome.order for outcome in found] == orders
        assert [outcome.failure is None for outcome in found] == [True, False, True]
        assert set(told) == {order.path for order in orders}
        assert jobs(figures, "ingest", "done") == 2.0
        assert jobs(figures, "ingest", "not_audio") == 1.0


async def test_a_damaged_record_is_counted_and_left_out(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"tone")
    async with library_in(tmp_path, TextPackager()) as (library, figures):
        result = await library.ingest(tmp_path / "a", renditions=())
        await library._workshop.store.put(f"tracks/{'0' * 22}.json", b"{}")
        assert [one.track_id for one in (await library.tracks()).tracks] == [result.track_id]
    labels = {"reason": "record"}
    assert figures.registry.get_sample_value("origin_failures_total", labels) == 1.0


async def test_refusals_are_counted_by_reason(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"text")
    async with library_in(tmp_path, TextPackager()) as (library, figures):
        with pytest.raises(NotAudioError):
            await library.ingest(tmp_path / "a")
        assert jobs(figures, "ingest", "not_audio") == 1.0
        assert library.packager_problem == ""


async def test_workers_that_do_not_start_are_told_until_they_do(tmp_path: Path):
    packager = LamePackager()
    (tmp_path / "a").write_bytes(b"tone")
    async with library_in(tmp_path, packager) as (library, _):
        with pytest.raises(WorkerStartError):
            await library.ingest(tmp_path / "a")
        assert library.packager_problem == "no memory"
        packager.is_lame = False
        result = await library.ingest(tmp_path / "a", renditions=())
        assert library.packager_problem == ""
        packager.is_lame = True
        with pytest.raises(WorkerStartError):
            await library.package(result.track_id, "flac")
        assert library.packager_problem == "no memory"
        packager.is_lame = False
        await library.package(result.track_id, "flac")
        assert library.packager_problem == ""


async def test_a_track_is_known_by_its_label(tmp_path: Path):
    async with library_in(tmp_path, TextPackager()) as (library, _):
        path = tmp_path / "a"
        path.write_bytes(b"tone")
        told: list[IngestProgress] = []
        result = await library.ingest(path, label="nebula", on_progress=told.append)
        again: list[IngestProgress] = []
        await library.ingest(path, label="quasar", on_progress=again.append)
        assert (told[-1].is_new, again[-1].is_new) == (True, False)
        assert await library.label_of(result.track_id) == "nebula"
        assert await library.label_of("0" * 22) is None
