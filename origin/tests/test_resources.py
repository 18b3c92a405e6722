import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from drm.base62 import encode_base62
from origin.adapters.memory_store import MemoryStore
from origin.answer import IMMUTABLE
from origin.errors import (
    NotFoundError,
    PackagingPendingError,
    RecordError,
    StoreError,
    TakenDownError,
)
from origin.ingest import IngestResult
from origin.rebuild_errors import VersionGoneError
from origin.records import AlbumRecord, Takedown
from origin.resources import Resource, Resources
from origin.tests.examples import ALBUM_ID, IDENTITY, TRACK, entry
from origin.tests.workshops import NOW_S, TextPackager, ingest_master, make_workshop, open_demand_of
from origin.workshop import Workshop
from packager.priority import Priority
from packager.renditions import PROFILES, Container


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    store = MemoryStore(size_max=1 << 24, clock=lambda: NOW_S)
    return make_workshop(store, tmp_path / "scratch")


@pytest.fixture
async def resources(workshop: Workshop) -> AsyncIterator[Resources]:
    async with open_demand_of(workshop) as demand:
        yield Resources(workshop.store, workshop.records, demand, wait_s=2)


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
    own, others = f"track:{first.track_id}", f"track:{third.track_id}"
    names = (f"album:{record.album_id}", f"listing:{record.album_id}")
    assert album.representation.surrogate_keys == (*names, own, others)
    assert track.representation.surrogate_keys == (own, *names)
    file = await resources.audio(first.track_id, record.current_version, "flac.mp4")
    assert file.representation.surrogate_keys == (own, names[0])


async def test_a_page_of_a_large_album_is_purged_by_its_album(
    workshop: Workshop, resources: Resources
):
    ids = [encode_base62(number.to_bytes(16, "big")) for number in range(1, 131)]
    for track_id in ids:
        await workshop.records.add_track(replace(TRACK, track_id=track_id))
    album = AlbumRecord(ALBUM_ID, "Album", "", tuple(entry(one) for one in ids))
    await workshop.records.change_album(ALBUM_ID, lambda _: album)
    keys = (await resources.album(ALBUM_ID)).representation.surrogate_keys
    assert keys[:3] == (f"album:{ALBUM_ID}", f"listing:{ALBUM_ID}", f"track:{ids[0]}")
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


async def test_a_damaged_album_does_not_take_its_tracks_away(
    workshop: Workshop, resources: Resources, tmp_path: Path
):
    result = await ingest(workshop, tmp_path, "1.flac", "Album")
    album_id = (await workshop.records.track(result.track_id)).album_id
    assert album_id is not None
    await workshop.store.put(f"albums/{album_id}.json", b"{}")
    document = orjson.loads(await content_of(await resources.track(result.track_id)))
    assert document["album"]["title"] == "Album"


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


@pytest.mark.parametrize("content", [None, b"other bytes"], ids=["lost", "replaced"])
async def test_a_rendition_that_the_store_has_lost_is_made_again(
    workshop: Workshop, resources: Resources, tmp_path: Path, content: bytes | None
):
    result = await ingest(workshop, tmp_path, "1.flac", None)
    key = f"renditions/{result.track_id}/{result.version}/flac.mp4"
    before = await workshop.store.read(key, size_max=10_000)
    if content is None:
        await workshop.store.delete(key)
    else:
        await workshop.store.put(key, content)
    # What is written from the record is there all the same.
    await resources.audio(result.track_id, result.version, "flac.json")
    await resources.audio(result.track_id, result.version, "manifest.mpd")
    file = await resources.audio(result.track_id, result.version, "flac.mp4")
    assert await content_of(file) == before.content


async def test_what_was_never_packaged_is_packaged_for_whoever_asks(
    workshop: Workshop, resources: Resources, tmp_path: Path
):
    (tmp_path / "1.flac").write_bytes(b"tone")
    result = await ingest_master(workshop, tmp_path / "1.flac", album="Album", renditions=())
    packager = workshop.packager
    assert isinstance(packager, TextPackager)
    await resources.audio(result.track_id, result.version, "vorbis-96.json")
    assert packager.packaged == ["vorbis-96"]
    await resources.audio(result.track_id, result.version, "vorbis-96.ogg")
    await resources.audio(result.track_id, result.version, "aac-96.m3u8")
    assert packager.packaged == ["vorbis-96", "aac-96"]
    await resources.audio(result.track_id, result.version, "master.m3u8")
    fragmented = [name for name, one in PROFILES.items() if one.container is Container.MP4]
    assert sorted(packager.packaged) == sorted(["vorbis-96", *fragmented])
    assert set(packager.packaged_for) == {Priority.LISTENER}


async def test_playlists_of_an_album_wait_for_all_of_its_tracks(
    workshop: Workshop, resources: Resources, tmp_path: Path
):
    for name in ("1.flac", "2.flac"):
        (tmp_path / name).write_bytes(b"tone" + name.encode())
        await ingest_master(workshop, tmp_path / name, album="Album", renditions=())
    record, _ = (await workshop.records.list_tracks(after="", limit=9)).tracks
    assert record.album_id is not None
    playlist = await resources.album_file(record.album_id, "aac-96.m3u8")
    assert b"#EXT-X-DISCONTINUITY" in await content_of(playlist)
    assert playlist.representation.surrogate_keys[0] == f"album:{record.album_id}"
    assert b"<Period" in await content_of(
        await resources.album_file(record.album_id, "manifest.mpd")
    )
    with pytest.raises(NotFoundError):
        await resources.album_file(record.album_id, "vorbis-96.m3u8")
    with pytest.raises(NotFoundError):
        await resources.album_file("0" * 22, "manifest.mpd")


async def test_whoever_cannot_be_served_in_time_is_told_how_far_it_is(
    workshop: Workshop, resources: Resources, tmp_path: Path
):
    (tmp_path / "1.flac").write_bytes(b"tone")
    result = await ingest_master(workshop, tmp_path / "1.flac", renditions=())
    packager = workshop.packager
    assert isinstance(packager, TextPackager)
    packager.gate = asyncio.Event()
    with pytest.raises(PackagingPendingError) as raised:
        await resources.audio(result.track_id, result.version, "flac.mp4")
    assert raised.value.members["progress"] == 0.25
    assert raised.value.members["renditions"] == ["flac"]
    packager.gate.set()
    await resources.audio(result.track_id, result.version, "flac.mp4")
    assert packager.packaged == ["flac"]


async def test_a_version_of_other_encoders_is_gone_and_leads_to_the_current_one(
    workshop: Workshop, tmp_path: Path
):
    result = await ingest(workshop, tmp_path, "1.flac", None)
    key = f"renditions/{result.track_id}/{result.version}/flac.mp4"
    await workshop.store.delete(key)
    newer = replace(TRACK.current, version="f" * 16)
    other = replace(workshop, packager=TextPackager(replace(IDENTITY, libraries={"av": "19"})))
    async with open_demand_of(other) as demand:
        resources = Resources(workshop.store, workshop.records, demand, wait_s=5)
        with pytest.raises(VersionGoneError, match="av was 18, is 19") as current:
            await content_of(await resources.audio(result.track_id, result.version, "flac.mp4"))
        assert "attacca repackage" in current.value.advice
        assert "Link" not in current.value.headers
        await workshop.records.change_track(
            result.track_id,
            lambda record: replace(
                record, current_version=newer.version, versions=(*record.versions, newer)
            ),
        )
    async with open_demand_of(other) as demand:
        resources = Resources(workshop.store, workshop.records, demand, wait_s=5)
        file = await resources.audio(result.track_id, result.version, "flac.mp4")
        with pytest.raises(VersionGoneError) as former:
            await file.prove()
        link = f'<../{newer.version}/flac.mp4>; rel="latest-version"'
        assert former.value.headers["Link"] == link
        assert former.value.members["current_version"] == newer.version


async def test_a_track_that_was_taken_down_is_refused_with_all_its_files(
    workshop: Workshop, resources: Resources, tmp_path: Path
):
    withheld, other = [
        await ingest(workshop, tmp_path, name, "Album") for name in ("1.flac", "2.flac")
    ]
    await workshop.records.change_track(
        withheld.track_id, lambda record: replace(record, takedown=Takedown("by order", NOW_S))
    )
    for name in ("flac.mp4", "flac.json", "manifest.mpd", "no such file"):
        with pytest.raises(TakenDownError, match="by order"):
            await resources.audio(withheld.track_id, withheld.version, name)
    with pytest.raises(TakenDownError) as raised:
        await resources.track(withheld.track_id)
    assert raised.value.headers["Cache-Control"] == "no-store"
    record = await workshop.records.track(other.track_id)
    assert record.album_id is not None
    album = orjson.loads(await content_of(await resources.album(record.album_id)))
    assert [one["track_id"] for one in album["tracks"]] == [other.track_id]
    assert orjson.loads(await content_of(await resources.track(other.track_id)))["joins"] == {
        "previous": None,
        "next": None,
    }


async def test_covers_come_from_the_store(workshop: Workshop, resources: Resources, tmp_path: Path):
    await ingest(workshop, tmp_path, "cover", None)
    cover = await resources.cover(f"{'3c' * 16}-480.jpg")
    assert await content_of(cover) == b"a picture"
    assert cover.representation.content_type == "image/jpeg"
    assert cover.representation.cache_control == IMMUTABLE
    assert cover.representation.surrogate_keys == (f"cover:{'3c' * 16}",)
    for name in (f"{'3c' * 16}-128.jpg", "../x", f"{'3c' * 16}-480.exe", ""):
        with pytest.raises(NotFoundError):
            await resources.cover(name)


async def test_a_cover_is_withheld_when_all_of_its_tracks_are(
    workshop: Workshop, resources: Resources, tmp_path: Path
):
    tracks = [await ingest(workshop, tmp_path, name, "Album") for name in ("cover1", "cover2")]
    for track in tracks:
        await resources.cover(f"{'3c' * 16}-480.jpg")
        await workshop.records.change_track(
            track.track_id, lambda record: replace(record, takedown=Takedown("by order", NOW_S))
        )
    with pytest.raises(TakenDownError, match="by order"):
        await resources.cover(f"{'3c' * 16}-480.jpg")


@pytest.mark.parametrize(
    ("version", "name"),
    [
        pytest.param("0" * 16, "flac.mp4", id="another version"),
        pytest.param("..", "flac.mp4", id="no version"),
        pytest.param(None, "mp3-1.mp4", id="another rendition"),
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
