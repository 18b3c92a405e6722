"""What is found out about a master before anything is stored; `test_ingest` does the rest."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from origin.adapters.memory_store import MemoryStore
from origin.object_key import cover_key, cover_track_key
from origin.preparation import IngestOrder, Prepared, prepare
from origin.progress import ProgressTeller
from origin.tests.examples import LOUDNESS
from origin.tests.workshops import NOW_S, ingest_master, keys_in, make_workshop
from origin.workshop import Workshop


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    store = MemoryStore(size_max=1 << 24, clock=lambda: 0.0)
    return make_workshop(store, tmp_path / "scratch")


async def prepared_of(workshop: Workshop, order: IngestOrder) -> Prepared:
    return await prepare(workshop, order, workshop.scratch, ProgressTeller(None))


async def test_a_new_master_gets_a_record_without_a_version(workshop: Workshop, tmp_path: Path):
    path = tmp_path / "01 - Tone.flac"
    path.write_bytes(b"tone cover")
    prepared = await prepared_of(workshop, IngestOrder(path, album="Album", label="Label"))
    record = prepared.record
    assert not prepared.is_there
    assert (record.versions, record.current_version) == ((), "")
    assert (record.tags.title, record.tags.album, record.label) == ("01 - Tone", "Album", "Label")
    assert (record.loudness, record.created_s) == (LOUDNESS, NOW_S)
    assert record.album_id is not None
    assert await keys_in(workshop.store) == []
    assert {new.key.partition("/")[0] for new in prepared.objects} == {
        "masters",
        "contexts",
        "cover-tracks",
        "covers",
        "fingerprints",
    }
    for new in prepared.objects:
        content = new.source if isinstance(new.source, bytes) else new.source.read_bytes()
        assert hashlib.sha256(content).hexdigest() == new.sha256


async def test_a_picture_in_the_folder_of_a_master_stands_in(workshop: Workshop, tmp_path: Path):
    path = tmp_path / "a.flac"
    path.write_bytes(b"tone")
    (tmp_path / "cover.png").write_bytes(b"a picture")
    assert (await prepared_of(workshop, IngestOrder(path))).record.cover is not None


async def test_overrides_count_instead_of_the_tags(workshop: Workshop, tmp_path: Path):
    path = tmp_path / "a.flac"
    path.write_bytes(b"tone")
    order = IngestOrder(path, overrides={"artist": ["Other"], "isrc": ["USRC17607839"]})
    tags = (await prepared_of(workshop, order)).record.tags
    assert (tags.artists, tags.isrc, tags.album) == (("Other",), "USRC17607839", None)


async def test_what_is_there_and_whole_is_not_decoded_again(workshop: Workshop, tmp_path: Path):
    path = tmp_path / "a.flac"
    path.write_bytes(b"tone")
    result = await ingest_master(workshop, path, renditions=())
    again = await prepared_of(workshop, IngestOrder(path))
    assert (again.is_there, again.master, again.objects) == (True, None, ())
    assert again.record == await workshop.records.track(result.track_id)


async def test_what_is_there_keeps_its_record_when_its_master_is_put_again(
    workshop: Workshop, tmp_path: Path
):
    path = tmp_path / "a.flac"
    path.write_bytes(b"tone")
    result = await ingest_master(workshop, path, renditions=())
    record = await workshop.records.track(result.track_id)
    await workshop.store.delete(record.master_key)
    again = await prepared_of(workshop, IngestOrder(path, album="Other"))
    assert again.is_there
    assert again.record == record
    assert record.master_key in {new.key for new in again.objects}
    assert replace(again.record, album_id=None) == replace(record, album_id=None)


@pytest.mark.parametrize("lost", ["master", "cover", "note of the cover"])
async def test_what_a_track_with_a_cover_has_lost_is_put_again(
    workshop: Workshop, tmp_path: Path, lost: str
):
    path = tmp_path / "a.flac"
    path.write_bytes(b"tone and cover")
    result = await ingest_master(workshop, path, renditions=())
    record = await workshop.records.track(result.track_id)
    assert record.cover is not None
    (size,) = record.cover.sizes
    cover = cover_key(record.cover.digest, size=size.size, extension=size.extension)
    note = cover_track_key(record.cover.digest, record.track_id)
    keys = {"master": record.master_key, "cover": cover, "note of the cover": note}
    await workshop.store.delete(keys[lost])
    assert (await ingest_master(workshop, path, renditions=())).is_new is False
    for key in keys.values():
        assert await workshop.store.head(key) is not None


async def test_a_label_does_not_get_into_the_album_of_another(workshop: Workshop, tmp_path: Path):
    albums = set()
    for label in ("", "nebula", "quasar"):
        folder = tmp_path / f"of {label}"
        folder.mkdir()
        path = tmp_path / f"{label}.flac"
        path.write_bytes(b"tone " + label.encode())
        order = IngestOrder(path, album="Album", label=label)
        prepared = await prepare(workshop, order, folder, ProgressTeller(None))
        albums.add(prepared.record.album_id)
    assert len(albums) == 3
