from collections import Counter
from dataclasses import replace

import pytest

from origin.errors import ObjectConflictError, RecordError
from origin.intake.tests.services import keys_in, make_store
from origin.intake.tests.uploads import UPLOAD_ID, make_upload
from origin.intake.upload import State, record_key
from origin.intake.upload_store import UploadStore


async def test_an_upload_is_found_by_its_label_only():
    uploads = UploadStore(make_store())
    stored = await uploads.add(make_upload())
    assert await uploads.find("nebula", UPLOAD_ID) == stored
    assert await uploads.find("quasar", UPLOAD_ID) is None
    assert await uploads.find("", UPLOAD_ID) is None
    with pytest.raises(ObjectConflictError):
        await uploads.add(make_upload())


async def test_only_who_has_the_latest_state_changes_it():
    uploads = UploadStore(make_store())
    stored = await uploads.add(make_upload())
    changed = await uploads.change(stored, stored.upload.in_state(State.GONE))
    with pytest.raises(ObjectConflictError):
        await uploads.change(stored, replace(stored.upload, attempts=1))
    assert await uploads.change(stored, changed.upload) == changed
    await uploads.remove(changed.upload)
    with pytest.raises(ObjectConflictError):
        await uploads.change(changed, stored.upload)


async def test_uploads_come_in_pages():
    uploads = UploadStore(make_store())
    names = [f"{number:032x}" for number in range(5)]
    for name in names:
        await uploads.add(make_upload(upload_id=name))
    await uploads.add(make_upload(label="quasar"))
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        page = await uploads.page("nebula", after=after, limit=2)
        seen += [one.upload_id for one in page.uploads]
        after = page.after
    assert seen == names
    assert len([one async for one in uploads.all_names()]) == 6


async def test_a_damaged_record_does_not_hide_the_others():
    store = make_store()
    uploads = UploadStore(store)
    await uploads.add(make_upload(upload_id="f" * 32))
    await store.put(record_key("nebula", "0" * 32), b"{")
    page = await uploads.page("nebula", after="", limit=10)
    assert [one.upload_id for one in page.uploads] == ["f" * 32]
    with pytest.raises(RecordError):
        await uploads.find("nebula", "0" * 32)


async def test_the_queue_names_an_upload_once():
    store = make_store()
    uploads = UploadStore(store)
    for _ in range(2):
        await uploads.enqueue(make_upload())
    (entry,) = await uploads.queued()
    assert (entry.label, entry.upload_id) == ("nebula", UPLOAD_ID)
    await uploads.dequeue(entry.key)
    assert await keys_in(store) == []


async def test_a_label_with_many_uploads_does_not_hide_those_of_others():
    uploads = UploadStore(make_store())
    counts = {"": 2, "a": 7, "a-b": 1, "b": 3, "c": 1}
    for label, count in counts.items():
        for number in range(count):
            await uploads.enqueue(make_upload(upload_id=f"{number:032x}", label=label))
    queued = await uploads.queued(limit=3)
    assert Counter(one.label for one in queued) == {**counts, "a": 3}
    assert [one.upload_id for one in queued if one.label == "a"] == [
        f"{number:032x}" for number in range(3)
    ]
