"""Ingest over small adapters; `test_library` and `test_app` do it with real audio."""

import asyncio
import contextlib
import hashlib
import itertools
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from typing_extensions import override

from drm.adapters.memory_content_keys import MemoryContentKeys
from origin.adapters.folder_store import open_folder_store
from origin.adapters.memory_store import MemoryStore
from origin.demand import Target, targets_of
from origin.errors import OriginError, SourceUnreadableError, StoreFullError, TakenDownError
from origin.ingest import IngestOrder, IngestOutcome, Ingests
from origin.ports import ObjectStore
from origin.progress import IngestProgress, Stage
from origin.records import Takedown, TrackRecord
from origin.tags import Tags
from origin.tests.examples import IDENTITY, packaged_names
from origin.tests.workshops import (
    NOW_S,
    BreakingStore,
    TextPackager,
    ingest_master,
    keys_in,
    make_workshop,
    open_demand_of,
)
from origin.track_id import track_id_of
from origin.workshop import Workshop
from packager.cover_facts import CoverFinding
from packager.errors import NotAudioError, PoolBusyError, WorkerDiedError, WorkerTimeoutError
from packager.priority import Priority
from packager.renditions import PROFILES
from packager.seek_index import decode_seek_index


def write_tone(folder: Path, name: str = "01 - Tone.flac", content: bytes = b"tone") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


class TaglessPackager(TextPackager):
    """Fails at the tags of every master."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    @override
    async def read_tags(self, master: Path) -> Mapping[str, Sequence[str]]:
        raise self._error

    @override
    async def read_cover(
        self, master: Path, folder: Path, *, beside: Path | None = None
    ) -> CoverFinding:
        raise self._error


def memory() -> MemoryStore:
    return MemoryStore(size_max=1 << 24, clock=lambda: NOW_S)


@pytest.fixture(params=["memory", "folder"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ObjectStore]:
    if request.param == "memory":
        yield memory()
        return
    async with open_folder_store(tmp_path / "store") as opened:
        yield opened


@pytest.fixture
def workshop(store: ObjectStore, tmp_path: Path) -> Workshop:
    return make_workshop(store, tmp_path / "scratch")


async def record_of(workshop: Workshop, track_id: str) -> TrackRecord:
    return await workshop.records.track(track_id)


async def test_a_master_becomes_a_track(workshop: Workshop, tmp_path: Path):
    told: list[IngestProgress] = []
    path = write_tone(tmp_path)
    result = await ingest_master(workshop, path, on_progress=told.append)
    sha256 = hashlib.sha256(b"tone").hexdigest()
    assert result.is_new
    assert result.track_id == track_id_of(sha256)
    assert (result.title, result.renditions) == ("01 - Tone", tuple(PROFILES))
    record = await record_of(workshop, result.track_id)
    assert (record.current_version, record.created_s) == (result.version, NOW_S)
    assert record.album_id is None
    folder = f"renditions/{result.track_id}/{result.version}/"
    ends = [hashlib.sha256(b"tone" + name).hexdigest() for name in (b"head", b"tail")]
    assert await keys_in(workshop.store) == sorted(
        [
            *(f"contexts/{end}.f32" for end in ends),
            f"fingerprints/{result.track_id}.bin",
            f"masters/{result.track_id}/{sha256}.flac",
            f"tracks/{result.track_id}.json",
            *(f"{folder}{one.name}.{one.container}" for one in PROFILES.values()),
            *(f"{folder}{name}.json" for name in PROFILES),
        ]
    )
    index = await workshop.store.read(f"{folder}flac.json", size_max=10_000)
    assert decode_seek_index(index.content) == record.current.rendition("flac")
    fingerprint = await workshop.store.read(f"fingerprints/{result.track_id}.bin", size_max=99)
    assert fingerprint.content == b"\1\0\0\0\2\0\0\0\3\0\0\0"
    fractions = [one.fraction for one in told]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    assert [stage for stage, _ in itertools.groupby(one.stage for one in told)] == list(Stage)
    assert list(workshop.scratch.iterdir()) == []


async def test_the_same_bytes_are_the_same_track(workshop: Workshop, tmp_path: Path):
    first = await ingest_master(workshop, write_tone(tmp_path))
    keys = await keys_in(workshop.store)
    again = await ingest_master(workshop, write_tone(tmp_path, "other name.wav"), album="Album")
    assert not again.is_new
    assert (again.track_id, again.title) == (first.track_id, first.title)
    assert await keys_in(workshop.store) == keys
    packager = workshop.packager
    assert isinstance(packager, TextPackager)
    assert sorted(packager.packaged) == sorted(PROFILES)


async def test_other_bytes_with_the_same_tags_are_another_track(workshop: Workshop, tmp_path: Path):
    first, second = [
        await ingest_master(
            workshop, write_tone(tmp_path, content=content), album="Album", renditions=()
        )
        for content in (b"tone", b"tone 2")
    ]
    assert first.track_id != second.track_id
    assert first.title == second.title
    record = await record_of(workshop, first.track_id)
    assert record.album_id is not None
    album = await workshop.records.find_album(record.album_id)
    assert album is not None
    assert {one.track_id for one in album.entries} == {first.track_id, second.track_id}


async def test_an_album_is_in_the_order_of_its_files(workshop: Workshop, tmp_path: Path):
    names = ["03.flac", "01.flac", "02.flac"]
    results = {
        name: await ingest_master(
            workshop,
            write_tone(tmp_path, name, b"tone" + name.encode()),
            album=" The\nAlbum ",
            renditions=(),
        )
        for name in names
    }
    record = await record_of(workshop, results["01.flac"].track_id)
    assert record.album_id is not None
    album = await workshop.records.find_album(record.album_id)
    assert album is not None
    assert (album.title, album.artist) == ("The Album", "")
    assert [one.track_id for one in album.entries] == [
        results[name].track_id for name in sorted(names)
    ]


@pytest.mark.parametrize("name", ["a\nb.flac", "'\"$(x).flac", "שיר \u202e.flac", "\udcff.flac"])
async def test_any_name_of_a_file_will_do(workshop: Workshop, tmp_path: Path, name: str):
    result = await ingest_master(workshop, write_tone(tmp_path, name), renditions=())
    record = await record_of(workshop, result.track_id)
    assert not set(record.file_name + result.title) & set("\n\u202e\udcff")


async def test_what_is_no_audio_leaves_the_store_as_it_was(workshop: Workshop, tmp_path: Path):
    with pytest.raises(NotAudioError):
        await ingest_master(workshop, write_tone(tmp_path, content=b"text"), album="Album")
    with pytest.raises(SourceUnreadableError):
        await ingest_master(workshop, tmp_path / "missing")
    assert await keys_in(workshop.store) == []
    assert list(workshop.scratch.iterdir()) == []


async def test_what_a_master_is_told_otherwise_counts(workshop: Workshop, tmp_path: Path):
    order = IngestOrder(
        write_tone(tmp_path), label="Label", overrides={"title": ["Other"]}, renditions=("flac",)
    )
    async with open_demand_of(workshop) as demand:
        result = await Ingests(workshop, demand).ingest(order)
    record = await record_of(workshop, result.track_id)
    assert (record.label, record.tags.title) == ("Label", "Other")
    assert result.renditions == ("flac",)
    assert packaged_names(record) == ("flac",)


async def test_covers_are_shared_by_the_tracks_of_an_album(workshop: Workshop, tmp_path: Path):
    results = [
        await ingest_master(
            workshop, write_tone(tmp_path, name, b"tone cover" + name.encode()), renditions=()
        )
        for name in ("1.flac", "2.flac")
    ]
    for result in results:
        record = await record_of(workshop, result.track_id)
        assert record.cover is not None
        assert record.cover.digest == "3c" * 16
    keys = await keys_in(workshop.store)
    assert [key for key in keys if key.startswith("covers/")] == [f"covers/{'3c' * 16}-480.jpg"]


# Master, two edges, fingerprint, record, album.
PUBLISHED = 6


async def test_the_table_of_writes_is_complete(tmp_path: Path):
    store = BreakingStore(memory(), writes=PUBLISHED, error=StoreFullError("full"))
    workshop = make_workshop(store, tmp_path / "scratch")
    path = write_tone(tmp_path)
    await ingest_master(workshop, path, album="Album", renditions=())
    assert len(await keys_in(store)) == PUBLISHED


@pytest.mark.parametrize("writes", range(PUBLISHED))
@pytest.mark.parametrize(
    "error",
    [
        pytest.param(StoreFullError("full"), id="full"),
        pytest.param(asyncio.CancelledError(), id="cancelled"),
    ],
)
@pytest.mark.parametrize("is_late", [False, True], ids=["not done", "done all the same"])
async def test_an_ingest_that_was_cut_short_is_completed_by_the_next(
    tmp_path: Path, writes: int, error: BaseException, *, is_late: bool
):
    store = memory()
    keys = MemoryContentKeys()
    breaking = BreakingStore(store, writes=writes, error=error, is_late=is_late)
    cut = make_workshop(breaking, tmp_path / "scratch", content_keys=keys)
    path = write_tone(tmp_path)
    with pytest.raises(type(error)):
        await ingest_master(cut, path, album="Album")
    left = await keys_in(store)
    assert len(left) == writes + is_late
    assert list(cut.scratch.iterdir()) == []
    before = {key: await store.head(key) for key in left if not key.startswith("tracks/")}
    workshop = make_workshop(store, tmp_path / "scratch", content_keys=keys)
    result = await ingest_master(workshop, path, album="Album")
    is_visible = any(key.startswith("tracks/") for key in left)
    assert result.is_new is not is_visible
    assert result.renditions == tuple(PROFILES)
    record = await record_of(workshop, result.track_id)
    assert record.album_id is not None
    album = await workshop.records.find_album(record.album_id)
    assert album is not None
    assert [one.track_id for one in album.entries] == [result.track_id]
    for key, head in before.items():
        assert await store.head(key) == head, "what was published is reused"


@pytest.mark.parametrize("writes", range(PUBLISHED, PUBLISHED + 12))
async def test_a_visible_track_is_whole_whatever_happens_to_its_packaging(
    tmp_path: Path, writes: int
):
    store = memory()
    keys = MemoryContentKeys()
    breaking = BreakingStore(store, writes=writes, error=StoreFullError("full"))
    breaking.is_broken_for_good = True
    path = write_tone(tmp_path)
    with pytest.raises(OriginError):
        await ingest_master(
            make_workshop(breaking, tmp_path / "scratch", content_keys=keys), path, album="Album"
        )
    workshop = make_workshop(store, tmp_path / "scratch", content_keys=keys)
    (record,) = (await workshop.records.list_tracks(after="", limit=9)).tracks
    for facts in record.current.renditions:
        target = Target(record.track_id, record.current_version, facts.name)
        head = await store.head(target.file_key)
        assert head is not None
        assert head.sha256 == facts.sha256
    targets = list(targets_of(record.track_id, record.current_version, record.current.ladder))
    for left in await keys_in(store):
        if left.startswith("claims/"):
            await store.delete(left)
    async with open_demand_of(workshop) as demand:
        made = await demand.ensure_all(targets, priority=Priority.LISTENER)
    assert [facts.name for facts in made] == list(PROFILES)


@pytest.mark.parametrize("prefix", ["masters/", "contexts/"])
@pytest.mark.parametrize("is_damaged", [False, True], ids=["missing", "cut short"])
async def test_what_a_track_has_lost_is_put_again_by_the_next_ingest(
    tmp_path: Path, prefix: str, *, is_damaged: bool
):
    async with open_folder_store(tmp_path / "store") as store:
        workshop = make_workshop(store, tmp_path / "scratch")
        path = write_tone(tmp_path)
        first = await ingest_master(workshop, path, renditions=())
        key, *_ = (await store.list_keys(prefix, limit=9)).keys
        before = await store.read(key, size_max=100)
        if is_damaged:
            (tmp_path / "store" / key).write_bytes(b"to")
        else:
            await store.delete(key)
        again = await ingest_master(workshop, path, renditions=())
        assert (again.track_id, again.is_new) == (first.track_id, False)
        assert (await store.read(key, size_max=100)).content == before.content


async def test_a_second_ingest_packages_what_is_missing(workshop: Workshop, tmp_path: Path):
    path = write_tone(tmp_path)
    first = await ingest_master(workshop, path, renditions=())
    assert first.renditions == ()
    again = await ingest_master(workshop, path)
    assert (again.is_new, again.renditions) == (False, tuple(PROFILES))


async def test_a_track_of_other_encoders_stays_as_it_is(workshop: Workshop, tmp_path: Path):
    path = write_tone(tmp_path)
    first = await ingest_master(workshop, path, renditions=("flac",))
    other = TextPackager(replace(IDENTITY, libraries={"av": "19"}))
    again = await ingest_master(replace(workshop, packager=other), path)
    assert (again.version, again.renditions) == (first.version, ("flac",))


async def test_what_was_taken_down_is_not_taken_in_again(workshop: Workshop, tmp_path: Path):
    path = write_tone(tmp_path)
    result = await ingest_master(workshop, path, renditions=())
    await workshop.records.change_track(
        result.track_id, lambda record: replace(record, takedown=Takedown("by order", NOW_S))
    )
    with pytest.raises(TakenDownError, match="by order"):
        await ingest_master(workshop, path)


@pytest.mark.parametrize("error", [WorkerDiedError("memory"), WorkerTimeoutError("10 s")])
async def test_tags_that_cost_too_much_do_not_refuse_the_master(
    tmp_path: Path, error: Exception, caplog: pytest.LogCaptureFixture
):
    workshop = make_workshop(memory(), tmp_path / "scratch", packager=TaglessPackager(error))
    result = await ingest_master(workshop, write_tone(tmp_path))
    record = await record_of(workshop, result.track_id)
    assert record.tags == Tags("01 - Tone")
    assert record.cover is None
    assert "tags cannot be read" in caplog.text
    assert "a cover cannot be read" in caplog.text


async def test_a_master_is_refused_while_nobody_can_read_its_tags(tmp_path: Path):
    packager = TaglessPackager(PoolBusyError("later"))
    workshop = make_workshop(memory(), tmp_path / "scratch", packager=packager)
    with pytest.raises(PoolBusyError):
        await ingest_master(workshop, write_tone(tmp_path))
    assert await keys_in(workshop.store) == []


async def test_several_at_once_make_one_track(tmp_path: Path):
    async with open_folder_store(tmp_path / "store") as store:
        keys = MemoryContentKeys()
        path = write_tone(tmp_path)
        packagers = [TextPackager() for _ in range(4)]
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(
                    ingest_master(
                        make_workshop(
                            store, tmp_path / "scratch", content_keys=keys, packager=packager
                        ),
                        path,
                        album="Album",
                    )
                )
                for packager in packagers
            ]
        results = [task.result() for task in tasks]
        assert sum(one.is_new for one in results) == 1
        assert len({(one.track_id, one.version) for one in results}) == 1
        assert {one.renditions for one in results} == {tuple(PROFILES)}
        packaged = [name for packager in packagers for name in packager.packaged]
        assert sorted(packaged) == sorted(PROFILES), "each rendition is packaged once"
        assert len(await keys_in(store)) == PUBLISHED + 2 * len(PROFILES)


def album_of(folder: Path, *contents: bytes) -> list[IngestOrder]:
    paths = [
        write_tone(folder, f"{number:02}.flac", b"tone" + content)
        for number, content in enumerate(contents)
    ]
    return [IngestOrder(path, album="Album", renditions=()) for path in paths]


async def ingest_all(workshop: Workshop, orders: list[IngestOrder]) -> list[IngestOutcome]:
    async with (
        open_demand_of(workshop) as demand,
        contextlib.aclosing(Ingests(workshop, demand).ingest_all(orders)) as outcomes,
    ):
        return [outcome async for outcome in outcomes]


async def records_of(workshop: Workshop, outcomes: list[IngestOutcome]) -> list[TrackRecord]:
    results = [outcome.result for outcome in outcomes]
    return [await record_of(workshop, one.track_id) for one in results if one is not None]


async def test_tracks_of_an_album_are_encoded_with_their_neighbours(
    workshop: Workshop, tmp_path: Path
):
    orders = album_of(tmp_path, b"1", b"2", b"3")
    first, second, third = await records_of(workshop, await ingest_all(workshop, orders))
    assert (first.current.context_before, first.current.context_after) == ("", second.head.sha256)
    assert second.current.context_before == first.tail.sha256
    assert second.current.context_after == third.head.sha256
    assert (third.current.context_before, third.current.context_after) == (second.tail.sha256, "")


async def test_one_that_is_refused_does_not_stop_the_others(workshop: Workshop, tmp_path: Path):
    orders = album_of(tmp_path, b"1", b"2", b"3")
    orders[1].path.write_bytes(b"text")
    outcomes = await ingest_all(workshop, orders)
    assert [outcome.order for outcome in outcomes] == orders
    assert [type(outcome.failure) for outcome in outcomes] == [
        type(None),
        NotAudioError,
        type(None),
    ]
    first, third = await records_of(workshop, outcomes)
    assert (first.current.context_after, third.current.context_before) == ("", first.tail.sha256)
    assert list(workshop.scratch.iterdir()) == []


async def test_silence_between_tracks_needs_no_neighbour(workshop: Workshop, tmp_path: Path):
    orders = album_of(tmp_path, b"1", b"2 silent", b"3")
    for record in await records_of(workshop, await ingest_all(workshop, orders)):
        assert (record.current.context_before, record.current.context_after) == ("", "")


async def test_a_version_does_not_move_because_a_neighbour_comes_later(
    workshop: Workshop, tmp_path: Path
):
    orders = album_of(tmp_path, b"1", b"2")
    (first,) = await records_of(workshop, await ingest_all(workshop, orders[:1]))
    (second,) = await records_of(workshop, await ingest_all(workshop, orders[1:]))
    assert first.current.context_after == ""
    assert second.current.context_before == first.tail.sha256
    again, _ = await records_of(workshop, await ingest_all(workshop, orders))
    assert again.versions == first.versions


async def test_an_ingest_that_is_left_early_leaves_no_work_files(
    workshop: Workshop, tmp_path: Path
):
    orders = album_of(tmp_path, b"1", b"2", b"3")
    async with open_demand_of(workshop) as demand:
        outcomes = Ingests(workshop, demand).ingest_all(orders)
        async with contextlib.aclosing(outcomes):
            await anext(outcomes)
            assert list(workshop.scratch.iterdir())
    assert list(workshop.scratch.iterdir()) == []


async def test_a_rendition_is_made_with_the_audio_of_its_neighbours(
    workshop: Workshop, tmp_path: Path
):
    orders = [replace(one, renditions=("flac",)) for one in album_of(tmp_path, b"1", b"2")]
    first, _ = await records_of(workshop, await ingest_all(workshop, orders))
    alone = make_workshop(memory(), tmp_path / "alone", content_keys=workshop.content_keys)
    (apart,) = await records_of(alone, await ingest_all(alone, orders[:1]))
    assert first.current_version != apart.current_version
    assert first.current.rendition("flac") != apart.current.rendition("flac")
