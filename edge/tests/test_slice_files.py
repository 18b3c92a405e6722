"""Files of slices: found again at once, given up with their entries and after purges."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.disk.page_cache import PageCache
from edge.disk.tests.running import until
from edge.purges import Purge, Purges
from edge.representation import Representation
from edge.settings import CacheSettings
from edge.tests.conftest import content_of
from edge.tests.making import head_from, representation_of
from edge.tiers import Tiers, open_tiers

SLICE = 64 << 10
BODY = content_of(3 * SLICE)

pytestmark = pytest.mark.skipif(not PageCache().can_tell(), reason="the kernel cannot tell")


@pytest.fixture
def found() -> Representation:
    head = head_from(Surrogate_Key="album", Content_Length=str(len(BODY)))
    return representation_of(head, complete_length=len(BODY), slice_bytes=SLICE)


@pytest.fixture
async def tiers(tmp_path: Path, found: Representation) -> AsyncIterator[Tiers]:
    """All of `found` is on disk, and was read from there once; nothing of it is in memory."""
    disk = {
        "folders": [{"path": str(tmp_path / "disk"), "bytes_max": 1 << 20}],
        "min_free_bytes": 0,
        "admission": "all",
    }
    settings = CacheSettings.model_validate({"disk": disk, "slice_bytes": SLICE})
    async with open_tiers(settings, Purges(entries_max=10)) as tiers:
        tier, store = tiers.disk, tiers.store
        assert tier is not None
        await until(lambda: tier.is_listed)
        store.make_current(found)
        for number in range(3):
            part = found.part_of(number)
            store.put(found, number, store.arena.copy(BODY[part.start : part.stop]))
        await until(lambda: not tier.queued_bytes)
        store.forget(found)
        store.make_current(found)
        for number in range(3):
            assert await store.take_down(found, number)
        store.forget(found)
        store.make_current(found)
        yield tiers


async def test_a_file_is_found_and_found_again(tiers: Tiers, found: Representation):
    files = tiers.store.files
    first = files.find(found, 1, 10, 20)
    assert first is not None
    assert bytes(first.view(10, 20)) == BODY[SLICE + 10 : SLICE + 20]
    assert files.find(found, 1, 0, SLICE) is first
    assert tiers.disk is not None
    assert tiers.disk.counts.file_hits == 2
    assert tiers.store.slices == 0


async def test_what_is_copied_counts_until_it_is_sent(tiers: Tiers, found: Representation):
    file = tiers.store.files.find(found, 0, 0, SLICE)
    assert file is not None
    pinned = tiers.store.pins.bytes
    views = [file.view(0, SLICE), file.view(5, 10)]
    assert tiers.store.pins.bytes == pinned + SLICE + 5
    views.clear()
    assert tiers.store.pins.bytes == pinned


async def test_a_file_that_was_cut_has_no_copy(tiers: Tiers, found: Representation, tmp_path: Path):
    files = tiers.store.files
    copied = files.copy(found, 0, 3, 9)
    assert copied is not None
    assert bytes(copied) == BODY[3:9]
    for path in (tmp_path / "disk").glob("v1/??/*.s"):
        os.truncate(path, SLICE - 1)
    # What is left is in memory all the same, up to a page.
    assert files.copy(found, 0, 0, SLICE) is None


async def test_purges_are_heeded(tiers: Tiers, found: Representation):
    files = tiers.store.files
    first = files.find(found, 1, 10, 20)
    await tiers.purge(Purge(tags=("other",)))
    assert files.find(found, 1, 10, 20) is first
    await tiers.purge(Purge(tags=("album",)))
    assert files.find(found, 1, 10, 20) is None
    assert files.find(found, 2, 10, 20) is None


async def test_a_slice_that_is_gone_or_written_anew_is_read_again(
    tiers: Tiers, found: Representation
):
    files, tier = tiers.store.files, tiers.disk
    assert tier is not None
    held = [files.find(found, number, 0, SLICE) for number in range(2)]
    assert None not in held
    tier.remove(found.slice_id(0))
    tiers.store.put(found, 1, tiers.store.arena.copy(BODY[SLICE : 2 * SLICE]))
    await asyncio.sleep(0)
    assert files.find(found, 0, 0, SLICE) is None
    assert files.find(found, 1, 0, SLICE) is None


async def test_without_a_disk_there_is_none(found: Representation):
    async with open_tiers(CacheSettings(), Purges(entries_max=10)) as tiers:
        assert tiers.store.files.find(found, 0, 0, SLICE) is None
