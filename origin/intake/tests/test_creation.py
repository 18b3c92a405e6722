import asyncio

import pytest

from origin.intake.creation import Creation, NewUpload
from origin.intake.errors import IdempotencyConflictError, QuotaExceededError, UploadGoneError
from origin.intake.labels import Label, Quota
from origin.intake.ledger_store import LedgerStore
from origin.intake.tests.services import Clock, keys_in, make_store
from origin.intake.upload import State
from origin.intake.upload_store import UploadStore
from origin.ports import ObjectStore

LABEL = Label("nebula", Quota(100, None, 2))
ASKED = NewUpload(10, {"title": "Ton", "artist": "A"}, "key")


def make_creation(store: ObjectStore) -> Creation:
    uploads = UploadStore(store)
    ledgers = LedgerStore(store, uploads, clock=Clock())
    return Creation(uploads, ledgers, expiry_s=3600, clock=Clock())


async def test_each_upload_without_a_key_is_a_new_one():
    creation = make_creation(make_store())
    asked = NewUpload(10, {}, None)
    first, is_new = await creation.create(LABEL, asked)
    assert is_new
    assert first.upload.expires_s == first.upload.created_s + 3600
    second, _ = await creation.create(LABEL, asked)
    assert first.upload.upload_id != second.upload.upload_id
    with pytest.raises(QuotaExceededError):
        await creation.create(LABEL, asked)


async def test_the_same_key_is_the_same_upload_in_every_process():
    store = make_store()
    results = await asyncio.gather(*(make_creation(store).create(LABEL, ASKED) for _ in range(8)))
    assert len({stored.upload.upload_id for stored, _ in results}) == 1
    assert sum(is_new for _, is_new in results) == 1
    assert len(await keys_in(store, "upload-records/")) == 1


async def test_the_order_of_metadata_is_no_difference():
    creation = make_creation(make_store())
    first, _ = await creation.create(LABEL, ASKED)
    turned = dict(reversed(list(ASKED.metadata.items())))
    assert await creation.create(LABEL, NewUpload(10, turned, "key")) == (first, False)


@pytest.mark.parametrize(
    "asked",
    [NewUpload(11, ASKED.metadata, "key"), NewUpload(10, {"title": "X"}, "key")],
    ids=["another length", "other metadata"],
)
async def test_the_key_of_another_request_is_refused(asked: NewUpload):
    creation = make_creation(make_store())
    await creation.create(LABEL, ASKED)
    with pytest.raises(IdempotencyConflictError):
        await creation.create(LABEL, asked)


async def test_labels_have_keys_of_their_own():
    creation = make_creation(make_store())
    first, _ = await creation.create(LABEL, ASKED)
    second, is_new = await creation.create(Label("quasar", LABEL.quota), ASKED)
    assert is_new
    assert first.upload.upload_id != second.upload.upload_id


async def test_the_key_of_an_upload_that_expired_is_used_up():
    store = make_store()
    creation = make_creation(store)
    stored, _ = await creation.create(LABEL, ASKED)
    await UploadStore(store).change(stored, stored.upload.in_state(State.GONE))
    with pytest.raises(UploadGoneError):
        await creation.create(LABEL, ASKED)
