"""A folder at work: whatever is done in whatever order, it holds what it says, within its quota."""

import asyncio
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.disk.disk_folder import open_folder
from edge.disk.disk_index import DiskIndex
from edge.disk.disk_tier import DiskTier, Entry, Kind, open_disk_tier
from edge.disk.entry_file import Place
from edge.disk.folder_listing import FolderListing
from edge.disk.tests.running import (
    content_of,
    files_in,
    id_of,
    identity_of,
    read,
    running_tier,
    settings_of,
    until,
    write,
    written,
)
from edge.purges import Purge, Purges

QUOTA = 1 << 20

OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["write", "write", "record", "read", "remove", "wait"]),
        st.integers(0, 9),
        st.sampled_from([10, 5000, 100_000, 300_000]),
    ),
    max_size=25,
)


@given(OPERATIONS)
@settings(max_examples=15)
def test_after_any_operations_it_holds_what_it_says(operations: list[tuple[str, int, int]]):
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(run_operations(Path(name), operations))


async def run_operations(folder: Path, operations: list[tuple[str, int, int]]) -> None:
    tier_settings = settings_of(folder / "a", bytes_max=QUOTA)
    newest: dict[int, int] = {}
    async with running_tier(tier_settings) as tier:
        for operation, number, size in operations:
            match operation:
                case "write" | "record":
                    kind = Kind.RECORD if operation == "record" else Kind.SLICE
                    assert write(tier, number, size=size, kind=kind)
                    newest[number] = size
                case "remove":
                    tier.remove(id_of(number))
                    newest.pop(number, None)
                case "read":
                    check(await read(tier, number), number, newest)
                case _:
                    await until(lambda: tier.queued_bytes == 0)
            assert tier.bytes <= QUOTA
        await until(lambda: tier.queued_bytes == 0)
        await until(lambda: len(files_in(folder / "a")) == tier.entries)
        kept = {number for number in range(10) if tier.has(id_of(number))}
        assert len(kept) == tier.entries
        assert tier.counts.damaged == 0
    async with running_tier(tier_settings) as tier:
        for number in range(10):
            assert tier.has(id_of(number)) == (number in kept)
            entry = await read(tier, number)
            assert (entry is not None) == (number in kept)
            check(entry, number, newest)


def check(entry: Entry | None, number: int, newest: dict[int, int]) -> None:
    if entry is not None:
        assert bytes(entry.content) == content_of(number, newest[number])


async def test_it_serves_while_it_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    async with running_tier(settings_of(tmp_path / "a")) as tier:
        await written(tier, *range(10))
        assert write(tier, 20, kind=Kind.RECORD)
        await until(lambda: tier.queued_bytes == 0)
    may_end, sound = threading.Event(), FolderListing.build

    def build(listing: FolderListing) -> DiskIndex:
        assert may_end.wait(20)
        return sound(listing)

    monkeypatch.setattr(FolderListing, "build", build)
    async with open_disk_tier(settings_of(tmp_path / "a"), Purges(entries_max=9)) as tier:
        assert not tier.is_listed
        assert tier.has(id_of(1))
        assert tier.has(id_of(99))  # As far as is known.
        assert await read(tier, 99) is None
        assert not tier.has(id_of(99))
        for number in range(10):
            assert await read(tier, number) is not None
        tier.remove(id_of(1))
        assert not tier.has(id_of(1))
        assert await read(tier, 1) is None
        assert not write(tier, 30)
        assert tier.counts.dropped["listing"] == 1
        assert not write(tier, 20, kind=Kind.RECORD)
        assert await read(tier, 20) is None
        may_end.set()
        await until(lambda: tier.is_listed)
        assert tier.entries == 9
        assert not tier.has(id_of(1))
        assert await read(tier, 20) is None


async def test_a_folder_that_cannot_be_listed_is_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def build(listing: FolderListing) -> DiskIndex:
        raise OSError(5, "sick")

    monkeypatch.setattr(FolderListing, "build", build)
    one = settings_of(tmp_path / "a", probe_s=100)
    async with open_disk_tier(one, Purges(entries_max=9)) as tier:
        await until(lambda: bool(tier.problems()))
        assert "cannot be listed" in tier.problems()[str(tmp_path / "a")]


async def test_what_was_removed_while_it_was_listed_stays_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async with running_tier(settings_of(tmp_path / "a")) as tier:
        await written(tier, *range(10))
    async with open_disk_tier(settings_of(tmp_path / "a"), Purges(entries_max=9)) as tier:
        tier.remove(id_of(1))
        await until(lambda: tier.is_listed)
        assert not tier.has(id_of(1))
        assert tier.entries == 9
        await until(lambda: len(files_in(tmp_path / "a")) == 9)


async def purge_all(tier: DiskTier) -> int:
    return await tier.purge_log.purge(Purge(is_all=True))


async def test_a_folder_of_another_node_is_emptied(tmp_path: Path):
    for name in ("ours", "theirs"):
        async with running_tier(settings_of(tmp_path / name)) as tier:
            await purge_all(tier)
            for number in range(10):
                assert tier.write(
                    id_of(number), identity_of(number), b"x", sequence=1, kind=Kind.SLICE
                )
            await until(lambda: tier.queued_bytes == 0)
    both = settings_of(tmp_path / "ours", tmp_path / "theirs")
    purges = Purges(entries_max=9)
    async with running_tier(both, purges=purges) as tier:
        assert purges.sequence == 1
        assert len(files_in(tmp_path / "ours")) == 10
        assert files_in(tmp_path / "theirs") == []
        await until(lambda: not list((tmp_path / "theirs").glob("old-*")))


async def test_a_log_that_was_lost_empties_the_folder(tmp_path: Path):
    async with running_tier(settings_of(tmp_path / "a")) as tier:
        await written(tier, 1)
    (tmp_path / "a" / "purges").unlink()
    async with running_tier(settings_of(tmp_path / "a")) as tier:
        assert tier.entries == 0
        assert await read(tier, 1) is None


async def test_partial_files_of_a_crash_go(tmp_path: Path):
    folder = open_folder(tmp_path / "a")
    for number in range(256):
        (tmp_path / "a" / "v1" / f"{number:02x}" / ".t1").write_bytes(b"half")
    folder.close()
    async with running_tier(settings_of(tmp_path / "a")):
        assert files_in(tmp_path / "a") == []


def test_a_place_knows_its_path():
    assert Place(bytes(20), 35, Kind.RECORD).name == "00" * 20 + ".z.r"
