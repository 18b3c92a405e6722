"""Faults of a disk: none comes out as an error, none as a wrong byte, and each is told."""

import asyncio
import contextlib
import errno
import os
import resource
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.disk import disk_folder, folder_cache
from edge.disk.disk_folder import DiskFolder, FolderMark, ReadFile, Take
from edge.disk.disk_tier import DiskTier, Kind
from edge.disk.entry_file import Place
from edge.disk.tests.running import (
    ManualClock,
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


@contextlib.contextmanager
def mounted(path: Path, *, options: str = "size=8m") -> Iterator[Path]:
    """A small disk; the test is skipped where none may be mounted."""
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting needs root")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=False, capture_output=True)


def run_mount(*arguments: str) -> None:
    subprocess.run(arguments, check=True)


def flip(data: bytes, position: int) -> bytes:
    changed = bytearray(data)
    changed[position] ^= 1
    return bytes(changed)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda _: b"", id="no content, after a power cut"),
        pytest.param(lambda data: bytes(len(data)), id="zeros, after a power cut"),
        pytest.param(lambda data: data[:-1], id="cut off"),
        pytest.param(lambda data: data + b"x", id="longer"),
        pytest.param(lambda data: flip(data, -1), id="a bit of the content"),
        pytest.param(lambda data: flip(data, 70), id="a bit of the identity"),
        pytest.param(lambda data: flip(data, 12), id="a bit of the header"),
    ],
)
async def test_a_damaged_file_is_a_miss_and_goes(tmp_path: Path, damage: Callable[[bytes], bytes]):
    async with running_tier(settings_of(tmp_path / "a")) as tier:
        await written(tier, 1, 2)
        (path,) = [path for path in files_in(tmp_path / "a") if id_of(1).hex() in path.name]
        path.write_bytes(damage(path.read_bytes()))
        assert await read(tier, 1) is None
        assert tier.counts.damaged == 1
        assert not tier.has(id_of(1))
        await until(lambda: not path.exists())
        assert await read(tier, 2) is not None
        await written(tier, 1)
        assert await read(tier, 1) is not None


async def test_swapped_files_are_misses(tmp_path: Path):
    async with running_tier(settings_of(tmp_path / "a")) as tier:
        await written(tier, 10, 11)
        one, other = files_in(tmp_path / "a")
        one.rename(tmp_path / "x")
        other.rename(one)
        (tmp_path / "x").rename(other)
        assert await read(tier, 10) is None
        assert await read(tier, 11) is None
        assert tier.counts.damaged == 2


async def test_a_link_or_a_folder_in_the_place_of_a_file_is_a_miss(tmp_path: Path):
    async with running_tier(settings_of(tmp_path / "a")) as tier:
        await written(tier, 1, 2)
        one, other = files_in(tmp_path / "a")
        one.rename(tmp_path / "elsewhere")
        one.symlink_to(tmp_path / "elsewhere")
        other.unlink()
        other.mkdir()
        assert await read(tier, 1) is None
        assert await read(tier, 2) is None
        assert tier.counts.damaged == 2
        await until(lambda: not one.is_symlink())
        assert (tmp_path / "elsewhere").exists()


async def test_a_file_that_was_removed_is_a_miss_and_the_folder_stays_on(tmp_path: Path):
    async with running_tier(settings_of(tmp_path / "a")) as tier:
        await written(tier, 1)
        files_in(tmp_path / "a")[0].unlink()
        assert await read(tier, 1) is None
        assert not tier.has(id_of(1))
        await written(tier, 1)
        assert not tier.problems()


async def test_a_full_disk_costs_a_little_and_rests(tmp_path: Path):
    clock = ManualClock()
    with mounted(tmp_path / "disk") as disk:
        settings = settings_of(disk / "a", bytes_max=1 << 30)
        async with running_tier(settings, clock=clock) as tier:
            number = 0
            while not tier.problems():
                write(tier, number, size=100_000)
                number += 1
                await until(lambda: tier.queued_bytes == 0)
            assert tier.states() == {str(disk / "a"): "paused"}
            assert "No space" in tier.problems()[str(disk / "a")]
            assert tier.counts.errors["enospc"] == 1
            full = (number - 1) * 102_400
            assert not write(tier, 1000)
            assert tier.counts.dropped["paused"] >= 1
            assert sum([await read(tier, one) is not None for one in range(number)]) > 50
            await until(lambda: tier.counts.evicted > 0)
            assert tier.bytes < full
            await until(lambda: sum(path.stat().st_size for path in files_in(disk / "a")) < full)
            assert tier.bytes >= full * 0.95
            clock.now_s += 31
            assert write(tier, 1000)
            assert not write(tier, 1001)
            await until(lambda: not tier.problems())
            for more in range(2000, 2100):
                await written(tier, more, size=100_000)
            assert tier.bytes <= full


async def test_what_is_to_stay_free_stays_free(tmp_path: Path):
    with mounted(tmp_path / "disk") as disk:
        settings = settings_of(disk / "a", bytes_max=1 << 30, min_free_bytes=4 << 20)
        async with running_tier(settings) as tier:
            for number in range(100):
                write(tier, number, size=100_000)
                await until(lambda: tier.queued_bytes == 0)
            found = os.statvfs(disk)
            assert found.f_bavail * found.f_frsize >= 4 << 20
            assert tier.problems()
            assert tier.entries > 20


async def test_room_that_becomes_free_again_is_used_again(tmp_path: Path):
    clock = ManualClock()
    with mounted(tmp_path / "disk") as disk:
        (disk / "other").write_bytes(bytes(6 << 20))
        async with running_tier(settings_of(disk / "a", bytes_max=7 << 20), clock=clock) as tier:
            for number in range(60):
                clock.now_s += 31
                write(tier, number, size=100_000)
                await until(lambda: tier.queued_bytes == 0)
            assert tier.bytes < 2 << 20
            (disk / "other").unlink()
            for number in range(100, 400):
                clock.now_s += 31
                write(tier, number, size=100_000)
                await asyncio.sleep(0.02)  # The folder is looked at as often.
                if tier.bytes > 5 << 20:
                    break
            assert tier.bytes > 5 << 20


async def test_a_limit_on_the_size_of_files_is_like_a_full_disk(tmp_path: Path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    async with running_tier(settings_of(tmp_path / "a")) as tier:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
        try:
            assert write(tier, 1, size=100_000)
            await until(lambda: tier.queued_bytes == 0)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert await read(tier, 1) is None
        assert "paused" in tier.states().values()
        assert not files_in(tmp_path / "a")


async def test_a_folder_that_is_read_only_at_the_start_is_off(tmp_path: Path):
    with mounted(tmp_path / "disk") as disk:
        run_mount("mount", "-o", "remount,ro", str(disk))
        async with running_tier(settings_of(disk / "a", tmp_path / "b")) as tier:
            assert list(tier.problems()) == [str(disk / "a")]
            assert sum(write(tier, number) for number in range(40)) in range(5, 35)


async def test_a_folder_that_cannot_be_opened_at_the_start_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    (tmp_path / "a").write_bytes(b"no folder")
    async with running_tier(settings_of(tmp_path / "a", tmp_path / "b")) as tier:
        assert list(tier.problems()) == [str(tmp_path / "a")]
        assert "disk folder off" in caplog.messages


async def test_a_folder_without_its_purge_log_begins_anew_and_that_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    told = "a disk folder begins anew: it does not know what was purged"
    for kept in (1, 0):
        async with running_tier(settings_of(tmp_path / "a")) as tier:
            assert (told in caplog.messages) is not bool(kept)
            assert tier.entries == 0
            await written(tier, 1)
        (tmp_path / "a" / "purges").unlink()


async def test_a_folder_that_was_removed_comes_back_empty(tmp_path: Path):
    clock = ManualClock()
    async with running_tier(settings_of(tmp_path / "a"), clock=clock) as tier:
        await written(tier, *range(20))
        shutil.rmtree(tmp_path / "a")
        assert await read(tier, 1) is None
        await until(lambda: "off" in tier.states().values())
        assert "not there" in tier.problems()[str(tmp_path / "a")]
        clock.now_s += 1
        await until(lambda: not tier.problems() and tier.is_listed)
        assert tier.entries == 0
        await written(tier, 1)
        assert await read(tier, 1) is not None


async def test_a_disk_that_is_not_mounted_any_more_is_missed(tmp_path: Path):
    clock = ManualClock()
    with mounted(tmp_path / "disk") as disk:
        async with running_tier(settings_of(disk / "a", disk / "b"), clock=clock) as tier:
            await written(tier, *range(20))
            run_mount("umount", "-l", str(disk))
            await until(lambda: set(tier.states().values()) == {"on"})
            clock.now_s += 1
            await until(lambda: set(tier.states().values()) == {"off"})
            for _ in range(3):
                clock.now_s += 1
                await until(lambda: all("mounted" in one for one in tier.problems().values()))
            assert not list(disk.iterdir())
            assert not write(tier, 30)


class SickDisk:
    """Makes system calls on entries' files fail as they are told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.read_error = self.write_error = 0
        sound_read, sound_write = DiskFolder._read, DiskFolder._write

        def read(
            folder: DiskFolder, place: Place, identity_bytes: int, *, is_at_once: bool, take: Take
        ) -> ReadFile:
            if self.read_error:
                raise OSError(self.read_error, os.strerror(self.read_error))
            return sound_read(folder, place, identity_bytes, is_at_once=is_at_once, take=take)

        def write(folder: DiskFolder, *args: object, **named: object) -> None:
            if self.write_error:
                raise OSError(self.write_error, os.strerror(self.write_error))
            sound_write(folder, *args, **named)  # type: ignore[arg-type]

        def try_to_write(path: Path) -> None:
            if self.write_error:
                raise OSError(self.write_error, os.strerror(self.write_error))

        monkeypatch.setattr(disk_folder, "_try_to_write", try_to_write)
        monkeypatch.setattr(DiskFolder, "_read", read)
        monkeypatch.setattr(DiskFolder, "_write", write)


async def test_an_error_while_reading_is_a_miss_and_many_turn_it_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    clock, disk = ManualClock(), SickDisk(monkeypatch)
    settings = settings_of(tmp_path / "a", errors_max=3)
    async with running_tier(settings, clock=clock) as tier:
        await written(tier, *range(10))
        disk.read_error = errno.EIO
        for number in range(2):
            assert await read(tier, number) is None
        assert tier.counts.errors["eio"] == 2
        assert not tier.problems()
        assert not tier.has(id_of(0))
        await until(lambda: len(files_in(tmp_path / "a")) == 8)
        disk.read_error = 0
        assert await read(tier, 2) is not None
        disk.read_error = errno.EIO
        assert await read(tier, 3) is None
        assert "3 errors" in tier.problems()[str(tmp_path / "a")]
        disk.read_error = 0
        clock.now_s += 1
        await until(lambda: not tier.problems() and tier.is_listed)
        assert await read(tier, 5) is not None


async def test_errors_while_writing_turn_it_off_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    disk = SickDisk(monkeypatch)
    async with running_tier(settings_of(tmp_path / "a", errors_max=3)) as tier:
        disk.write_error = errno.EIO
        for number in range(3):
            assert write(tier, number)
            await until(lambda: tier.queued_bytes == 0)
            assert not tier.has(id_of(number))
        assert tier.counts.errors["eio"] == 3
        assert tier.states()[str(tmp_path / "a")] in {"off", "on"}
        assert not files_in(tmp_path / "a")


async def test_a_read_only_disk_is_off_until_it_can_be_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    clock, disk = ManualClock(), SickDisk(monkeypatch)
    async with running_tier(settings_of(tmp_path / "a"), clock=clock) as tier:
        await written(tier, *range(20))
        disk.write_error = errno.EROFS
        assert await read(tier, 1) is not None
        assert write(tier, 21)
        await until(lambda: "off" in tier.states().values())
        assert "read-only" in tier.problems()[str(tmp_path / "a")]
        assert await read(tier, 1) is None
        assert not tier.has(id_of(1))
        assert not write(tier, 22)
        assert tier.counts.dropped["off"] == 1
        clock.now_s += 1
        await until(lambda: "Read-only file system" in tier.problems()[str(tmp_path / "a")])
        disk.write_error = 0
        clock.now_s += 1
        await until(lambda: not tier.problems() and tier.is_listed)
        assert await read(tier, 1) is not None
        await written(tier, 22)


async def test_want_of_descriptors_is_no_fault_of_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    disk = SickDisk(monkeypatch)
    async with running_tier(settings_of(tmp_path / "a", errors_max=1)) as tier:
        await written(tier, 1)
        disk.read_error = disk.write_error = errno.EMFILE
        assert await read(tier, 1) is None
        assert write(tier, 2)
        await until(lambda: tier.queued_bytes == 0)
        assert tier.counts.errors["emfile"] == 2
        assert not tier.problems()
        disk.read_error = disk.write_error = 0
        assert await read(tier, 1) is not None
        assert await read(tier, 2) is None


async def test_a_failed_replacement_takes_the_older_one_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    disk = SickDisk(monkeypatch)
    async with running_tier(settings_of(tmp_path / "a")) as tier:
        assert write(tier, 1, kind=Kind.RECORD)
        await until(lambda: tier.queued_bytes == 0)
        disk.write_error = errno.EIO
        assert write(tier, 1, kind=Kind.RECORD)
        await until(lambda: tier.queued_bytes == 0)
        assert await read(tier, 1) is None
        await until(lambda: not files_in(tmp_path / "a"))


async def test_the_order_is_noted_now_and_then(tmp_path: Path):
    clock = ManualClock()
    async with running_tier(settings_of(tmp_path / "a"), clock=clock) as tier:
        await written(tier, 1)
        assert not (tmp_path / "a" / "index").exists()
        clock.now_s += 301
        await until((tmp_path / "a" / "index").exists)


async def test_no_fault_keeps_others_from_being_written(tmp_path: Path):
    async def fill(tier: DiskTier, numbers: range) -> None:
        for number in numbers:
            assert tier.write(
                id_of(number),
                identity_of(number),
                content_of(number),
                sequence=0,
                kind=Kind.SLICE,
            )

    async with running_tier(settings_of(tmp_path / "a")) as tier:
        await fill(tier, range(100))
        for number in range(0, 100, 2):
            tier.remove(id_of(number))
        await fill(tier, range(0, 50, 2))
        await until(lambda: tier.queued_bytes == 0)
        assert tier.entries == 75
        await until(lambda: len(files_in(tmp_path / "a")) == 75)
        for number in range(100):
            is_there = bool(number % 2) or number < 50
            assert (await read(tier, number) is not None) is is_there


async def test_a_folder_that_does_not_answer_is_off_and_lets_go_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    may_answer, sound = threading.Event(), disk_folder.open_folder

    def open_late(path: Path, *, expected: FolderMark | None) -> DiskFolder:
        may_answer.wait(20)
        return sound(path, expected=expected)

    monkeypatch.setattr(folder_cache, "open_folder", open_late)
    monkeypatch.setattr(folder_cache, "_CHECK_S_MAX", 0.05)
    async with running_tier(settings_of(tmp_path / "a", probe_s=1)) as tier:
        assert "not answer" in tier.problems()[str(tmp_path / "a")]
        monkeypatch.setattr(folder_cache, "_CHECK_S_MAX", 20.0)
        may_answer.set()
        await until(lambda: not tier.problems())


async def test_writes_that_a_stop_does_not_wait_for_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    may_write, sound = threading.Event(), DiskFolder.write

    def write_late(folder: DiskFolder, *args: object, **options: object) -> None:
        may_write.wait(20)
        sound(folder, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(DiskFolder, "write", write_late)
    monkeypatch.setattr(folder_cache, "_DRAIN_S", 0.05)
    async with running_tier(settings_of(tmp_path / "a")) as tier:
        assert write(tier, 1)
    may_write.set()
    assert caplog.messages == ["what waits to be written to a disk folder is lost"]
