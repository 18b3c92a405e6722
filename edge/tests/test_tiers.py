"""The tiers of a node: what is kept where, and that both heed a purge."""

import asyncio
from pathlib import Path

import pytest
from multidict import CIMultiDict

from edge.disk import disk_tier
from edge.disk.errors import DiskFolderInUseError
from edge.purge_log import PurgeNotDurableError
from edge.purges import Purge, Purges, Verdict
from edge.settings import CacheSettings
from edge.tests.making import representation_of
from edge.tiers import Tiers, open_tiers


def settings_of(*folders: Path, **changes: object) -> CacheSettings:
    entries = [{"path": str(folder), "bytes_max": 1 << 20} for folder in folders]
    disk = {"folders": entries, "min_free_bytes": 0}
    return CacheSettings.model_validate({"disk": disk, **changes})


async def test_without_a_folder_there_is_memory_alone():
    purges = Purges(entries_max=10)
    async with open_tiers(settings_of(), purges) as tiers:
        assert tiers.disk is None
        assert tiers.problems() == {}
        tiers.store.make_current(representation_of())
        assert await tiers.purge(Purge(urls=("/a",))) == 1
        assert tiers.store.offered("/a") == ()


async def test_purges_are_remembered_where_there_is_a_folder(tmp_path: Path):
    for number in (1, 2):
        purges = Purges(entries_max=10)
        async with open_tiers(settings_of(tmp_path / "disk"), purges) as tiers:
            assert tiers.disk is not None
            assert purges.sequence == number - 1
            assert await tiers.purge(Purge(urls=("/a",))) == number


async def test_a_folder_that_cannot_be_used_is_a_problem_and_no_end(tmp_path: Path):
    (tmp_path / "file").write_text("not a folder")
    async with open_tiers(settings_of(tmp_path / "file"), Purges(entries_max=10)) as tiers:
        assert list(tiers.problems()) == [f"disk {tmp_path / 'file'}"]
        tiers.store.make_current(representation_of())
        assert tiers.store.offered("/a")


@pytest.mark.parametrize("policy", ["lru", "clock", "s3fifo"])
async def test_each_policy_takes_slices_of_known_and_of_unknown_length(policy: str):
    settings = settings_of(memory_bytes=1 << 20, memory_policy=policy)
    async with open_tiers(settings, Purges(entries_max=10)) as tiers:
        known, growing = representation_of(), representation_of()
        growing.complete_length = None
        for number in range(10):
            tiers.store.put(known, number, bytearray(100))
            tiers.store.put(growing, number, bytearray(100))
        growing.end_at(1000)
        tiers.store.settle(growing)
        assert tiers.store.slices == 20
        for number in range(10, 3000):
            growing.complete_length = None
            tiers.store.put(growing, number, bytearray(100))
            growing.end_at(100 * (number + 1))
        assert tiers.store.bytes <= 1 << 20


async def test_a_folder_belongs_to_one_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(disk_tier, "_START_S_MAX", 0.1)
    settings = settings_of(tmp_path / "disk")
    async with open_tiers(settings, Purges(entries_max=10)):
        with pytest.raises(DiskFolderInUseError):
            async with open_tiers(settings, Purges(entries_max=10)):
                pass


async def until_open(tiers: Tiers) -> None:
    async with asyncio.timeout(20):
        while tiers.problems():  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0.02)


async def test_a_successor_has_the_folder_as_soon_as_it_is_given_up(tmp_path: Path):
    settings = settings_of(tmp_path / "disk")
    old_purges, purges = Purges(entries_max=10), Purges(entries_max=10)
    async with open_tiers(settings, old_purges) as old:
        assert await old.purge(Purge(urls=("/before",))) == 1
        async with open_tiers(settings, purges, is_successor=True) as tiers:
            assert list(tiers.problems()) == [f"disk {tmp_path / 'disk'}"]
            with pytest.raises(PurgeNotDurableError):
                await tiers.purge(Purge(urls=("/early",)))
            tiers.wait_for_disk()
            purging = asyncio.ensure_future(tiers.purge(Purge(urls=("/meanwhile",))))
            await asyncio.sleep(0.1)
            assert not purging.done()
            await old.give_up_disk()
            assert await purging == 3
            await until_open(tiers)
            assert await old.purge(Purge(urls=("/a",))) == 2  # In memory alone.
            assert await tiers.purge(Purge(urls=("/after",))) == 4
    restored = Purges(entries_max=10)
    async with open_tiers(settings, restored):
        fields: CIMultiDict[str] = CIMultiDict()
        for since, key in ((0, "/before"), (1, "/early"), (2, "/meanwhile"), (3, "/after")):
            assert restored.weigh(key, fields, since=since) is Verdict.PURGED
        assert restored.sequence == 4


async def test_where_nobody_has_the_folder_a_successor_has_it_at_once(tmp_path: Path):
    settings = settings_of(tmp_path / "disk")
    async with open_tiers(settings, Purges(entries_max=10), is_successor=True) as tiers:
        assert tiers.problems() == {}
        assert await tiers.purge(Purge(urls=("/a",))) == 1


async def test_a_process_that_was_just_killed_has_its_folder_for_a_moment(tmp_path: Path):
    settings = settings_of(tmp_path / "disk")
    async with open_tiers(settings, Purges(entries_max=10)) as old, asyncio.TaskGroup() as group:
        group.create_task(asyncio.sleep(0.3)).add_done_callback(
            lambda _: group.create_task(old.give_up_disk())
        )
        async with open_tiers(settings, Purges(entries_max=10)) as tiers:
            assert tiers.problems() == {}
