import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from origin import record_json, records
from origin.adapters.memory_store import MemoryStore
from origin.errors import NotFoundError, OriginError, RecordError
from origin.ingest import IngestOrder
from origin.library import Library
from origin.metrics import OriginMetrics
from origin.outbox import Outbox
from origin.rebuild_errors import RebuildMismatchError
from origin.records import VERSIONS_MAX, Takedown
from origin.retention import Fate, Retention
from origin.tests.examples import IDENTITY, TRACK, VERSION, packaged_names
from origin.tests.workshops import NOW_S, TextPackager, make_workshop, open_demand_of
from origin.upkeep import Repackaged, Upkeep
from origin.workshop import Workshop
from packager.errors import WorkerDiedError
from packager.renditions import PROFILES, Protection


@contextlib.asynccontextmanager
async def library_of(workshop: Workshop) -> AsyncIterator[Library]:
    figures = OriginMetrics()
    outbox = Outbox(workshop.store, clock=workshop.clock)
    async with open_demand_of(workshop, figures=figures) as demand:
        yield Library(workshop, demand, Upkeep(workshop, demand, outbox), figures)


class World:
    """A library with one track, and what it can be opened with anew."""

    def __init__(self, tmp_path: Path) -> None:
        self.store = MemoryStore(size_max=1 << 24, clock=lambda: float(NOW_S))
        self.packager = TextPackager()
        self.scratch = tmp_path / "scratch"
        self.master = tmp_path / "a"
        self.master.write_bytes(b"tone")
        self.first = make_workshop(self.store, self.scratch, packager=self.packager)

    async def ingest(self) -> str:
        async with library_of(self.first) as library:
            return (await library.ingest(self.master, renditions=("flac",))).track_id

    async def tags_to_purge(self) -> set[str]:
        notes = await Outbox(self.store, clock=lambda: float(NOW_S)).notes()
        assert all(note.is_released for note in notes)
        return {tag for note in notes for tag in note.tags}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def test_a_track_of_the_same_inputs_stays_as_it_is(world: World):
    track_id = await world.ingest()
    async with library_of(world.first) as library:
        done = await library.upkeep.repackage(track_id)
    assert done.former == done.version
    assert await world.tags_to_purge() == set()


@pytest.mark.parametrize("kind", ["encoders", "scheme", "force"])
async def test_a_track_moves_to_a_version_that_is_packaged_whole(world: World, kind: str):
    track_id = await world.ingest()
    workshop = world.first
    if kind == "encoders":
        newer = TextPackager(replace(IDENTITY, libc="glibc 2.40"))
        workshop = replace(workshop, packager=newer)
    if kind == "scheme":
        workshop = replace(workshop, scheme=Protection.CENC)
    told: list[float] = []
    async with library_of(workshop) as library:
        done = await library.upkeep.repackage(
            track_id, is_forced=kind == "force", on_progress=told.append
        )
    record = await workshop.records.track(track_id)
    assert record.current_version == done.version != done.former
    assert packaged_names(record) == record.current.ladder
    assert record.current.superseded_s is None
    former = record.version(done.former)
    assert former is not None
    assert former.superseded_s == NOW_S
    assert told[-1] == 1.0
    assert f"track:{track_id}" in await world.tags_to_purge()


async def test_listeners_keep_their_version_when_the_other_one_fails(world: World):
    track_id = await world.ingest()
    before = (await world.first.records.track(track_id)).current_version
    world.packager.failure = WorkerDiedError("memory")
    async with library_of(world.first) as library:
        with pytest.raises(WorkerDiedError):
            await library.upkeep.repackage(track_id, is_forced=True)
    assert (await world.first.records.track(track_id)).current_version == before
    world.packager.failure = None
    async with library_of(world.first) as library:
        done = await library.upkeep.repackage(track_id, is_forced=True)
    assert done == Repackaged(track_id, before, done.version)
    assert done.version != before


async def test_a_version_that_keeps_failing_is_planned_once(world: World):
    track_id = await world.ingest()
    world.packager.failure = WorkerDiedError("memory")
    for _ in range(3):
        async with library_of(world.first) as library:
            with pytest.raises(WorkerDiedError):
                await library.upkeep.repackage(track_id, is_forced=True)
    assert len((await world.first.records.track(track_id)).versions) == 2
    world.packager.failure = None
    async with library_of(world.first) as library:
        done = [await library.upkeep.repackage(track_id, is_forced=True) for _ in range(2)]
    assert done[0].version == done[1].former != done[1].version


async def test_a_plan_that_contradicts_itself_is_given_up(world: World):
    track_id = await world.ingest()
    world.packager.failure = RebuildMismatchError("key", recorded="a" * 64, built="b" * 64)
    async with library_of(world.first) as library:
        with pytest.raises(RebuildMismatchError):
            await library.upkeep.repackage(track_id, is_forced=True)
    assert len((await world.first.records.track(track_id)).versions) == 1


async def test_a_track_that_was_taken_down_cannot_be_had_until_it_is_put_back(world: World):
    track_id = await world.ingest()
    async with library_of(world.first) as library:
        record = await library.upkeep.take_down(track_id, reason="a claim")
        assert record.takedown == Takedown("a claim", NOW_S)
        assert f"track:{track_id}" in await world.tags_to_purge()
        with pytest.raises(OriginError, match="a claim"):
            await library.ingest(world.master)
        assert (await library.upkeep.put_back(track_id)).takedown is None
        with pytest.raises(NotFoundError):
            await library.upkeep.take_down("0" * 22, reason="a claim")


async def test_the_files_of_an_album_stay_in_the_edges_when_one_of_its_tracks_changes(
    world: World,
):
    async with library_of(world.first) as library:
        track_id = (await library.ingest(world.master, album="Album", renditions=())).track_id
        record = await library.upkeep.take_down(track_id, reason="a claim")
    assert await world.tags_to_purge() == {
        f"track:{track_id}",
        f"listing:{record.album_id}",
        "library",
    }


async def test_edges_drop_the_cover_of_a_track_that_is_taken_down_or_put_back(world: World):
    world.master.write_bytes(b"tone cover")
    track_id = await world.ingest()
    async with library_of(world.first) as library:
        await library.upkeep.take_down(track_id, reason="a claim")
        assert f"cover:{'3c' * 16}" in await world.tags_to_purge()
        for note in await Outbox(world.store, clock=world.first.clock).notes():
            await Outbox(world.store, clock=world.first.clock).drop(note)
        await library.upkeep.put_back(track_id)
        assert f"cover:{'3c' * 16}" in await world.tags_to_purge()


async def test_a_reason_is_kept_as_text_whatever_it_holds(world: World):
    track_id = await world.ingest()
    async with library_of(world.first) as library:
        await library.upkeep.take_down(track_id, reason="two\nlines \udcff" + "x" * 9999)
    kept = (await world.first.records.track(track_id)).takedown
    assert kept is not None
    assert kept.reason.startswith("two lines \ufffdxxx")


async def test_what_nobody_asks_for_is_dropped_and_made_again(world: World):
    track_id = await world.ingest()
    later = replace(world.first, clock=lambda: NOW_S + 1000.0)
    async with library_of(later) as library:
        collected = await library.upkeep.collect(Retention(unused_s=999))
        assert collected.by_fate == {Fate.UNUSED: 2}, "a rendition and its seek index"
        made = await library.package(track_id)
    assert [facts.name for facts in made] == list(PROFILES)


async def test_what_other_encoders_have_made_is_not_dropped(world: World):
    track_id = await world.ingest()
    newer = TextPackager(replace(IDENTITY, libc="glibc 2.40"))
    later = replace(world.first, packager=newer, clock=lambda: NOW_S + 1000.0)
    async with library_of(later) as library:
        collected = await library.upkeep.collect(Retention(unused_s=999))
        assert (collected.by_fate, collected.irreplaceable) == ({}, 2)
        await library.upkeep.repackage(track_id)


async def test_an_album_that_came_one_by_one_is_joined_by_repackaging(world: World, tmp_path: Path):
    paths = []
    for number in (1, 2):
        paths.append(tmp_path / f"{number}")
        paths[-1].write_bytes(b"tone" + bytes([number]))
    async with library_of(world.first) as library:
        orders = [
            IngestOrder(path, album="One", overrides={"tracknumber": [path.name]}, renditions=())
            for path in paths
        ]
        ids = [
            (await library.ingest(order.path, album="One", renditions=())).track_id
            for order in orders
        ]
        first = await world.first.records.track(ids[0])
        assert first.current.context_after == ""
        await library.upkeep.repackage(ids[0])
        moved = await world.first.records.track(ids[0])
        second = await world.first.records.track(ids[1])
    assert moved.current.context_after == second.head.sha256


def test_versions_of_a_track_are_bounded_and_the_current_one_stays():
    record = TRACK
    for number in range(VERSIONS_MAX + 3):
        record = record.with_planned(replace(TRACK.current, version=f"{number:016x}"))
    assert len(record.versions) == VERSIONS_MAX
    assert record.version(VERSION) is not None
    assert record.versions[-1].version == f"{VERSIONS_MAX + 2:016x}"
    assert record.with_planned(record.versions[-1]) == record


def test_what_nobody_ever_heard_makes_room_before_what_somebody_may_still_hear():
    heard = replace(TRACK.current, version="a" * 16, superseded_s=NOW_S)
    plans = [replace(TRACK.current, version=f"{one:016x}") for one in range(VERSIONS_MAX)]
    record = replace(TRACK, versions=(TRACK.current, heard))
    for plan in plans:
        record = record.with_planned(plan)
    assert [one.version for one in record.versions[:3]] == [VERSION, "a" * 16, plans[2].version]


def test_versions_of_a_long_track_are_fewer(monkeypatch: pytest.MonkeyPatch):
    segments = sum(len(facts.seek.segments) for facts in TRACK.current.renditions)
    monkeypatch.setattr(records, "SEGMENTS_MAX", 2 * segments)
    record = TRACK
    for number in range(5):
        record = record.with_planned(replace(TRACK.current, version=f"{number:016x}"))
    assert [one.version for one in record.versions] == [VERSION, f"{3:016x}", f"{4:016x}"]


def test_a_record_that_could_not_be_read_again_is_not_written(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(record_json, "RECORD_BYTES_MAX", 1000)
    with pytest.raises(RecordError, match="would have"):
        record_json.encode_track(TRACK)


def test_a_track_can_move_back():
    other = "f" * 16
    record = TRACK.with_planned(replace(TRACK.current, version=other)).moved_to(other, now_s=5)
    assert record.current_version == other
    back = record.moved_to(VERSION, now_s=6)
    assert back.current.superseded_s is None
    former = back.version(other)
    assert former is not None
    assert former.superseded_s == 6
    assert back.moved_to(VERSION, now_s=7) == back
