"""The tiers, as settings have them."""

from pathlib import Path

import pytest

from edge.disk.errors import DiskFolderInUseError
from edge.eviction.policies import PolicyName
from edge.pins import Content
from edge.purges import Purge, Purges
from edge.settings import AdmissionName, CacheSettings, DiskFolderSettings, DiskSettings
from edge.tests.making import representation_of
from edge.tiers import open_tiers


def settings_with(folder: Path | None = None, **changes: object) -> CacheSettings:
    folders = () if folder is None else (DiskFolderSettings(path=folder, bytes_max=1 << 22),)
    disk = DiskSettings(folders=folders, min_free_bytes=0, admission=AdmissionName.ALL)
    return CacheSettings.model_validate({"memory_bytes": 1 << 20, "disk": disk, **changes})


async def test_without_a_folder_there_is_no_disk():
    purges = Purges(entries_max=10)
    async with open_tiers(settings_with(), purges) as tiers:
        assert tiers.disk is None
        assert not tiers.problems()
        assert await tiers.purge(Purge(urls=("/a",))) == purges.sequence == 1


@pytest.mark.parametrize("policy", PolicyName)
async def test_every_policy_keeps_the_memory_within_its_bound(policy: PolicyName):
    async with open_tiers(settings_with(memory_policy=policy), Purges(entries_max=10)) as tiers:
        found = representation_of(complete_length=100 << 16, slice_bytes=1 << 16)
        tiers.store.make_current(found)
        for number in range(100):
            tiers.store.put(found, number, Content(1 << 16))
            assert tiers.store.bytes <= 1 << 20
        assert tiers.store.slices > 5


async def test_a_purge_of_an_earlier_run_is_in_effect_again(tmp_path: Path):
    for sequence in (1, 2, 3):
        purges = Purges(entries_max=10)
        async with open_tiers(settings_with(tmp_path / "disk"), purges) as tiers:
            assert purges.sequence == sequence - 1
            assert await tiers.purge(Purge(tags=("album",))) == sequence


async def test_a_folder_belongs_to_one_node(tmp_path: Path):
    settings = settings_with(tmp_path / "disk")
    async with open_tiers(settings, Purges(entries_max=10)):
        with pytest.raises(DiskFolderInUseError):
            async with open_tiers(settings, Purges(entries_max=10)):
                pass
