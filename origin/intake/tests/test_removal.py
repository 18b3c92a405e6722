from pathlib import Path

import pytest

from origin.intake.errors import UploadClosedError, UploadMissingError
from origin.intake.event_log import EventLog
from origin.intake.intake import Intake
from origin.intake.labels import Label, Quota
from origin.intake.part_store import PartStore
from origin.intake.tests.services import (
    LEASE_S,
    Clock,
    keys_in,
    make_claims,
    make_intake,
    make_store,
)
from origin.intake.tests.uploads import FOLDER, add_complete, append, content_of
from origin.intake.upload import State, processing_claim, record_key
from origin.intake.upload_store import UploadStore
from origin.ports import ObjectStore

LABEL = Label("nebula", Quota(100, None, 1))
DAY_S = 86_400


async def begin(intake: Intake, store: ObjectStore) -> str:
    stored, _ = await intake.create(LABEL, 10, {}, None)
    await append(store, stored, b"half")
    return stored.upload.upload_id


async def test_a_terminated_upload_leaves_nothing_but_room(tmp_path: Path):
    store = make_store()
    intake = make_intake(store, tmp_path)
    upload_id = await begin(intake, store)
    await intake.removal.terminate("nebula", upload_id)
    assert await keys_in(store) == ["upload-ledgers/nebula.json"]
    await begin(intake, store)
    with pytest.raises(UploadMissingError):
        await intake.removal.terminate("nebula", upload_id)


async def test_what_is_processed_is_not_terminated(tmp_path: Path):
    store = make_store()
    intake = make_intake(store, tmp_path)
    stored = await add_complete(store, b"tone")
    await UploadStore(store).change(stored, stored.upload.in_state(State.DECODING))
    claim = await make_claims(store, Clock()).take(processing_claim(stored.upload.upload_id))
    assert claim is not None
    with pytest.raises(UploadClosedError):
        await intake.removal.terminate("nebula", stored.upload.upload_id)


async def test_what_nobody_processes_any_more_may_be_terminated(tmp_path: Path):
    """Whoever began was killed, or met a defect."""
    store = make_store()
    intake = make_intake(store, tmp_path)
    stored = await add_complete(store, b"tone")
    await UploadStore(store).change(stored, stored.upload.in_state(State.DECODING))
    await intake.removal.terminate("nebula", stored.upload.upload_id)
    assert await intake.processor.step()
    assert await keys_in(store) == []


async def test_what_waits_in_the_queue_may_be_terminated(tmp_path: Path):
    store = make_store()
    intake = make_intake(store, tmp_path)
    stored = await add_complete(store, b"tone")
    await intake.removal.terminate("nebula", stored.upload.upload_id)
    assert await intake.processor.step()
    assert not await intake.processor.step()
    assert await keys_in(store) == []


async def test_an_upload_expires_and_is_forgotten(tmp_path: Path):
    clock = Clock()
    store = make_store(clock)
    intake = make_intake(store, tmp_path, clock=clock)
    upload_id = await begin(intake, store)
    clock.now_s += DAY_S - 1
    assert await intake.removal.sweep() == 0
    clock.now_s += 2
    assert await intake.removal.sweep() == 1
    assert await keys_in(store, "uploads/") == []
    found = await UploadStore(store).find("nebula", upload_id)
    assert found is not None
    assert found.upload.state is State.GONE
    await begin(intake, store)  # The quota has room again.
    clock.now_s += 7 * DAY_S
    await intake.removal.sweep()
    assert await UploadStore(store).find("nebula", upload_id) is None


async def test_what_is_processed_never_expires(tmp_path: Path):
    clock = Clock()
    store = make_store(clock)
    await add_complete(store, b"tone")
    clock.now_s += 1000 * DAY_S
    assert await make_intake(store, tmp_path, clock=clock).removal.sweep() == 0
    assert len(await keys_in(store, "uploads/")) == 1


async def test_what_belongs_to_nothing_is_removed(tmp_path: Path):
    store = make_store()
    intake = make_intake(store, tmp_path)
    await PartStore(store).put(FOLDER, 0, b"of no upload")
    upload_id = await begin(intake, store)
    await intake.removal.sweep()
    (key,) = await keys_in(store, "uploads/")
    assert upload_id in key


async def test_whoever_still_clears_an_upload_leaves_the_next_one_of_its_key(tmp_path: Path):
    store = make_store()
    intake = make_intake(store, tmp_path)
    first, _ = await intake.create(LABEL, 10, {}, "key")
    first = await append(store, first, b"half")
    (part,) = first.upload.parts
    await intake.removal.terminate("nebula", first.upload.upload_id)
    await PartStore(store).put(first.upload.folder, part.offset, b"late")
    second, is_new = await intake.create(LABEL, 10, {}, "key")
    assert is_new
    assert second.upload.upload_id == first.upload.upload_id
    second = await append(store, second, b"other")
    await PartStore(store).clear(first.upload.folder)
    assert await content_of(store, second.upload) == b"other"


async def test_a_sweep_tells_an_upload_from_an_earlier_one_of_its_key(tmp_path: Path):
    store = make_store()
    intake = make_intake(store, tmp_path)
    first, _ = await intake.create(LABEL, 10, {}, "key")
    await intake.removal.terminate("nebula", first.upload.upload_id)
    second, _ = await intake.create(LABEL, 10, {}, "key")
    second = await append(store, second, b"other")
    await PartStore(store).put(first.upload.folder, 0, b"late")
    await intake.removal.sweep()
    assert await content_of(store, second.upload) == b"other"
    assert len(await keys_in(store, "uploads/")) == 1


async def test_the_parts_of_a_record_that_cannot_be_read_stay(tmp_path: Path):
    store = make_store()
    intake = make_intake(store, tmp_path)
    upload_id = await begin(intake, store)
    await store.put(record_key("nebula", upload_id), b"{")
    await intake.removal.sweep()
    assert len(await keys_in(store, "uploads/")) == 1


async def test_old_events_expire(tmp_path: Path):
    clock = Clock()
    store = make_store(clock)
    for _ in range(3):
        await EventLog(store).append("nebula", {})
    clock.now_s += 8 * DAY_S
    await make_intake(store, tmp_path, clock=clock).removal.sweep()
    assert len(await keys_in(store, "events/")) == 1


async def test_one_process_sweeps_at_a_time(tmp_path: Path):
    clock = Clock()
    store = make_store(clock)
    intake = make_intake(store, tmp_path, clock=clock)
    await begin(intake, store)
    assert await make_claims(store, clock).take("uploads-sweep") is not None
    clock.now_s += DAY_S + 1
    assert await intake.removal.sweep() == 0
    clock.now_s += LEASE_S  # Whoever had it is dead.
    assert await intake.removal.sweep() == 1
