import asyncio

import pytest

from origin.intake.errors import QuotaExceededError
from origin.intake.labels import Label, Quota
from origin.intake.ledger_store import LedgerStore
from origin.intake.tests.services import Clock, keys_in, make_store
from origin.intake.tests.uploads import make_upload
from origin.intake.upload import State
from origin.intake.upload_store import UploadStore
from origin.ports import ObjectStore

LABEL = Label("nebula", Quota(upload_bytes_max=100, day_bytes_max=None, open_uploads_max=2))


def make_ledgers(store: ObjectStore, clock: Clock) -> LedgerStore:
    return LedgerStore(store, UploadStore(store), clock=clock)


async def test_writers_of_one_account_do_not_undo_each_other():
    store = make_store()
    ledgers = [make_ledgers(store, Clock()) for _ in range(2)]
    label = Label("nebula", Quota(100, 1000, 1000))
    await asyncio.gather(
        *(ledgers[number % 2].open(label, f"{number}", 100) for number in range(10))
    )
    with pytest.raises(QuotaExceededError, match="1001 bytes"):
        await ledgers[0].open(label, "11", 1)
    assert await keys_in(store) == ["upload-ledgers/nebula.json"]


async def test_what_a_killed_process_left_open_is_found():
    store, clock = make_store(), Clock()
    ledgers, uploads = make_ledgers(store, clock), UploadStore(store)
    stored = await uploads.add(make_upload(upload_id="a" * 32))
    await ledgers.open(LABEL, "a" * 32, 1)
    await ledgers.open(LABEL, "b" * 32, 1)
    # One may be created at this moment, the other is open.
    with pytest.raises(QuotaExceededError):
        await ledgers.open(LABEL, "c" * 32, 1)
    clock.now_s += 61
    await ledgers.open(LABEL, "c" * 32, 1)
    with pytest.raises(QuotaExceededError):
        await ledgers.open(LABEL, "d" * 32, 1)
    await uploads.change(stored, stored.upload.in_state(State.RECEIVED))
    with pytest.raises(QuotaExceededError):
        await ledgers.open(LABEL, "d" * 32, 1)  # It is too soon to look again.
    clock.now_s += 10
    await ledgers.open(LABEL, "d" * 32, 1)


async def test_a_closed_upload_makes_room():
    ledgers = make_ledgers(make_store(), Clock())
    for name in ("a", "b"):
        await ledgers.open(LABEL, name, 1)
    with pytest.raises(QuotaExceededError):
        await ledgers.open(LABEL, "c", 1)
    await ledgers.close("nebula", "a")
    await ledgers.open(LABEL, "c", 1)
