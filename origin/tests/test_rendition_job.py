"""The making of one rendition: what is published, and what is never published."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from drm.adapters.memory_content_keys import MemoryContentKeys
from origin.adapters.folder_store import open_folder_store
from origin.adapters.memory_store import MemoryStore
from origin.errors import StoreFullError
from origin.local_masters import LocalMasters
from origin.rebuild_errors import IngredientLostError, RebuildMismatchError, VersionGoneError
from origin.records import TrackRecord
from origin.rendition_job import Target, find_published, make_rendition
from origin.tests.examples import IDENTITY
from origin.tests.workshops import (
    BreakingStore,
    TextPackager,
    ingest_master,
    keys_in,
    make_workshop,
)
from origin.workshop import Workshop
from packager.errors import MasterChangedError
from packager.priority import Priority
from packager.seek_index import RenditionFacts


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    store = MemoryStore(size_max=1 << 24, clock=lambda: 0.0)
    return make_workshop(store, tmp_path / "scratch")


@pytest.fixture
async def target(workshop: Workshop, tmp_path: Path) -> Target:
    path = tmp_path / "master"
    path.write_bytes(b"tone")
    result = await ingest_master(workshop, path, renditions=())
    return Target(result.track_id, result.version, "flac")


async def make(workshop: Workshop, target: Target) -> RenditionFacts:
    return await make_rendition(
        workshop,
        LocalMasters(workshop.store),
        target,
        priority=Priority.LISTENER,
        on_progress=lambda _: None,
    )


async def facts_of(workshop: Workshop, target: Target) -> RenditionFacts | None:
    record = await workshop.records.track(target.track_id)
    return record.current.rendition(target.rendition)


async def heads(workshop: Workshop) -> dict[str, object]:
    return {key: await workshop.store.head(key) for key in await keys_in(workshop.store)}


async def promise(workshop: Workshop, target: Target, sha256: str) -> None:
    """Have the record promise another digest."""

    def change(record: TrackRecord) -> TrackRecord:
        facts = record.current.rendition(target.rendition)
        assert facts is not None
        return record.with_version(record.current.with_rendition(replace(facts, sha256=sha256)))

    await workshop.records.change_track(target.track_id, change)


async def test_what_is_made_is_published_and_then_recorded(workshop: Workshop, target: Target):
    assert await find_published(workshop, target) is None
    facts = await make(workshop, target)
    assert await find_published(workshop, target) == facts == await facts_of(workshop, target)
    head = await workshop.store.head(target.file_key)
    assert head is not None
    assert head.sha256 == facts.sha256
    assert list(workshop.scratch.iterdir()) == []


async def test_a_lost_file_is_made_again_as_it_was(workshop: Workshop, target: Target):
    facts = await make(workshop, target)
    before = await heads(workshop)
    await workshop.store.delete(target.file_key)
    assert await find_published(workshop, target) is None
    assert await make(workshop, target) == facts
    assert await heads(workshop) == before


@pytest.mark.parametrize("is_lost", [True, False], ids=["missing", "there"])
async def test_other_bytes_than_the_recorded_ones_are_not_published(
    workshop: Workshop, target: Target, is_lost: object
):
    facts = await make(workshop, target)
    if is_lost:
        await workshop.store.delete(target.file_key)
    await promise(workshop, target, "00" * 32)
    before = await heads(workshop)
    with pytest.raises(RebuildMismatchError) as raised:
        await make(workshop, target)
    assert "000000000000…" in str(raised.value)
    assert facts.sha256[:12] in str(raised.value)
    assert await heads(workshop) == before


@pytest.mark.parametrize("left", [b"other bytes", b""], ids=["other bytes", "nothing"])
async def test_what_no_record_promises_is_replaced(workshop: Workshop, target: Target, left: bytes):
    await workshop.store.put(target.file_key, left)
    facts = await make(workshop, target)
    head = await workshop.store.head(target.file_key)
    assert head is not None
    assert head.sha256 == facts.sha256


async def test_a_damaged_leftover_is_replaced(tmp_path: Path):
    (tmp_path / "master").write_bytes(b"tone")
    async with open_folder_store(tmp_path / "store") as store:
        workshop = make_workshop(store, tmp_path / "scratch")
        result = await ingest_master(workshop, tmp_path / "master", renditions=())
        target = Target(result.track_id, result.version, "flac")
        await store.put(target.file_key, b"a whole file")
        (tmp_path / "store" / target.file_key).write_bytes(b"cut")
        facts = await make(workshop, target)
        assert await find_published(workshop, target) == facts


@pytest.mark.parametrize("writes", range(3))
async def test_what_a_killed_job_left_is_completed(workshop: Workshop, target: Target, writes: int):
    breaking = BreakingStore(workshop.store, writes=writes, error=StoreFullError("full"))
    killed = make_workshop(
        breaking, workshop.scratch, packager=TextPackager(), content_keys=workshop.content_keys
    )
    with pytest.raises(StoreFullError):
        await make(killed, target)
    assert await facts_of(workshop, target) is None
    facts = await make(workshop, target)
    assert await find_published(workshop, target) == facts
    packager = workshop.packager
    assert isinstance(packager, TextPackager)
    # With the file and its index there, only the facts were missing.
    assert packager.packaged == ([] if writes == 2 else ["flac"])


async def test_a_leftover_whose_index_is_of_another_file_is_not_adopted(
    workshop: Workshop, target: Target
):
    facts = await make(workshop, target)
    await workshop.records.change_track(
        target.track_id, lambda it: it.with_version(replace(it.current, renditions=()))
    )
    await workshop.store.put(target.file_key, b"other bytes")
    assert await make(workshop, target) == facts
    await workshop.store.put(target.index_key, b"{")
    await workshop.records.change_track(
        target.track_id, lambda it: it.with_version(replace(it.current, renditions=()))
    )
    assert await make(workshop, target) == facts


async def test_several_renditions_get_into_the_record_at_the_same_time(
    workshop: Workshop, target: Target
):
    targets = [replace(target, rendition=name) for name in ("opus-24", "aac-96", "flac")]
    await asyncio.gather(*(make(workshop, one) for one in targets))
    record = await workshop.records.track(target.track_id)
    assert [facts.name for facts in record.current.renditions] == ["flac", "aac-96", "opus-24"]


async def test_other_encoders_or_keys_cannot_make_the_version(workshop: Workshop, target: Target):
    other = TextPackager(replace(IDENTITY, libraries={"av": "19"}))
    with pytest.raises(VersionGoneError, match=r"libraries\.av was 18, is 19"):
        await make(replace(workshop, packager=other), target)
    with pytest.raises(VersionGoneError, match="key is not the track's present one"):
        await make(replace(workshop, content_keys=MemoryContentKeys()), target)
    assert await find_published(workshop, target) is None


async def test_opus_is_made_again_only_where_libopus_computes_alike(
    workshop: Workshop, target: Target
):
    here, there = (
        replace(workshop, packager=TextPackager(replace(IDENTITY, opus_probe=probe)))
        for probe in ("a1", "b2")
    )
    opus = replace(target, rendition="opus-24")
    facts = await make(here, opus)  # Planned by neither of them: the first one decides.
    record = await workshop.records.track(target.track_id)
    assert record.current.identity.opus_probe == "a1"
    await workshop.store.delete(opus.file_key)
    with pytest.raises(VersionGoneError, match="libopus computes otherwise"):
        await make(there, opus)
    await make(there, target)
    assert await make(here, opus) == facts


async def test_adopted_opus_is_by_nobody_known(workshop: Workshop, target: Target):
    opus = replace(target, rendition="opus-24")
    other = replace(workshop, packager=TextPackager(replace(IDENTITY, opus_probe="a1")))
    await make(other, opus)
    await workshop.records.change_track(
        target.track_id, lambda it: it.with_version(replace(it.current, renditions=()))
    )
    await make(workshop, opus)
    record = await workshop.records.track(target.track_id)
    assert record.current.identity.opus_probe == ""


async def test_a_master_that_was_replaced_is_told(workshop: Workshop, target: Target):
    packager = TextPackager()
    packager.failure = MasterChangedError("other bytes")
    with pytest.raises(IngredientLostError, match="masters/"):
        await make(replace(workshop, packager=packager), target)
