import pytest

from origin.errors import StoreError
from origin.intake.errors import UploadDamagedError
from origin.intake.part_store import PartStore
from origin.intake.tests.services import keys_in, make_store
from origin.intake.tests.uploads import UPLOAD_ID
from origin.intake.upload import Part, part_key
from origin.tests.workshops import BreakingStore


async def test_a_part_has_a_name_of_its_own():
    store = make_store()
    parts = PartStore(store)
    first = await parts.put(UPLOAD_ID, 0, b"tone")
    second = await parts.put(UPLOAD_ID, 0, b"tone")
    assert first != second
    assert await parts.read(UPLOAD_ID, first) == b"tone"
    await parts.discard(UPLOAD_ID, [first])
    assert await keys_in(store) == [part_key(UPLOAD_ID, second)]


async def test_what_is_lost_or_another_is_told():
    store = make_store()
    parts = PartStore(store)
    part = await parts.put(UPLOAD_ID, 0, b"tone")
    with pytest.raises(UploadDamagedError):
        await parts.read(UPLOAD_ID, Part(0, 4, "0" * 8))
    with pytest.raises(UploadDamagedError):
        await parts.read(UPLOAD_ID, Part(0, 5, part.nonce))


async def test_all_of_an_upload_is_removed():
    store = make_store()
    parts = PartStore(store)
    others = ["0" * 32, "f" * 32]
    for upload_id in (UPLOAD_ID, *others):
        for offset in range(3):
            await parts.put(upload_id, offset, b"x")
    assert [one async for one in parts.upload_ids()] == sorted([UPLOAD_ID, *others])
    await parts.clear(UPLOAD_ID)
    assert [one async for one in parts.upload_ids()] == others


async def test_parts_that_cannot_be_discarded_stay():
    store = make_store()
    part = await PartStore(store).put(UPLOAD_ID, 0, b"x")
    broken = BreakingStore(store, writes=0, error=StoreError("gone"))
    broken.is_broken_for_good = True
    await PartStore(broken).discard(UPLOAD_ID, [part])
    assert len(await keys_in(store)) == 1


async def test_an_upload_of_many_parts_is_listed_once():
    store = make_store()
    names = [f"{number:032x}" for number in range(3)]
    for upload_id in names:
        for offset in range(600):
            await store.put(part_key(upload_id, Part(offset, 1, "0" * 8)), b"x")
    assert [one async for one in PartStore(store).upload_ids()] == names
