"""The purge log: what was acknowledged is in effect after a crash, and nothing comes back."""

import asyncio
import errno
import itertools
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from edge import purge_log
from edge.disk.threads import Threads
from edge.purge_log import PurgeLog, PurgeNotDurableError
from edge.purges import Purge, Purges, Verdict


class Node:
    """A purge log with its purges, and what it says of folders."""

    def __init__(self, *, entries_max: int = 100, log_bytes_max: int = 1 << 20) -> None:
        self.purges = Purges(entries_max=entries_max)
        self.failed: dict[Path, str] = {}
        self.log = PurgeLog(
            self.purges,
            Threads(2, name="purge-log"),
            self.failed.__setitem__,
            log_bytes_max=log_bytes_max,
        )

    async def start(self, *folders: Path, is_complete: bool = True) -> set[Path]:
        for folder in folders:
            folder.mkdir(exist_ok=True)
        foreign = await self.log.load(folders, is_complete=is_complete)
        for folder in folders:
            assert await self.log.add(folder)
        return foreign

    def says(self, key: str, *, since: int) -> Verdict:
        return self.purges.weigh(key, CIMultiDict(), since=since)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "a"


async def test_purges_are_in_effect_after_a_crash(folder: Path):
    node = Node()
    await node.start(folder)
    assert await node.log.purge(Purge(urls=("/1",))) == 1
    assert await node.log.purge(Purge(prefixes=("/2/",), is_soft=True)) == 2
    again = Node()
    assert await again.start(folder) == set()
    assert again.purges.sequence == 2
    assert again.says("/1", since=0) is Verdict.PURGED
    assert again.says("/2/x", since=1) is Verdict.STALE
    assert again.says("/3", since=0) is Verdict.SPARED
    assert await again.log.purge(Purge(is_all=True)) == 3


async def test_a_purge_is_on_the_disk_before_it_is_in_effect(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    node = Node()
    await node.start(folder)
    sequences: list[int] = []
    sound = os.fdatasync

    def note(fd: int) -> None:
        sequences.append(node.purges.sequence)
        sound(fd)

    monkeypatch.setattr(os, "fdatasync", note)
    await node.log.purge(Purge(urls=("/1",)))
    assert sequences == [0]
    assert node.purges.sequence == 1


async def test_purges_at_one_time_have_numbers_of_their_own(folder: Path):
    node = Node()
    await node.start(folder)
    numbers = await asyncio.gather(
        *(node.log.purge(Purge(urls=(f"/{number}",))) for number in range(20))
    )
    assert numbers == list(range(1, 21))
    again = Node()
    await again.start(folder)
    assert [again.says(f"/{number}", since=number) for number in range(20)] == [Verdict.PURGED] * 20


async def test_a_caller_who_leaves_leaves_nothing_half_done(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    node = Node()
    await node.start(folder)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(node.log.purge(Purge(urls=("/1",))))
        await asyncio.sleep(0)
        task.cancel()
    assert task.cancelled()
    assert node.says("/1", since=0) is Verdict.PURGED
    monkeypatch.undo()
    assert await node.log.purge(Purge(urls=("/2",))) == 2
    again = Node()
    await again.start(folder)
    assert again.purges.history() == node.purges.history()


async def test_the_copy_with_the_newest_purge_counts(tmp_path: Path):
    first, second = tmp_path / "a", tmp_path / "b"
    node = Node()
    await node.start(first, second)
    await node.log.purge(Purge(urls=("/1",)))
    node.log.drop(first)
    await node.log.purge(Purge(urls=("/2",)))
    again = Node()
    assert await again.start(first, second) == set()
    assert again.purges.sequence == 2
    alone = Node()
    await alone.start(first)
    assert alone.says("/2", since=1) is Verdict.PURGED


async def test_a_folder_without_our_history_is_emptied(tmp_path: Path):
    first, second, third = tmp_path / "a", tmp_path / "b", tmp_path / "c"
    node = Node()
    assert await node.start(first, second) == {first, second}
    await node.log.purge(Purge(urls=("/1",)))
    other = Node()
    await other.start(third)
    again = Node()
    assert await again.start(third, first, second) == {third}
    assert again.purges.sequence == 1


async def test_who_starts_without_a_folder_empties_it_when_it_is_back(tmp_path: Path):
    first, second = tmp_path / "a", tmp_path / "b"
    await Node().start(first, second)
    node = Node()
    assert await node.start(first, is_complete=False) == set()
    assert await node.log.is_foreign(second)
    assert not await node.log.is_foreign(first)
    again = Node()
    assert await again.start(first, second) == {second}


async def test_a_folder_that_was_off_is_brought_up_to_date(tmp_path: Path):
    first, second = tmp_path / "a", tmp_path / "b"
    node = Node()
    await node.start(first, second)
    node.log.drop(second)
    await node.log.purge(Purge(urls=("/1",)))
    assert not await node.log.is_foreign(second)
    assert await node.log.add(second)
    alone = Node()
    await alone.start(second)
    assert alone.says("/1", since=0) is Verdict.PURGED


async def test_a_folder_whose_copy_fails_is_off_before_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    first, second = tmp_path / "a", tmp_path / "b"
    node = Node()
    await node.start(first, second)
    sound, calls = os.fdatasync, itertools.count()

    def fail_once(fd: int) -> None:
        if next(calls) == 0:
            raise OSError(errno.EIO, "sick")
        sound(fd)

    monkeypatch.setattr(os, "fdatasync", fail_once)
    assert await node.log.purge(Purge(urls=("/1",))) == 1
    assert len(node.failed) == 1
    assert "sick" in next(iter(node.failed.values()))
    alone = Node()
    await alone.start(*({first, second} - set(node.failed)))
    assert alone.says("/1", since=0) is Verdict.PURGED


async def test_without_any_copy_there_is_no_acknowledgement(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    node = Node()
    await node.start(folder)

    def fail(fd: int) -> None:
        raise OSError(errno.EIO, "sick")

    monkeypatch.setattr(os, "fdatasync", fail)
    with pytest.raises(PurgeNotDurableError):
        await node.log.purge(Purge(urls=("/1",)))
    assert node.says("/1", since=0) is Verdict.PURGED
    assert list(node.failed) == [folder]
    monkeypatch.undo()
    assert not await node.log.is_foreign(folder)
    assert await node.log.add(folder)
    again = Node()
    await again.start(folder)
    assert again.says("/1", since=0) is Verdict.PURGED


async def test_a_copy_that_hangs_is_not_waited_for(folder: Path, monkeypatch: pytest.MonkeyPatch):
    node = Node()
    await node.start(folder)
    monkeypatch.setattr(purge_log, "_APPEND_S_MAX", 0.05)
    read_end, write_end = os.pipe()
    monkeypatch.setattr(os, "fdatasync", lambda _: os.read(read_end, 1))
    with pytest.raises(PurgeNotDurableError):
        await node.log.purge(Purge(urls=("/1",)))
    assert "too long" in node.failed[folder]
    os.write(write_end, b"x")
    os.close(write_end)


async def test_without_folders_nothing_has_to_be_durable():
    node = Node()
    assert await node.log.load([], is_complete=True) == set()
    assert await node.log.purge(Purge(urls=("/1",))) == 1
    assert node.says("/1", since=0) is Verdict.PURGED


async def test_a_log_does_not_grow_without_end(folder: Path):
    node = Node(entries_max=5, log_bytes_max=2000)
    await node.start(folder)
    for number in range(1, 200):
        assert await node.log.purge(Purge(urls=(f"/{number}",))) == number
        assert (folder / "purges").stat().st_size < 3000
    again = Node(entries_max=5)
    await again.start(folder)
    assert again.purges.history() == node.purges.history()


@pytest.mark.parametrize("position", [-1, -60, 60])
async def test_a_damaged_log_purges_all_from_before(folder: Path, position: int):
    node = Node()
    await node.start(folder)
    for number in range(1, 6):
        await node.log.purge(Purge(urls=(f"/{number}",)))
    path = folder / "purges"
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)
    again = Node()
    assert await again.start(folder) == set()
    assert again.purges.sequence >= 5
    assert again.says("/other", since=5) is Verdict.PURGED
    number = await again.log.purge(Purge())
    assert again.says("/other", since=number - 1) is Verdict.SPARED


async def test_a_log_whose_head_is_damaged_is_no_log(folder: Path):
    node = Node()
    await node.start(folder)
    path = folder / "purges"
    path.write_bytes(b"X" + path.read_bytes()[1:])
    assert await Node().start(folder) == {folder}


async def test_a_log_that_cannot_be_read_is_told(folder: Path, caplog: pytest.LogCaptureFixture):
    log = Node().log
    assert await log.load([folder], is_complete=True) == {folder}
    assert not caplog.messages
    path = folder / "purges"
    path.mkdir(parents=True)
    assert await log.load([folder], is_complete=True) == {folder}
    assert caplog.messages == ["a purge log cannot be read"]


async def test_a_sound_copy_makes_up_for_a_damaged_one(tmp_path: Path):
    first, second = tmp_path / "a", tmp_path / "b"
    node = Node()
    await node.start(first, second)
    for number in range(1, 6):
        await node.log.purge(Purge(urls=(f"/{number}",)))
    path = first / "purges"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    again = Node()
    assert await again.start(first, second) == set()
    assert again.purges.sequence == 5
    assert again.says("/other", since=0) is Verdict.SPARED


TEXTS = st.lists(st.sampled_from(["/", "/a", "/a/", "/a/b", "x"]), max_size=2).map(tuple)
PURGES = st.builds(Purge, TEXTS, TEXTS, TEXTS, st.booleans(), st.booleans())


@given(st.lists(PURGES, max_size=6), st.data())
def test_whatever_a_crash_leaves_of_the_log_no_acknowledged_purge_is_lost(
    purges: list[Purge], data: st.DataObject
):
    """The file ends anywhere from the last acknowledged record on, within the next one."""

    async def run(folder: Path) -> None:
        node = Node()
        await node.start(folder)
        for purge in purges:
            await node.log.purge(purge)
        whole = (folder / "purges").read_bytes()
        await node.log.purge(Purge(urls=("/last",)))
        longer = (folder / "purges").read_bytes()
        cut = data.draw(st.integers(len(whole), len(longer)))
        (folder / "purges").write_bytes(longer[:cut])
        again = Node()
        assert await again.start(folder) == set()
        is_last_there = cut == len(longer)
        assert again.purges.sequence == len(purges) + is_last_there
        for since in range(len(purges)):
            for key in ("/", "/a", "/a/b", "/b"):
                expected = node.says(key, since=since)
                assert again.says(key, since=since) is expected

    with tempfile.TemporaryDirectory() as name:
        asyncio.run(run(Path(name)))
