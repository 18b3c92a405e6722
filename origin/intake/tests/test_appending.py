import hashlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from origin.errors import StoreFullError
from origin.intake.content import ContentCutError
from origin.intake.errors import (
    ChecksumMismatchError,
    SlowContentError,
    UploadDamagedError,
    UploadLockedError,
    UploadTooLargeError,
)
from origin.intake.part_store import PartStore
from origin.intake.tests.services import keys_in, make_store
from origin.intake.tests.uploads import (
    UPLOAD_ID,
    append,
    chunks_of,
    content_of,
    cut,
    make_appender,
    make_upload,
)
from origin.intake.tus_fields import Checksum
from origin.intake.upload import PART_BYTES, TAIL_PARTS_MAX, State
from origin.intake.upload_store import UploadStore
from origin.tests.workshops import BreakingStore

MIB = 1 << 20
LONG = hashlib.shake_128(b"seed").digest(19 * MIB)


@settings(max_examples=12)
@given(
    st.lists(st.integers(1, len(LONG) - 1), max_size=6),
    st.lists(st.integers(1, len(LONG) - 1), max_size=6),
)
async def test_requests_of_any_length_cut_anywhere_make_the_same_bytes(
    requests: list[int], cuts: list[int]
):
    store = make_store()
    stored = await UploadStore(store).add(make_upload(length=len(LONG)))
    offset = 0
    for position in [*sorted({*requests, *cuts}), len(LONG)]:
        failure = ContentCutError("gone") if position in cuts else None
        sent = LONG[offset:position]
        appender = make_appender(store, stored)
        content = chunks_of(*cut(sent, [len(sent) // 3]), failure=failure)
        if failure is None:
            await appender.append(content)
        else:
            with pytest.raises(ContentCutError):
                await appender.append(content)
        found = await UploadStore(store).find("nebula", UPLOAD_ID)
        assert found is not None
        stored, offset = found, position
        # What `HEAD` tells is every byte that came.
        assert stored.upload.offset == position
        sizes = [part.size_bytes for part in stored.upload.parts]
        assert all(size == PART_BYTES for size in sizes[: len(sizes) - len(stored.upload.tail)])
        assert len(await keys_in(store, f"uploads/{UPLOAD_ID}/")) == len(sizes)
    assert stored.upload.state is State.RECEIVED
    assert await content_of(store, stored.upload) == LONG
    assert [part.size_bytes for part in stored.upload.parts] == [PART_BYTES, PART_BYTES, 3 * MIB]


async def test_a_row_of_small_requests_is_merged_now_and_then():
    store = make_store()
    stored = await UploadStore(store).add(make_upload(length=1000))
    for number in range(TAIL_PARTS_MAX * 3):
        stored = await append(store, stored, bytes([number]) * 3)
        assert len(stored.upload.parts) <= TAIL_PARTS_MAX
    assert stored.upload.offset == TAIL_PARTS_MAX * 9
    content = await content_of(store, stored.upload)
    assert content == b"".join(bytes([number]) * 3 for number in range(TAIL_PARTS_MAX * 3))


async def test_a_complete_upload_is_in_the_queue():
    store = make_store()
    stored = await UploadStore(store).add(make_upload(length=4))
    stored = await append(store, stored, b"to", b"ne")
    assert (stored.upload.state, stored.upload.is_told) == (State.RECEIVED, False)
    (entry,) = await UploadStore(store).queued()
    assert entry.upload_id == UPLOAD_ID


async def test_an_upload_lives_longer_with_each_part():
    store = make_store()
    stored = await UploadStore(store).add(make_upload())
    appender = make_appender(store, stored)
    appender._renew = lambda upload: replace(upload, expires_s=7)
    assert (await appender.append(chunks_of(b"x"))).upload.expires_s == 7


def checksum_of(content: bytes) -> Checksum:
    return Checksum("sha256", hashlib.sha256(content).digest())


async def test_a_content_with_its_checksum_is_taken():
    store = make_store()
    content = LONG[: PART_BYTES + 5]
    stored = await UploadStore(store).add(make_upload(length=len(content) + 1))
    appender = make_appender(store, stored, checksum=checksum_of(content))
    stored = await appender.append(chunks_of(content[:7], content[7:]))
    assert await content_of(store, stored.upload) == content


@pytest.mark.parametrize(
    ("sent", "failure", "error"),
    [
        pytest.param(LONG[:-1] + b"!", None, ChecksumMismatchError, id="other bytes"),
        pytest.param(LONG[:-9], ContentCutError("gone"), ContentCutError, id="cut"),
        pytest.param(LONG[:-9], SlowContentError("slow"), SlowContentError, id="slow"),
    ],
)
async def test_a_content_without_its_checksum_leaves_nothing(
    sent: bytes, failure: Exception | None, error: type[Exception]
):
    store = make_store()
    stored = await append(
        store, await UploadStore(store).add(make_upload(length=len(LONG) + 2)), b"ab"
    )
    appender = make_appender(store, stored, checksum=checksum_of(LONG))
    with pytest.raises(error):
        await appender.append(chunks_of(sent, failure=failure))
    assert await UploadStore(store).find("nebula", UPLOAD_ID) == stored
    assert await content_of(store, stored.upload) == b"ab"
    assert len(await keys_in(store, "uploads/")) == 1


async def test_more_than_the_upload_has_is_refused():
    store = make_store()
    stored = await UploadStore(store).add(make_upload(length=PART_BYTES + 3))
    with pytest.raises(UploadTooLargeError):
        await append(store, stored, LONG[:PART_BYTES], b"four")
    found = await UploadStore(store).find("nebula", UPLOAD_ID)
    assert found is not None
    assert found.upload.offset == PART_BYTES
    assert len(await keys_in(store, "uploads/")) == 1


async def test_of_two_that_append_one_gives_way():
    store = make_store()
    stored = await UploadStore(store).add(make_upload(length=10))
    first = await append(store, stored, b"first")
    with pytest.raises(UploadLockedError):
        await append(store, stored, b"2nd")
    found = await UploadStore(store).find("nebula", UPLOAD_ID)
    assert found == first
    assert await content_of(store, first.upload) == b"first"
    assert len(await keys_in(store, "uploads/")) == 1


async def test_a_put_that_was_done_twice_by_the_store_is_ours():
    store = make_store()
    stored = await UploadStore(store).add(make_upload(length=10))
    first = await append(store, stored, b"first")
    appender = make_appender(store, stored)
    appender._upload = first.upload
    await appender._commit()
    assert appender.stored == first


async def test_a_full_store_keeps_what_it_has():
    whole = make_store()
    stored = await UploadStore(whole).add(make_upload(length=len(LONG)))
    # The first part and its record go in, the second part does not.
    store = BreakingStore(whole, writes=2, error=StoreFullError("full"))
    with pytest.raises(StoreFullError):
        await append(store, stored, LONG)
    found = await UploadStore(whole).find("nebula", UPLOAD_ID)
    assert found is not None
    assert found.upload.offset == PART_BYTES
    stored = await append(whole, found, LONG[PART_BYTES:])
    assert await content_of(whole, stored.upload) == LONG


async def test_who_finds_a_part_merged_by_another_is_told_so():
    store = make_store()
    stored = await append(store, await UploadStore(store).add(make_upload()), b"half")
    late = make_appender(store, stored)
    first = await append(store, stored, b"second")
    with pytest.raises(UploadLockedError):
        await late.append(chunks_of(b"second"))
    assert await content_of(store, first.upload) == b"halfsecond"
    assert len(await keys_in(store, "uploads/")) == 1


async def test_a_part_that_the_store_has_lost_is_told():
    store = make_store()
    stored = await append(store, await UploadStore(store).add(make_upload()), b"half")
    await PartStore(store).clear(stored.upload.folder)
    with pytest.raises(UploadDamagedError):
        await make_appender(store, stored).append(chunks_of(b"second"))
