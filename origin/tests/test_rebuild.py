from dataclasses import replace
from pathlib import Path

import pytest

from drm.adapters.memory_content_keys import MemoryContentKeys
from origin.adapters.folder_store import open_folder_store
from origin.adapters.memory_store import MemoryStore
from origin.errors import (
    NotFoundError,
    ObjectMissingError,
    RebuildMismatchError,
    VersionGoneError,
)
from origin.ingest import ingest_master
from origin.rebuild import rebuild_renditions
from origin.records import TrackRecord
from origin.tests.examples import IDENTITY
from origin.tests.workshops import TextPackager, keys_in, make_workshop
from origin.workshop import Workshop
from packager.identity import EncoderIdentity


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    store = MemoryStore(size_max=1 << 24, clock=lambda: 0.0)
    return make_workshop(store, tmp_path / "scratch")


@pytest.fixture
async def record(workshop: Workshop, tmp_path: Path) -> TrackRecord:
    path = tmp_path / "master"
    path.write_bytes(b"tone")
    result = await ingest_master(workshop, path)
    return await workshop.records.track(result.track_id)


def key_of(record: TrackRecord, name: str) -> str:
    return f"renditions/{record.track_id}/{record.current_version}/{name}"


def with_digest(record: TrackRecord, name: str, sha256: str) -> TrackRecord:
    """The record as if it promised another digest of a rendition."""
    version = record.current
    renditions = tuple(
        replace(facts, sha256=sha256) if facts.name == name else facts
        for facts in version.renditions
    )
    return replace(record, versions=(replace(version, renditions=renditions),))


async def test_nothing_is_made_of_what_is_complete(workshop: Workshop, record: TrackRecord):
    assert await rebuild_renditions(workshop, record) == []


@pytest.mark.parametrize("lost", [["flac.mp4"], ["vorbis-160.json"], ["flac.mp4", "aac-160.mp4"]])
async def test_what_is_missing_is_made_again(
    workshop: Workshop, record: TrackRecord, lost: list[str]
):
    before = {key: (await workshop.store.head(key)) for key in await keys_in(workshop.store)}
    for name in lost:
        await workshop.store.delete(key_of(record, name))
    made = await rebuild_renditions(workshop, record)
    assert [facts.name for facts in made] == [name.partition(".")[0] for name in lost]
    after = {key: (await workshop.store.head(key)) for key in await keys_in(workshop.store)}
    assert after == before
    assert list(workshop.scratch.iterdir()) == []


async def test_a_rendition_that_is_named_is_made_in_any_case(
    workshop: Workshop, record: TrackRecord
):
    told: list[float] = []
    made = await rebuild_renditions(workshop, record, "flac", on_progress=told.append)
    assert made == [record.current.rendition("flac")]
    assert told[-1] == 1.0
    with pytest.raises(NotFoundError, match="it has flac, aac-160, vorbis-160"):
        await rebuild_renditions(workshop, record, "opus-24")


async def test_a_damaged_rendition_is_made_again(tmp_path: Path):
    async with open_folder_store(tmp_path / "store") as store:
        workshop = make_workshop(store, tmp_path / "scratch")
        (tmp_path / "master").write_bytes(b"tone")
        result = await ingest_master(workshop, tmp_path / "master")
        record = await workshop.records.track(result.track_id)
        (tmp_path / "store" / key_of(record, "flac.mp4")).write_bytes(b"cut")
        assert len(await rebuild_renditions(workshop, record)) == 1
        assert await rebuild_renditions(workshop, record) == []


@pytest.mark.parametrize("is_lost", [True, False], ids=["missing", "there"])
async def test_other_bytes_than_the_recorded_ones_are_not_published(
    workshop: Workshop, record: TrackRecord, is_lost: object
):
    key = key_of(record, "flac.mp4")
    if is_lost:
        await workshop.store.delete(key)
    before = {one: (await workshop.store.head(one)) for one in await keys_in(workshop.store)}
    altered = with_digest(record, "flac", "00" * 32)
    with pytest.raises(RebuildMismatchError) as raised:
        await rebuild_renditions(workshop, altered, "flac")
    facts = record.current.rendition("flac")
    assert facts is not None
    assert "000000000000…" in str(raised.value)
    assert facts.sha256[:12] in str(raised.value)
    after = {one: (await workshop.store.head(one)) for one in await keys_in(workshop.store)}
    assert after == before


async def test_one_mismatch_keeps_all_back(workshop: Workshop, record: TrackRecord):
    altered = with_digest(record, "vorbis-160", "00" * 32)
    for name in ("flac.mp4", "vorbis-160.ogg"):
        await workshop.store.delete(key_of(record, name))
    with pytest.raises(RebuildMismatchError):
        await rebuild_renditions(workshop, altered)
    assert await workshop.store.head(key_of(record, "flac.mp4")) is None


@pytest.mark.parametrize(
    ("identity", "message"),
    [
        pytest.param(
            replace(IDENTITY, libraries={"av": "19"}),
            "libraries.av was 18, is 19",
            id="another library",
        ),
        pytest.param(
            replace(IDENTITY, architecture="aarch64"),
            "architecture was x86_64, is aarch64",
            id="another machine",
        ),
    ],
)
async def test_other_encoders_cannot_make_the_version(
    workshop: Workshop, record: TrackRecord, identity: EncoderIdentity, message: str
):
    await workshop.store.delete(key_of(record, "flac.mp4"))
    other = replace(workshop, packager=TextPackager(identity))
    with pytest.raises(VersionGoneError, match=message):
        await rebuild_renditions(other, record)
    assert await workshop.store.head(key_of(record, "flac.mp4")) is None


async def test_other_keys_cannot_make_the_version(workshop: Workshop, record: TrackRecord):
    other = replace(workshop, content_keys=MemoryContentKeys())
    with pytest.raises(VersionGoneError, match="content keys"):
        await rebuild_renditions(other, record, "flac")


async def test_a_rendition_of_another_release_cannot_be_made(
    workshop: Workshop, record: TrackRecord
):
    version = record.current
    facts = replace(version.renditions[0], name="mp3-1")
    newer = replace(version, renditions=(*version.renditions, facts))
    with pytest.raises(VersionGoneError, match="does not know mp3-1"):
        await rebuild_renditions(workshop, replace(record, versions=(newer,)))


async def test_a_lost_master_is_told(workshop: Workshop, record: TrackRecord):
    await workshop.store.delete(record.master_key)
    with pytest.raises(ObjectMissingError, match="masters/"):
        await rebuild_renditions(workshop, record, "flac")
