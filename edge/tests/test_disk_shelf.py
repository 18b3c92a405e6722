"""What goes to the disk, and what comes back from there."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.disk.disk_tier import DiskTier, open_disk_tier
from edge.disk_shelf import DiskShelf
from edge.eviction.admission import SecondRequest
from edge.pins import Content
from edge.purges import Purge, Purges
from edge.representation import Representation
from edge.settings import DiskFolderSettings, DiskSettings
from edge.tests.making import head_from, representation_of

BODY = Content(b"x" * 100)


@contextlib.asynccontextmanager
async def open_shelf(folder: Path, purges: Purges) -> AsyncIterator[tuple[DiskShelf, DiskTier]]:
    folders = (DiskFolderSettings(path=folder, bytes_max=1 << 22),)
    settings = DiskSettings(folders=folders, min_free_bytes=0)
    async with open_disk_tier(settings, purges) as tier:
        async with asyncio.timeout(10):
            while not tier.is_listed:  # noqa: ASYNC110 - nobody is told
                await asyncio.sleep(0.01)
        yield DiskShelf(tier, admission=SecondRequest(window=1000), purges=purges), tier


@pytest.fixture
def purges() -> Purges:
    return Purges(entries_max=100)


async def test_what_is_offered_twice_is_taken(tmp_path: Path, purges: Purges):
    found = representation_of()
    async with open_shelf(tmp_path / "a", purges) as (shelf, tier):
        assert not shelf.offer(found, 0, BODY, [found])
        assert not shelf.has(found, 0)
        assert shelf.offer(found, 0, BODY, [found])
        assert shelf.has(found, 0)
        assert not shelf.has(found, 1)
        assert found.is_on_disk
        assert await shelf.slice(found, 0) == BODY
        assert tier.entries == 2


async def test_nobody_would_find_slices_of_what_is_no_longer_offered(
    tmp_path: Path, purges: Purges
):
    found = representation_of()
    async with open_shelf(tmp_path / "a", purges) as (shelf, tier):
        shelf.write(found, 0, BODY, [])
        assert tier.entries == 0


async def test_what_was_purged_since_its_fill_began_is_no_slice_any_more(
    tmp_path: Path, purges: Purges
):
    found = representation_of()
    async with open_shelf(tmp_path / "a", purges) as (shelf, _):
        shelf.write(found, 0, BODY, [found])
        await shelf_purge(purges, Purge(urls=("/other",)))
        assert await shelf.slice(found, 0) == BODY
        await shelf_purge(purges, Purge(urls=("/a",), is_soft=True))
        assert await shelf.slice(found, 0) == BODY  # It may be true still: that is validated.
        await shelf_purge(purges, Purge(urls=("/a",)))
        assert await shelf.slice(found, 0) is None
        assert not shelf.has(found, 0)


async def shelf_purge(purges: Purges, purge: Purge) -> None:
    purges.apply(purge)


async def test_records_come_back_in_their_order(tmp_path: Path, purges: Purges):
    variants: list[Representation] = []
    for number in (1, 2):
        one = representation_of(head_from(ETag=f'"v{number}"'))
        variants.insert(0, one)
    async with open_shelf(tmp_path / "a", purges) as (shelf, _):
        assert not shelf.may_know("/a")
        for one in variants:
            shelf.write(one, 0, BODY, variants)
        assert shelf.may_know("/a")
        recalled = await shelf.recall("/a")
        assert [one.validator for one in recalled] == ['"v2"', '"v1"']
        shelf.forget("/a")
        assert await shelf.recall("/a") == []


async def test_without_a_strong_validator_a_record_counts_only_with_all_its_slices(
    tmp_path: Path, purges: Purges
):
    weak = representation_of(head_from(ETag=""), complete_length=200)
    async with open_shelf(tmp_path / "a", purges) as (shelf, _):
        shelf.write(weak, 0, BODY, [weak])
        assert await shelf.recall("/a") == []
        shelf.write(weak, 1, BODY, [weak])
        assert [one.validator for one in await shelf.recall("/a")] == ["nonce"]
