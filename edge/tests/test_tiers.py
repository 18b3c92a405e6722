"""The tiers of a node: what is kept where, and that both heed a purge."""

from pathlib import Path

import pytest

from edge.purges import Purge, Purges
from edge.settings import CacheSettings
from edge.tests.making import representation_of
from edge.tiers import open_tiers


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
