"""The library over small adapters: what it counts, and what it tells of the workers."""

from pathlib import Path

import pytest
from typing_extensions import override

from origin.adapters.memory_store import MemoryStore
from origin.errors import NotFoundError
from origin.library import Library
from origin.metrics import OriginMetrics
from origin.tests.workshops import TextPackager, make_workshop
from packager.errors import NotAudioError, WorkerStartError
from packager.jobs import MasterFacts, OnProgress


class LamePackager(TextPackager):
    """Does not start for some time."""

    is_lame = True

    @override
    async def inspect(self, master: Path, *, on_progress: OnProgress | None = None) -> MasterFacts:
        if self.is_lame:
            raise WorkerStartError("no memory")
        return await super().inspect(master, on_progress=on_progress)


def library_in(tmp_path: Path, packager: TextPackager) -> tuple[Library, OriginMetrics]:
    store = MemoryStore(size_max=1 << 24, clock=lambda: 0.0)
    figures = OriginMetrics()
    return Library(make_workshop(store, tmp_path / "scratch", packager=packager), figures), figures


def jobs(figures: OriginMetrics, job: str, result: str) -> float:
    labels = {"job": job, "result": result}
    return figures.registry.get_sample_value("origin_jobs_total", labels) or 0.0


async def test_tracks_are_made_and_listed(tmp_path: Path):
    library, figures = library_in(tmp_path, TextPackager())
    (tmp_path / "a").write_bytes(b"tone")
    assert not await library.has_tracks()
    result = await library.ingest(tmp_path / "a")
    assert await library.has_tracks()
    assert [one.track_id for one in (await library.tracks()).tracks] == [result.track_id]
    assert len(await library.package(result.track_id, "flac")) == 1
    assert await library.package(result.track_id) == []
    with pytest.raises(NotFoundError):
        await library.package("0" * 22)
    assert jobs(figures, "ingest", "done") == 1.0
    assert jobs(figures, "rebuild", "done") == 2.0
    assert jobs(figures, "rebuild", "not_found") == 1.0


async def test_a_damaged_record_is_counted_and_left_out(tmp_path: Path):
    store = MemoryStore(size_max=1 << 24, clock=lambda: 0.0)
    figures = OriginMetrics()
    library = Library(make_workshop(store, tmp_path / "scratch"), figures)
    (tmp_path / "a").write_bytes(b"tone")
    result = await library.ingest(tmp_path / "a")
    await store.put(f"tracks/{'0' * 22}.json", b"{}")
    assert [one.track_id for one in (await library.tracks()).tracks] == [result.track_id]
    labels = {"reason": "record"}
    assert figures.registry.get_sample_value("origin_failures_total", labels) == 1.0


async def test_refusals_are_counted_by_reason(tmp_path: Path):
    library, figures = library_in(tmp_path, TextPackager())
    (tmp_path / "a").write_bytes(b"text")
    with pytest.raises(NotAudioError):
        await library.ingest(tmp_path / "a")
    assert jobs(figures, "ingest", "not_audio") == 1.0
    assert library.packager_problem == ""


async def test_workers_that_do_not_start_are_told_until_they_do(tmp_path: Path):
    packager = LamePackager()
    library, _ = library_in(tmp_path, packager)
    (tmp_path / "a").write_bytes(b"tone")
    with pytest.raises(WorkerStartError):
        await library.ingest(tmp_path / "a")
    assert library.packager_problem == "no memory"
    packager.is_lame = False
    await library.ingest(tmp_path / "a")
    assert library.packager_problem == ""
