from pathlib import Path

import orjson
import pytest

from drm.base62 import encode_base62
from origin.adapters.memory_store import MemoryStore
from origin.answer import IMMUTABLE
from origin.errors import (
    NotFoundError,
    ObjectDamagedError,
    PackagingPendingError,
    RecordError,
    StoreError,
)
from origin.ingest import IngestResult, ingest_master
from origin.records import AlbumRecord
from origin.resources import Resource, Resources
from origin.tests.examples import ALBUM_ID, entry
from origin.tests.workshops import NOW_S, make_workshop
from origin.workshop import Workshop


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    store = MemoryStore(size_max=1 << 24, clock=lambda: NOW_S)
    return make_workshop(store, tmp_path / "scratch")


@pytest.fixture
def resources(workshop: Workshop) -> Resources:
    return Resources(workshop.store, workshop.records)


async def ingest(workshop: Workshop, folder: Path, name: str, album: str | None) -> IngestResult:
    path = folder / name
    path.write_bytes(b"tone" + name.encode())
    return await ingest_master(workshop, path, album=album)


async def content_of(resource: Resource) -> bytes:
    stop = resource.representation.size_bytes
    return b"".join([chunk async for chunk in resource.stream(start=0, stop=stop)])


async def test_tracks_of_an_album_lead_from_one_to_the_next(
    workshop: Workshop, resources: Resources, tmp_path: Path
):
    first, second, third = [
        await ingest(workshop, tmp_path, name, "Album") for name in ("1.flac", "2.flac", "3.flac")
    ]
    track = await resources.track(first.track_id)
    assert track.representation.links == (f"<../tracks/{second.track_id}>; rel=next",)
    assert orjson.loads(await content_of(track))["links"]["next"] == f"../tracks/{second.track_id}"
    assert (await resources.track(third.track_id)).representation.links == ()
    # One that is not visible is passed over.
    await workshop.store.delete(f"tracks/{second.track_id}.json")
    track = await resources.track(first.track_id)
    assert track.representation.links == (f"<../tracks/{third.track_id}>; rel=next",)
    record = await workshop.records.track(first.track_id)
    assert record.album_id is not None
    album = await resources.album(record.album_id)
    listed = [one["track_id"] for one in orjson.loads(await content_of(album))["tracks"]]
    assert listed == [first.track_id, third.track_id]
    keys = (f"album:{record.album_id}", f"track:{first.track_id}", f"track:{third.track_id}")
    assert album.representation.surrogate_keys == keys
    assert track.representation.surrogate_keys == keys[1::-1]


async def test_a_page_of_a_large_album_is_purged_by_its_album(
    workshop: Workshop, resources: Resources
):
    ids = [encode_base62(number.to_bytes(16, "big")) for number in range(1, 131)]
    for track_id in ids:
        await workshop.store.put(f"tracks/{track_id}.json", b"{}")
    album = AlbumRecord(ALBUM_ID, "Album", "", tuple(entry(one) for one in ids))
    await workshop.records.change_album(ALBUM_ID, lambda _: album)
    keys = (await resources.album(ALBUM_ID)).representation.surrogate_keys
    assert keys[:2] == (f"album:{ALBUM_ID}", f"track:{ids[0]}")
    assert len(" ".join(keys)) < 4096


async def test_an_album_whose_tracks_are_not_visible_is_none(
    workshop: Workshop, resources: Resources, tmp_path: Path
):
    result = await ingest(workshop, tmp_path, "1.flac", "Album")
    record = await workshop.records.track(result.track_id)
    await workshop.store.delete(f"tracks/{result.track_id}.json")
    assert record.album_id is not None
    for album_id in (record.album_id, "0" * 22, "../x"):
        with pytest.raises(NotFoundError):
            await resources.album(album_id)


async def test_a_track_of_no_album_leads_nowhere(
    workshop: Workshop, resources: Resources, tmp_path: Path
):
    result = await ingest(workshop, tmp_path, "1.flac", None)
    track = await resources.track(result.track_id)
    assert track.representation.links == ()
    assert track.representation.surrogate_keys == (f"track:{result.track_id}",)


def _fail(error: StoreError) -> None:
    raise error


async def test_the_library_is_listed_by_pages(
    workshop: Workshop, resources: Resources, tmp_path: Path
):
    results = [await ingest(workshop, tmp_path, f"{one}.flac", None) for one in range(5)]
    found: list[str] = []
    after = ""
    while True:
        page = await resources.library(after=after, limit=2, on_failure=_fail)
        document = orjson.loads(await content_of(page))
        found += [one["track_id"] for one in document["tracks"]]
        if document["next"] is None:
            break
        assert page.representation.links == (), "an edge would prefetch it as the next track"
        assert document["next"].startswith("library?limit=2&after=")
        after = document["next"].rpartition("=")[2]
    assert found == sorted(result.track_id for result in results)
    with pytest.raises(NotFoundError):
        await resources.library(after="../x", limit=2, on_failure=_fail)


async def test_a_damaged_record_does_not_take_the_library_away(
    workshop: Workshop, resources: Resources, tmp_path: Path
):
    result = await ingest(workshop, tmp_path, "1.flac", None)
    await workshop.store.put(f"tracks/{'0' * 22}.json", b"{}")
    failures: list[StoreError] = []
    page = await resources.library(after="", limit=9, on_failure=failures.append)
    document = orjson.loads(await content_of(page))
    assert [one["track_id"] for one in document["tracks"]] == [result.track_id]
    assert [type(one) for one in failures] == [RecordError]


async def test_renditions_come_from_the_store(
    workshop: Workshop, resources: Resources, tmp_path: Path
):
    result = await ingest(workshop, tmp_path, "1.flac", None)
    record = await workshop.records.track(result.track_id)
    facts = record.current.rendition("flac")
    assert facts is not None
    file = await resources.audio(result.track_id, result.version, "flac.mp4")
    assert file.representation.cache_control == IMMUTABLE
    assert (file.representation.sha256, file.representation.size_bytes) == (
        facts.sha256,
        facts.bytes,
    )
    assert file.representation.modified_s == NOW_S
    key = f"renditions/{result.track_id}/{result.version}/flac.mp4"
    assert await content_of(file) == (await workshop.store.read(key, size_max=10_000)).content
    await workshop.store.put(key, b"other bytes")
    with pytest.raises(ObjectDamagedError):
        await resources.audio(result.track_id, result.version, "flac.mp4")
    await workshop.store.delete(key)
    with pytest.raises(PackagingPendingError) as raised:
        await resources.audio(result.track_id, result.version, "flac.mp4")
    assert raised.value.advice == f"Run: attacca package {result.track_id} --rendition flac"
    # What is written from the record is there all the same.
    await resources.audio(result.track_id, result.version, "flac.json")
    await resources.audio(result.track_id, result.version, "manifest.mpd")


@pytest.mark.parametrize(
    ("version", "name"),
    [
        pytest.param("0" * 16, "flac.mp4", id="another version"),
        pytest.param("..", "flac.mp4", id="no version"),
        pytest.param(None, "opus-24.mp4", id="another rendition"),
        pytest.param(None, "../flac.mp4", id="another folder"),
    ],
)
async def test_there_is_no_such_file(
    workshop: Workshop, resources: Resources, tmp_path: Path, version: str | None, name: str
):
    result = await ingest(workshop, tmp_path, "1.flac", None)
    with pytest.raises(NotFoundError):
        await resources.audio(result.track_id, version or result.version, name)
    with pytest.raises(NotFoundError):
        await resources.audio("0" * 22, result.version, "flac.mp4")
