"""Ingest over small adapters; `test_library` and `test_app` do it with real audio."""

import asyncio
import hashlib
import itertools
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import pytest
from typing_extensions import override

from drm.adapters.memory_content_keys import MemoryContentKeys
from origin.adapters.folder_store import open_folder_store
from origin.adapters.memory_store import MemoryStore
from origin.errors import (
    OriginError,
    RebuildMismatchError,
    SourceUnreadableError,
    StoreFullError,
)
from origin.ingest import ingest_master
from origin.ports import ObjectStore
from origin.progress import IngestProgress, Stage
from origin.records import TrackRecord
from origin.tags import Tags
from origin.tests.workshops import (
    NOW_S,
    BreakingStore,
    TextPackager,
    keys_in,
    make_workshop,
)
from origin.track_id import track_id_of
from origin.workshop import Workshop
from packager.errors import NotAudioError, PoolBusyError, WorkerDiedError, WorkerTimeoutError
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
    assert await keys_in(workshop.store) == sorted(
        [
            f"masters/{result.track_id}/{sha256}.flac",
            f"tracks/{result.track_id}.json",
            *(f"{folder}{one.name}.{one.container}" for one in PROFILES.values()),
            *(f"{folder}{name}.json" for name in PROFILES),
        ]
    )
    index = await workshop.store.read(f"{folder}flac.json", size_max=10_000)
    assert decode_seek_index(index.content) == record.current.rendition("flac")
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
    first = await ingest_master(workshop, write_tone(tmp_path), album="Album")
    second = await ingest_master(workshop, write_tone(tmp_path, content=b"tone 2"), album="Album")
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
            workshop, write_tone(tmp_path, name, b"tone" + name.encode()), album=" The\nAlbum "
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
    result = await ingest_master(workshop, write_tone(tmp_path, name))
    record = await record_of(workshop, result.track_id)
    assert not set(record.file_name + result.title) & set("\n\u202e\udcff")


async def test_what_is_no_audio_leaves_the_store_as_it_was(workshop: Workshop, tmp_path: Path):
    with pytest.raises(NotAudioError):
        await ingest_master(workshop, write_tone(tmp_path, content=b"text"), album="Album")
    with pytest.raises(SourceUnreadableError):
        await ingest_master(workshop, tmp_path / "missing")
    assert await keys_in(workshop.store) == []
    assert list(workshop.scratch.iterdir()) == []


# A master, three renditions with their indexes, album and track: nine writes.
WRITES = 9


async def test_so_many_writes_make_a_track(tmp_path: Path):
    for writes, is_enough in ((WRITES - 1, False), (WRITES, True)):
        store = BreakingStore(memory(), writes=writes, error=StoreFullError("full"))
        workshop = make_workshop(store, tmp_path / "scratch")
        if is_enough:
            await ingest_master(workshop, write_tone(tmp_path), album="Album")
        else:
            with pytest.raises(StoreFullError):
                await ingest_master(workshop, write_tone(tmp_path), album="Album")


@pytest.mark.parametrize("writes", range(WRITES))
@pytest.mark.parametrize(
    "error",
    [
        pytest.param(StoreFullError("full"), id="full"),
        pytest.param(asyncio.CancelledError(), id="cancelled"),
    ],
)
async def test_a_failed_ingest_leaves_the_store_as_it_was(
    tmp_path: Path, store: ObjectStore, writes: int, error: BaseException
):
    keys = MemoryContentKeys()
    breaking = BreakingStore(store, writes=writes, error=error)
    workshop = make_workshop(breaking, tmp_path / "scratch", content_keys=keys)
    path = write_tone(tmp_path)
    with pytest.raises(type(error)):
        await ingest_master(workshop, path, album="Album")
    left = await keys_in(store)
    # An album without a track is shown to nobody; to remove it would race with another's put.
    assert [key for key in left if not key.startswith("albums/")] == []
    for key in left:
        album_id = key.removeprefix("albums/").removesuffix(".json")
        album = await workshop.records.find_album(album_id)
        assert album is not None
        assert album.entries == ()
    assert list(workshop.scratch.iterdir()) == []
    again = make_workshop(store, tmp_path / "scratch", content_keys=keys)
    assert (await ingest_master(again, path, album="Album")).is_new


@pytest.mark.parametrize("writes", range(WRITES))
async def test_a_cancellation_never_leaves_a_visible_track_without_its_files(
    tmp_path: Path, store: ObjectStore, writes: int
):
    """The write that is cancelled is done all the same: a thread cannot be stopped."""
    breaking = BreakingStore(store, writes=writes, error=asyncio.CancelledError(), is_late=True)
    workshop = make_workshop(breaking, tmp_path / "scratch")
    with pytest.raises(asyncio.CancelledError):
        await ingest_master(workshop, write_tone(tmp_path), album="Album")
    left = [key for key in await keys_in(store) if not key.startswith("albums/")]
    is_visible = any(key.startswith("tracks/") for key in left)
    assert is_visible == (writes == WRITES - 1)
    assert len(left) == (WRITES - 1 if is_visible else 0)


@pytest.mark.parametrize("is_damaged", [False, True], ids=["missing", "cut short"])
async def test_a_lost_master_is_put_again_by_the_next_ingest(tmp_path: Path, *, is_damaged: bool):
    async with open_folder_store(tmp_path / "store") as store:
        workshop = make_workshop(store, tmp_path / "scratch")
        path = write_tone(tmp_path)
        first = await ingest_master(workshop, path)
        (key,) = (await store.list_keys("masters/", limit=9)).keys
        if is_damaged:
            (tmp_path / "store" / key).write_bytes(b"to")
        else:
            await store.delete(key)
        again = await ingest_master(workshop, path)
        assert (again.track_id, again.is_new) == (first.track_id, False)
        assert (await store.read(key, size_max=100)).content == b"tone"


@pytest.mark.parametrize("writes", range(WRITES))
async def test_an_ingest_that_was_killed_is_completed(tmp_path: Path, writes: int):
    """As after a kill, nothing is taken back: the store is broken for good."""
    store = memory()
    keys = MemoryContentKeys()
    breaking = BreakingStore(store, writes=writes, error=StoreFullError("full"))
    breaking.is_broken_for_good = True
    path = write_tone(tmp_path)
    with pytest.raises(StoreFullError):
        await ingest_master(
            make_workshop(breaking, tmp_path / "scratch", content_keys=keys), path, album="Album"
        )
    left = await keys_in(store)
    assert len(left) == writes
    assert not [key for key in left if key.startswith("tracks/")]
    before = {key: (await store.read(key, size_max=1 << 20)).head for key in left}
    workshop = make_workshop(store, tmp_path / "scratch", content_keys=keys)
    result = await ingest_master(workshop, path, album="Album")
    assert result.is_new
    assert len(await keys_in(store)) == WRITES
    for key, head in before.items():
        assert (await store.head(key)) == head, "what was published is reused"


async def test_leftovers_with_other_bytes_are_never_replaced(tmp_path: Path):
    store = memory()
    workshop = make_workshop(store, tmp_path / "scratch")
    path = write_tone(tmp_path)
    result = await ingest_master(workshop, path)
    key = f"renditions/{result.track_id}/{result.version}/flac.mp4"
    await store.delete(f"tracks/{result.track_id}.json")
    await store.put(key, b"other bytes")
    before = await keys_in(store)
    with pytest.raises(RebuildMismatchError, match="recorded SHA-256"):
        await ingest_master(workshop, path)
    assert (await store.read(key, size_max=100)).content == b"other bytes"
    assert await keys_in(store) == before


async def test_a_damaged_leftover_is_replaced(tmp_path: Path):
    async with open_folder_store(tmp_path / "store") as store:
        workshop = make_workshop(store, tmp_path / "scratch")
        path = write_tone(tmp_path)
        result = await ingest_master(workshop, path)
        key = f"renditions/{result.track_id}/{result.version}/flac.mp4"
        await store.delete(f"tracks/{result.track_id}.json")
        (tmp_path / "store" / key).write_bytes(b"cut")
        await ingest_master(workshop, path)
        record = await record_of(workshop, result.track_id)
        facts = record.current.rendition("flac")
        assert facts is not None
        assert (await store.read(key, size_max=10_000)).head.sha256 == facts.sha256


@pytest.mark.parametrize("error", [WorkerDiedError("memory"), WorkerTimeoutError("10 s")])
async def test_tags_that_cost_too_much_do_not_refuse_the_master(
    tmp_path: Path, error: Exception, caplog: pytest.LogCaptureFixture
):
    workshop = make_workshop(memory(), tmp_path / "scratch", packager=TaglessPackager(error))
    result = await ingest_master(workshop, write_tone(tmp_path))
    record = await record_of(workshop, result.track_id)
    assert record.tags == Tags("01 - Tone")
    assert "tags cannot be read" in caplog.text


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
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(
                    ingest_master(
                        make_workshop(store, tmp_path / "scratch", content_keys=keys),
                        path,
                        album="Album",
                    )
                )
                for _ in range(4)
            ]
        results = [task.result() for task in tasks]
        assert sum(one.is_new for one in results) == 1
        assert len({(one.track_id, one.version) for one in results}) == 1
        assert len(await keys_in(store)) == WRITES


@pytest.mark.parametrize("writes", range(1, WRITES))
async def test_one_that_fails_does_no_harm_to_one_that_succeeds(tmp_path: Path, writes: int):
    store = memory()
    keys = MemoryContentKeys()
    path = write_tone(tmp_path)
    failing = make_workshop(
        BreakingStore(store, writes=writes, error=StoreFullError("full")),
        tmp_path / "scratch",
        content_keys=keys,
    )
    sound = make_workshop(store, tmp_path / "scratch", content_keys=keys)
    outcomes = await asyncio.gather(
        ingest_master(failing, path, album="Album"),
        ingest_master(sound, path, album="Album"),
        return_exceptions=True,
    )
    assert [one for one in outcomes if not isinstance(one, OriginError)]
    assert len(await keys_in(store)) == WRITES
