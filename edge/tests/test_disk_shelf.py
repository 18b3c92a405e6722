"""The shelf over a disk tier: which slices go there, and what leads back to them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.disk.disk_tier import DiskTier, WouldBlock, open_disk_tier
from edge.disk.page_cache import PageCache
from edge.disk.settings import DiskSettings
from edge.disk.tests.running import until
from edge.disk_shelf import DiskShelf, record_id
from edge.eviction.admission import AdmitAll, SecondRequest
from edge.purges import Purge, Purges
from edge.representation import Representation
from edge.tests.making import head_from, representation_of


@contextlib.asynccontextmanager
async def open_shelf(
    folder: Path, purges: Purges, *, is_choosy: bool = False
) -> AsyncIterator[tuple[DiskShelf, DiskTier]]:
    folders = [{"path": str(folder), "bytes_max": 1 << 20}]
    settings = DiskSettings.model_validate({"folders": folders, "min_free_bytes": 0})
    async with open_disk_tier(settings, purges) as tier:
        async with asyncio.timeout(10):
            while not tier.is_listed:  # noqa: ASYNC110 - nobody is told
                await asyncio.sleep(0.001)
        admission = SecondRequest(window=100) if is_choosy else AdmitAll()
        yield DiskShelf(tier, admission=admission, purges=purges), tier


def purges_of() -> Purges:
    return Purges(entries_max=100)


def content_of(number: int) -> bytearray:
    return bytearray([number] * 100)


def tagged() -> Representation:
    return representation_of(head_from(Surrogate_Key="album"))


async def test_a_slice_leads_to_its_record(tmp_path: Path):
    async with open_shelf(tmp_path / "disk", purges_of()) as (shelf, _):
        found = representation_of()
        assert shelf.offer(found, 3, content_of(3), (found,))
        assert (found.is_on_disk, shelf.may_know("/a")) == (True, True)
    async with open_shelf(tmp_path / "disk", purges_of()) as (shelf, _):
        (recalled,) = await shelf.recall("/a")
        assert shelf.has(recalled, 3)
        assert not shelf.has(recalled, 4)
        assert await shelf.slice(recalled, 3) == content_of(3)
        at_once = shelf.slice_at_once(recalled, 3)
        assert isinstance(at_once, WouldBlock) or at_once == content_of(3)


async def test_what_comes_once_is_not_written(tmp_path: Path):
    async with open_shelf(tmp_path / "disk", purges_of(), is_choosy=True) as (shelf, tier):
        found = representation_of()
        assert not shelf.offer(found, 3, content_of(3), (found,))
        assert tier.queued_bytes == 0
        assert shelf.offer(found, 3, content_of(3), (found,))
        assert shelf.may_have(found, 3)


async def test_what_is_not_offered_is_not_written(tmp_path: Path):
    async with open_shelf(tmp_path / "disk", purges_of()) as (shelf, tier):
        shelf.write(representation_of(), 3, content_of(3), ())
        assert tier.queued_bytes == 0


async def test_what_still_grows_is_not_written(tmp_path: Path):
    async with open_shelf(tmp_path / "disk", purges_of()) as (shelf, tier):
        found = representation_of()
        found.complete_length = None
        shelf.write(found, 3, content_of(3), (found,))
        assert tier.queued_bytes == 0
        assert not shelf.may_have(found, 3)


async def test_without_a_strong_validator_all_of_it_is_recalled_or_nothing(tmp_path: Path):
    async with open_shelf(tmp_path / "disk", purges_of()) as (shelf, _):
        weak = representation_of(head_from(ETag=""), complete_length=200)
        shelf.write(weak, 0, content_of(0), (weak,))
        assert await shelf.recall("/a") == []
        shelf.write(weak, 1, content_of(1), (weak,))
        assert len(await shelf.recall("/a")) == 1


async def test_a_slice_from_before_a_purge_is_gone(tmp_path: Path):
    purges = purges_of()
    async with open_shelf(tmp_path / "disk", purges) as (shelf, tier):
        found = tagged()
        shelf.write(found, 3, content_of(3), (found,))
        await tier.purge_log.purge(Purge(tags=("other",)))
        assert await shelf.slice(found, 3) == content_of(3)
        await tier.purge_log.purge(Purge(tags=("album",)))
        assert await shelf.slice(found, 3) is None
        assert not shelf.may_have(found, 3)


@pytest.mark.skipif(not PageCache().can_tell(), reason="the kernel cannot tell")
async def test_a_file_from_before_a_purge_is_sent_no_more(tmp_path: Path):
    purges, content = purges_of(), bytearray(b"abcd" * 10_000)
    async with open_shelf(tmp_path / "disk", purges) as (shelf, tier):
        head = head_from(Surrogate_Key="album")
        found = representation_of(head, complete_length=40_000, slice_bytes=40_000)
        shelf.write(found, 0, content, (found,))
        await until(lambda: not tier.queued_bytes)
        assert await shelf.slice(found, 0) == content
        await tier.purge_log.purge(Purge(tags=("other",)))
        file = shelf.verified_file(found, 0, 1, 5)
        assert file is not None
        assert bytes(file.view(1, 5)) == b"bcda"
        await tier.purge_log.purge(Purge(tags=("album",)))
        assert shelf.verified_file(found, 0, 1, 5) is None
        assert not shelf.may_have(found, 0)
        found.complete_length = None
        assert shelf.verified_file(found, 0, 1, 5) is None


async def test_records_that_lead_nowhere_are_forgotten(tmp_path: Path):
    async with open_shelf(tmp_path / "disk", purges_of()) as (shelf, tier):
        found = representation_of()
        shelf.write(found, 3, content_of(3), (found,))
        shelf.write_records("/a", ())
        assert not shelf.may_know("/a")
        shelf.write(found, 4, content_of(4), (found,))
        assert shelf.may_know("/a")
        shelf.forget("/a")
        assert not tier.has(record_id("/a"))


async def test_records_come_back_in_their_order(tmp_path: Path):
    async with open_shelf(tmp_path / "disk", purges_of()) as (shelf, _):
        variants = [representation_of(head_from(ETag=tag)) for tag in ('"v2"', '"v1"')]
        for one in variants:
            shelf.write(one, 0, content_of(0), variants)
        assert [one.validator for one in await shelf.recall("/a")] == ['"v2"', '"v1"']


async def test_what_was_not_read_is_passed_over_until_it_is_written_again(tmp_path: Path):
    async with open_shelf(tmp_path / "disk", purges_of()) as (shelf, tier):
        found = representation_of()
        assert await shelf.slice(found, 0) is None  # As if the disk had been too slow.
        assert not shelf.may_have(found, 0)
        shelf.write(found, 0, content_of(0), [found])
        assert shelf.has(found, 0)
        assert tier.entries == 2
