import asyncio
from pathlib import Path

import pytest
from typing_extensions import override

from drm.adapters.memory_content_keys import MemoryContentKeys
from origin.tests.examples import MASTER, TRACK_ID, VERSION
from origin.tests.workshops import TextPackager
from origin.workshop import PackagingTask, package_renditions
from packager.errors import WorkerDiedError
from packager.jobs import OnProgress, PackagingOrder
from packager.renditions import PROFILES
from packager.seek_index import RenditionFacts


async def task_in(folder: Path) -> PackagingTask:
    master = folder / "master"
    await asyncio.to_thread(master.write_bytes, b"tone")
    keys = await MemoryContentKeys().keys_of_track(TRACK_ID)
    return PackagingTask(master, MASTER, VERSION, keys, folder)


async def test_each_rendition_gets_its_key_and_its_file(tmp_path: Path):
    task = await task_in(tmp_path)
    told: list[float] = []
    files = await package_renditions(TextPackager(), task, tuple(PROFILES), on_progress=told.append)
    for file, profile in zip(files, PROFILES.values(), strict=True):
        assert file.facts.name == profile.name
        assert file.facts.kid == str(task.keys.by_class[profile.key_class].kid)
        assert file.path.name == f"{profile.name}.{profile.container}"
        assert file.path.stat().st_size == file.facts.bytes
    assert told == sorted(told)
    assert told[-1] == 1.0


class DyingPackager(TextPackager):
    """Dies of one rendition, and never ends with the others."""

    was_cancelled = 0

    @override
    async def package(
        self, order: PackagingOrder, *, on_progress: OnProgress | None = None
    ) -> RenditionFacts:
        assert on_progress is not None
        if order.rendition == "flac":
            raise WorkerDiedError
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.was_cancelled += 1
            raise
        raise AssertionError


async def test_one_failure_ends_them_all_and_is_told_as_it_is(tmp_path: Path):
    packager = DyingPackager()
    with pytest.raises(WorkerDiedError):
        await package_renditions(
            packager, await task_in(tmp_path), tuple(PROFILES), on_progress=lambda _: None
        )
    assert packager.was_cancelled == len(PROFILES) - 1
