import pytest

from origin.errors import StoreError
from origin.intake.errors import UploadDamagedError
from origin.intake.part_store import PartStore
from origin.intake.tests.services import keys_in, make_store
from origin.intake.tests.uploads import FOLDER, NONCE
from origin.intake.upload import Part, part_key
from origin.tests.workshops import BreakingStore


async def test_a_part_has_a_name_of_its_own():
    store = make_store()
    parts = PartStore(store)
    first = await parts.put(FOLDER, 0, b"tone")
    second = await parts.put(FOLDER, 0, b"tone")
    assert first != second
    assert await parts.read(FOLDER, first) == b"tone"
    await parts.discard(FOLDER, [first])
    assert await keys_in(store) == [part_key(FOLDER, second)]


async def test_what_is_lost_or_another_is_told():
    store = make_store()
    parts = PartStore(store)
    part = await parts.put(FOLDER, 0, b"tone")
    with pytest.raises(UploadDamagedError):
        await parts.read(FOLDER, Part(0, 4, "0" * 8))
    with pytest.raises(UploadDamagedError):
        await parts.read(FOLDER, Part(0, 5, part.nonce))


async def test_all_of_an_upload_is_removed():
    store = make_store()
    parts = PartStore(store)
    others = [f"{digit * 32}/{NONCE}" for digit in "0f"]
    for folder in (FOLDER, *others):
        for offset in range(3):
            await parts.put(folder, offset, b"x")
    assert [one async for one in parts.folders()] == sorted([FOLDER, *others])
    await parts.clear(FOLDER)
    assert [one async for one in parts.folders()] == others


async def test_parts_that_cannot_be_discarded_stay():
    store = make_store()
    part = await PartStore(store).put(FOLDER, 0, b"x")
    broken = BreakingStore(store, writes=0, error=StoreError("gone"))
    broken.is_broken_for_good = True
    await PartStore(broken).discard(FOLDER, [part])
    assert len(await keys_in(store)) == 1


async def test_an_upload_of_many_parts_is_listed_once():
    store = make_store()
    names = [f"{number:032x}/{NONCE}" for number in range(3)]
    for folder in names:
        for offset in range(600):
            await store.put(part_key(folder, Part(offset, 1, "0" * 8)), b"x")
    assert [one async for one in PartStore(store).folders()] == names
