"""Reads: at once or in a thread, one for all who ask, bounded in number and in time."""

import asyncio
import errno
import os
import threading
from pathlib import Path

import pytest

from edge.disk import disk_folder
from edge.disk.disk_folder import DiskFolder, ReadFile, Take
from edge.disk.disk_tier import WOULD_BLOCK, DiskTier
from edge.disk.entry_file import Place
from edge.disk.tests.running import (
    content_of,
    id_of,
    identity_of,
    read,
    running_tier,
    settings_of,
    until,
    written,
)


class ColdDisk:
    """Has nothing in memory, and answers a thread when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.may_answer = threading.Event()
        self.reads = 0
        sound = DiskFolder._read

        def read(
            folder: DiskFolder, place: Place, identity_bytes: int, *, is_at_once: bool, take: Take
        ) -> ReadFile:
            if is_at_once:
                raise BlockingIOError
            self.reads += 1
            assert self.may_answer.wait(20)
            return sound(folder, place, identity_bytes, is_at_once=False, take=take)

        monkeypatch.setattr(DiskFolder, "_read", read)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> ColdDisk:
    return ColdDisk(monkeypatch)


def at_once(tier: DiskTier, number: int) -> object:
    return tier.read_at_once(id_of(number), identity_of(number))


async def test_all_who_ask_for_one_entry_share_one_read(tmp_path: Path, disk: ColdDisk):
    async with running_tier(settings_of(tmp_path / "a")) as tier:
        await written(tier, 1)
        assert at_once(tier, 1) is WOULD_BLOCK
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(read(tier, 1)) for _ in range(5)]
            await until(lambda: disk.reads == 1)
            tasks[0].cancel()
            disk.may_answer.set()
        entries = [task.result() for task in tasks[1:]]
        assert disk.reads == 1
        for number, entry in enumerate(entries):
            assert entry is not None
            assert bytes(entry.content) == content_of(1)
            entry.content[:8] = bytes([number]) * 8
        assert tier.counts.thread_reads == tier.counts.hits == 1


async def test_reads_that_wait_are_bounded(tmp_path: Path, disk: ColdDisk):
    settings = settings_of(tmp_path / "a", read_threads=2, reads_max=3)
    async with running_tier(settings) as tier:
        await written(tier, *range(5))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(read(tier, number)) for number in range(5)]
            await until(lambda: tier.counts.dropped["reads"] == 2)
            disk.may_answer.set()
        assert sum(task.result() is not None for task in tasks) == 3
        assert disk.reads == 3


async def test_a_read_that_hangs_is_a_miss_and_an_error(tmp_path: Path, disk: ColdDisk):
    settings = settings_of(tmp_path / "a", read_s_max=0.05, errors_max=2, probe_s=100)
    async with running_tier(settings) as tier:
        await written(tier, 1, 2)
        both = await asyncio.gather(read(tier, 1), read(tier, 1))
        assert not any(both)
        assert tier.counts.errors["etimedout"] == 1
        assert not tier.problems()
        assert await read(tier, 2) is None
        assert "2 errors" in tier.problems()[str(tmp_path / "a")]
        disk.may_answer.set()


async def test_what_was_removed_while_it_was_read_is_a_miss(tmp_path: Path, disk: ColdDisk):
    async with running_tier(settings_of(tmp_path / "a")) as tier:
        await written(tier, 1)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(read(tier, 1))
            await until(lambda: disk.reads == 1)
            tier.remove(id_of(1))
            disk.may_answer.set()
        assert task.result() is None


async def test_a_folder_that_is_turned_off_while_it_is_read_does_no_harm(
    tmp_path: Path, disk: ColdDisk
):
    async with running_tier(settings_of(tmp_path / "a", probe_s=100)) as tier:
        await written(tier, 1)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(read(tier, 1))
            await until(lambda: disk.reads == 1)
            tier._folders[0].turn_off("a test")
            disk.may_answer.set()
        entry = task.result()
        assert entry is None or bytes(entry.content) == content_of(1)
        assert await read(tier, 1) is None


async def test_a_file_system_without_such_reads_is_read_by_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    sound = os.preadv

    def preadv(fd: int, buffers: list[bytearray], offset: int, flags: int) -> int:
        if flags:
            raise OSError(errno.EOPNOTSUPP, "not supported")
        return sound(fd, buffers, offset, flags)

    async with running_tier(settings_of(tmp_path / "a")) as tier:
        await written(tier, 1)
        monkeypatch.setattr(disk_folder.os, "preadv", preadv)  # type: ignore[attr-defined]
        assert at_once(tier, 1) is WOULD_BLOCK
        assert await read(tier, 1) is not None
        assert tier.counts.thread_reads == 1
