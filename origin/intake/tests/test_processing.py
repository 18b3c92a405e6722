import asyncio
import contextlib
import hashlib
import os
from pathlib import Path
from typing import Any

import orjson
import pytest
from typing_extensions import override

from origin.adapters.memory_store import MemoryStore
from origin.errors import OriginError, StoreError, StoreFullError, TakenDownError
from origin.intake.errors import IntakePausedError, UploadRoomError
from origin.intake.event_log import EventLog
from origin.intake.tests.services import (
    LEASE_S,
    Clock,
    DyingStore,
    KilledError,
    TextIngest,
    keys_in,
    make_claims,
    make_intake,
    make_store,
    sound_of,
)
from origin.intake.tests.uploads import add_complete
from origin.intake.upload import State, Upload
from origin.intake.upload_store import UploadStore
from origin.object_key import FINGERPRINTS_PREFIX
from origin.ports import KeyPage, ObjectStore
from packager.errors import PackagerError, ScratchError, WorkerDiedError


async def upload_in(store: ObjectStore, upload: Upload) -> Upload:
    found = await UploadStore(store).find(upload.label, upload.upload_id)
    assert found is not None
    return found.upload


async def events_in(store: ObjectStore, label: str = "nebula") -> list[dict[str, Any]]:
    events = await EventLog(store).read(label, after=0, limit=1000)
    return [orjson.loads(one.content) for one in events]


async def is_settled(store: ObjectStore) -> bool:
    """Whether nothing is left of the work on uploads."""
    left = ("uploads/", "upload-queue/", "claims/")
    return not any([await keys_in(store, prefix) for prefix in left])


async def test_an_upload_becomes_a_track(tmp_path: Path):
    store = make_store()
    ingest = TextIngest(store)
    intake = make_intake(store, tmp_path, ingest=ingest)
    stored = await add_complete(store, b"tone", filename="a/01.wav", title="Ton", x="y")
    assert await intake.processor.step()
    assert not await intake.processor.step()
    upload = await upload_in(store, stored.upload)
    assert upload.state is State.READY
    assert upload.outcome is not None
    assert upload.outcome.is_new
    assert ingest.calls == [("01.wav", "nebula", {"title": ("Ton",)})]
    assert [one["state"] for one in await events_in(store)] == [
        "received",
        "decoding",
        "packaging",
        "ready",
    ]
    assert await is_settled(store)
    assert await asyncio.to_thread(os.listdir, tmp_path) == []


@pytest.mark.parametrize(
    ("content", "told", "code", "field"),
    [
        pytest.param(b"noise", {}, "not_audio", "content", id="no audio"),
        pytest.param(b"tone", {"sha256": "0" * 64}, "upload_digest", "sha256", id="other bytes"),
    ],
)
async def test_a_refusal_is_told(
    tmp_path: Path, content: bytes, told: dict[str, str], code: str, field: str
):
    store = make_store()
    stored = await add_complete(store, content, **told)
    assert await make_intake(store, tmp_path).processor.step()
    refusal = (await upload_in(store, stored.upload)).refusal
    assert refusal is not None
    assert (refusal.code, refusal.field) == (code, field)
    assert refusal.advice
    last = (await events_in(store))[-1]
    assert (last["state"], last["refused"]["code"]) == ("refused", code)
    assert await is_settled(store)


async def test_the_same_bytes_are_one_track(tmp_path: Path):
    store = make_store()
    intake = make_intake(store, tmp_path)
    first = await add_complete(store, b"tone")
    second = await add_complete(store, b"tone", label="quasar")
    assert await intake.processor.step()
    assert await intake.processor.step()
    outcomes = [(await upload_in(store, one.upload)).outcome for one in (first, second)]
    assert outcomes[0] is not None
    assert outcomes[1] is not None
    assert outcomes[0].track_id == outcomes[1].track_id
    assert (outcomes[0].is_new, outcomes[1].is_new) == (True, False)


async def test_duplicate_audio_is_told_and_taken(tmp_path: Path):
    store = make_store()
    intake = make_intake(store, tmp_path)
    first = await add_complete(store, sound_of(1))
    assert await intake.processor.step()
    second = await add_complete(store, b"tone " + sound_of(1)[4:])
    assert await intake.processor.step()
    there = (await upload_in(store, first.upload)).outcome
    outcome = (await upload_in(store, second.upload)).outcome
    assert there is not None
    assert outcome is not None
    assert outcome.is_new
    assert [one.track_id for one in outcome.duplicates] == [there.track_id]
    assert (await events_in(store))[-1]["duplicates"][0]["similarity"] == 1.0


async def test_a_duplicate_of_another_label_is_told_without_its_name(tmp_path: Path):
    store = make_store()
    intake = make_intake(store, tmp_path)
    for number, label in enumerate(["nebula", "quasar", ""]):
        await add_complete(store, b"tone %d" % number + sound_of(1)[4:], label=label)
        assert await intake.processor.step()
    ids = [(await events_in(store, label))[-1]["track_id"] for label in ("nebula", "quasar")]
    own, foreign = [(await events_in(store, label))[-1] for label in ("nebula", "quasar")]
    assert own["duplicates"] == []
    assert foreign["duplicates"] == [{"similarity": 1.0, "foreign": True}]
    told = (await events_in(store, ""))[-1]["duplicates"]
    assert sorted(one["track_id"] for one in told) == sorted(ids)


class BlindStore(MemoryStore):
    """A store in which no fingerprint can be listed."""

    failures: list[BaseException]

    @override
    async def list_keys(self, prefix: str, *, after: str = "", limit: int) -> KeyPage:
        if prefix == FINGERPRINTS_PREFIX and self.failures:
            raise self.failures.pop(0)
        return await super().list_keys(prefix, after=after, limit=limit)


def make_blind_store(*failures: BaseException) -> BlindStore:
    store = BlindStore(size_max=1 << 30, clock=Clock())
    store.failures = list(failures)
    return store


async def test_a_search_for_duplicates_that_fails_found_none(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    store = make_blind_store(StoreError("gone"))
    ingest = TextIngest(store)
    stored = await add_complete(store, sound_of(1))
    assert await make_intake(store, tmp_path, ingest=ingest).processor.step()
    outcome = (await upload_in(store, stored.upload)).outcome
    assert outcome is not None
    assert (outcome.is_new, outcome.duplicates) == (True, ())
    assert len(ingest.calls) == 1
    assert "duplicates of an upload were not looked up" in caplog.text


async def test_a_track_is_new_though_the_process_was_killed_after_it_was_made(tmp_path: Path):
    store, clock = make_blind_store(KilledError()), Clock()
    stored = await add_complete(store, sound_of(1))
    with contextlib.suppress(KilledError, BaseExceptionGroup):
        await make_intake(store, tmp_path / "1", clock=clock).processor.step()
    heir = make_intake(store, tmp_path / "2", clock=clock)
    for _ in range(2):
        await heir.processor.step()
        clock.now_s += LEASE_S
    outcome = (await upload_in(store, stored.upload)).outcome
    assert outcome is not None
    assert outcome.is_new


async def test_a_track_is_new_though_packaging_it_took_more_than_one_attempt(tmp_path: Path):
    store, clock = make_store(), Clock()
    ingest = TextIngest(store, late_failures=[WorkerDiedError("x"), ScratchError("full")])
    intake = make_intake(store, tmp_path, clock=clock, ingest=ingest)
    stored = await add_complete(store, b"tone")
    for _ in range(3):
        assert await intake.processor.step()
        clock.now_s += 300
    outcome = (await upload_in(store, stored.upload)).outcome
    assert outcome is not None
    assert outcome.is_new


@pytest.mark.parametrize("is_late", [False, True], ids=["while decoding", "while packaging"])
async def test_a_state_is_told_once_however_often_an_upload_is_tried(tmp_path: Path, is_late: bool):
    store, clock = make_store(), Clock()
    failures: list[Any] = [ScratchError("full") for _ in range(5)]
    ingest = TextIngest(store)
    (ingest.late_failures if is_late else ingest.failures).extend(failures)
    intake = make_intake(store, tmp_path, clock=clock, ingest=ingest)
    await add_complete(store, b"tone")
    for _ in range(6):
        await intake.processor.step()
        clock.now_s += 300
    states = [one["state"] for one in await events_in(store)]
    assert states == ["received", "decoding", "packaging", "ready"]


async def test_a_failure_that_may_pass_is_tried_again(tmp_path: Path):
    store, clock = make_store(), Clock()
    ingest = TextIngest(store, failures=[WorkerDiedError("x"), ScratchError("full")])
    intake = make_intake(store, tmp_path, clock=clock, ingest=ingest)
    stored = await add_complete(store, b"tone")
    assert await intake.processor.step()
    assert not await intake.processor.step()  # It rests.
    waiting = intake.processor.waiting(stored.upload.upload_id)
    assert waiting is not None
    assert waiting["code"] == "worker_died"
    clock.now_s += 1
    assert await intake.processor.step()
    with pytest.raises(IntakePausedError):
        intake.processor.check_paused(1)
    clock.now_s += 4
    intake.processor.check_paused(1)
    assert await intake.processor.step()
    assert (await upload_in(store, stored.upload)).state is State.READY
    assert intake.processor.waiting(stored.upload.upload_id) is None


async def test_a_file_that_brings_workers_down_each_time_is_refused(tmp_path: Path):
    store, clock = make_store(), Clock()
    ingest = TextIngest(store, failures=[WorkerDiedError("x") for _ in range(10)])
    intake = make_intake(store, tmp_path, clock=clock, ingest=ingest)
    stored = await add_complete(store, b"tone")
    for _ in range(10):
        await intake.processor.step()
        clock.now_s += 300
    refusal = (await upload_in(store, stored.upload)).refusal
    assert refusal is not None
    assert refusal.code == "worker_died"
    assert len(ingest.calls) == 5


async def test_an_upload_that_has_to_wait_can_be_terminated(tmp_path: Path):
    store, clock = make_store(), Clock()
    ingest = TextIngest(store, failures=[ScratchError("full")])
    intake = make_intake(store, tmp_path, clock=clock, ingest=ingest)
    stored = await add_complete(store, b"tone")
    assert await intake.processor.step()
    upload = await upload_in(store, stored.upload)
    assert (upload.state, upload.attempts) == (State.RECEIVED, 0)
    await intake.removal.terminate("nebula", upload.upload_id)
    clock.now_s += 10
    assert await intake.processor.step()
    assert await is_settled(store)
    assert [one["state"] for one in await events_in(store)] == ["received", "decoding"]


async def test_troubles_of_others_do_not_count_against_an_upload(tmp_path: Path):
    store, clock = make_store(), Clock()
    failures: list[Any] = [*(StoreFullError("full") for _ in range(5)), WorkerDiedError("x")]
    intake = make_intake(store, tmp_path, clock=clock, ingest=TextIngest(store, failures=failures))
    stored = await add_complete(store, b"tone")
    for _ in range(7):
        await intake.processor.step()
        clock.now_s += 300
    assert (await upload_in(store, stored.upload)).state is State.READY


async def test_what_was_taken_down_is_refused(tmp_path: Path):
    store = make_store()
    ingest = TextIngest(store, failures=[TakenDownError("x", "court order")])
    stored = await add_complete(store, b"tone")
    assert await make_intake(store, tmp_path, ingest=ingest).processor.step()
    upload = await upload_in(store, stored.upload)
    assert upload.refusal is not None
    assert upload.refusal.code == "taken_down"
    assert await is_settled(store)


@pytest.mark.parametrize("error", [StoreFullError("full"), ScratchError("full")], ids=str)
async def test_without_room_no_new_upload_is_taken(
    tmp_path: Path, error: OriginError | PackagerError
):
    store = make_store()
    intake = make_intake(store, tmp_path, ingest=TextIngest(store, failures=[error]))
    await add_complete(store, b"tone")
    await intake.processor.step()
    with pytest.raises(IntakePausedError) as raised:
        intake.processor.check_paused(1)
    assert raised.value.status == 507
    assert raised.value.advice


async def test_an_upload_that_is_too_long_for_the_room_does_not_stop_shorter_ones(tmp_path: Path):
    store = make_store()
    failures: list[Any] = [UploadRoomError(1000, free=10, needed=3000)]
    intake = make_intake(store, tmp_path, ingest=TextIngest(store, failures=failures))
    await add_complete(store, b"tone")
    await intake.processor.step()
    intake.processor.check_paused(999)
    with pytest.raises(IntakePausedError, match="3000 may be needed"):
        intake.processor.check_paused(1000)


class BrokenError(Exception):
    """A defect."""


async def test_a_defect_does_not_end_the_work_on_others(tmp_path: Path):
    store = make_store()
    failures: list[Any] = [BrokenError()]
    intake = make_intake(store, tmp_path, ingest=TextIngest(store, failures=failures))
    for content in (b"tone 1", b"tone 2"):
        await add_complete(store, content)
    assert await intake.processor.step()
    assert await intake.processor.step()
    assert len(await keys_in(store, "tracks/")) == 1
    assert len(await keys_in(store, "upload-queue/")) == 1


async def test_an_entry_without_an_upload_is_removed(tmp_path: Path):
    store = make_store()
    stored = await add_complete(store, b"tone")
    await UploadStore(store).remove(stored.upload)
    intake = make_intake(store, tmp_path)
    assert await intake.processor.step()
    await intake.removal.sweep()
    assert await keys_in(store) == []


async def test_what_another_process_works_on_is_left_to_it(tmp_path: Path):
    store = make_store()
    ingest = TextIngest(store, go=asyncio.Event())
    assert ingest.go is not None
    first = make_intake(store, tmp_path / "1", ingest=ingest)
    second = make_intake(store, tmp_path / "2")
    stored = await add_complete(store, b"tone")
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        group.create_task(first.processor.step())
        await ingest.is_reached.wait()
        assert not await second.processor.step()
        assert await first.processor.progress_of(await upload_in(store, stored.upload)) == 0.5
        assert await second.processor.progress_of(await upload_in(store, stored.upload)) == 0.0
        ingest.go.set()
    assert (await upload_in(store, stored.upload)).state is State.READY
    assert len(ingest.calls) == 1


async def test_two_that_work_on_one_upload_make_one_track(tmp_path: Path):
    """The first one is only slow: its claim is taken over, and then it goes on."""
    store, clock = make_store(), Clock()
    slow = TextIngest(store, go=asyncio.Event())
    assert slow.go is not None
    first = make_intake(store, tmp_path / "1", clock=clock, ingest=slow)
    second = make_intake(store, tmp_path / "2", clock=clock)
    stored = await add_complete(store, b"tone")
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        group.create_task(first.processor.step())
        await slow.is_reached.wait()
        assert not await second.processor.step()
        clock.now_s += LEASE_S
        assert await second.processor.step()
        ready = await upload_in(store, stored.upload)
        slow.go.set()
    assert ready.state is State.READY
    assert await upload_in(store, stored.upload) == ready
    assert len(await keys_in(store, "tracks/")) == 1
    assert await is_settled(store)


async def kill_and_go_on(folder: Path, content: bytes, *, writes: int, is_late: bool) -> bool:
    """Kill the processing at a write, let another process go on, and look what came of it.

    Returns:
        Whether the processing came to an end before it was killed.
    """
    store, clock = make_store(), Clock()
    stored = await add_complete(store, content, label="")
    dying = DyingStore(store, writes=writes, is_late=is_late)
    with contextlib.suppress(KilledError, BaseExceptionGroup):
        await make_intake(dying, folder / "1", clock=clock).processor.step()
    heir = make_intake(store, folder / "2", clock=clock)
    for _ in range(4):
        await heir.processor.step()
        clock.now_s += LEASE_S
    upload = await upload_in(store, stored.upload)
    digest = hashlib.sha256(content).hexdigest()
    is_tone = content.startswith(b"tone")
    assert upload.state is (State.READY if is_tone else State.REFUSED), digest
    assert len(await keys_in(store, "tracks/")) == int(is_tone)
    assert await is_settled(store)
    states = [one["state"] for one in await events_in(store, "")]
    assert states[-1] == upload.state
    assert {"received", "decoding"} <= set(states)
    return not dying.is_dead


@pytest.mark.parametrize("content", [b"tone", b"noise"])
@pytest.mark.parametrize("is_late", [False, True], ids=["before the write", "after the write"])
async def test_a_kill_at_any_write_loses_nothing(tmp_path: Path, content: bytes, is_late: bool):
    writes = 0
    while not await kill_and_go_on(tmp_path, content, writes=writes, is_late=is_late):
        writes += 1
    assert writes > 10


async def test_a_cancellation_at_any_moment_loses_nothing(tmp_path: Path):
    """The process is told to end, after one turn of the loop, after two, and so on."""
    turns = 0
    is_done = False
    while not is_done:
        store, clock = make_store(), Clock()
        stored = await add_complete(store, b"tone")
        first = make_intake(store, tmp_path / "1", clock=clock)
        task = asyncio.get_running_loop().create_task(first.processor.step())
        for _ in range(turns):
            await asyncio.sleep(0)
        is_done = task.done()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        second = make_intake(store, tmp_path / "2", clock=clock)
        for _ in range(3):
            await second.processor.step()
            clock.now_s += LEASE_S
        assert (await upload_in(store, stored.upload)).state is State.READY
        assert len(await keys_in(store, "tracks/")) == 1
        assert await is_settled(store)
        turns += 1
    assert turns > 5


async def test_many_claims_of_the_dead_do_not_stop_the_queue(tmp_path: Path):
    store, clock = make_store(), Clock()
    claims = make_claims(store, clock)
    for number in range(3):
        stored = await add_complete(store, b"tone %d" % number)
        if number < 2:
            await claims.take(f"uploads/{stored.upload.upload_id}")
    intake = make_intake(store, tmp_path, clock=clock)
    assert await intake.processor.step()
    assert not await intake.processor.step()
    clock.now_s += LEASE_S
    assert await intake.processor.step()
    assert await intake.processor.step()
    assert await is_settled(store)
