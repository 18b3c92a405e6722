"""Hits from files that were verified: only what is still there as it was, and never from a disk."""

import asyncio
import os
import resource
from pathlib import Path

import pytest

from edge.disk.disk_tier import DiskTier
from edge.disk.entry_file import Kind
from edge.disk.page_cache import PageCache
from edge.disk.tests.running import (
    content_of,
    id_of,
    identity_of,
    read,
    running_tier,
    settings_of,
    until,
    write,
    written,
)
from edge.disk.verified_files import OpenFile, VerifiedFile, VerifiedFiles, files_max_of

SIZE = 100_000

pytestmark = pytest.mark.skipif(not PageCache().can_tell(), reason="the kernel cannot tell")


def verified(tier: DiskTier, number: int, start: int = 0, stop: int = SIZE) -> VerifiedFile | None:
    return tier.verified_file(id_of(number), identity_of(number), start, stop)


def made(file: OpenFile, entry_id: bytes, *, offset: int, length: int) -> VerifiedFile:
    return VerifiedFile(
        file,
        offset=offset,
        length=length,
        entry_id=entry_id,
        identity=b"",
        sequence=0,
        allow=lambda *_: True,
    )


def the_file(folder: Path) -> Path:
    (path,) = folder.glob("v1/??/*.s")
    return path


async def test_a_slice_that_was_read_is_sent_from_its_file(tmp_path: Path):
    async with running_tier(settings_of(tmp_path / "a")) as tier:
        await written(tier, 1, size=SIZE)
        assert verified(tier, 1) is None
        assert await read(tier, 1) is not None
        file = verified(tier, 1, 10, 50)
        assert file is not None
        assert os.pread(file.fd, 40, file.offset + 10) == content_of(1, SIZE)[10:50]
        assert bytes(file.view(90_000, SIZE)) == content_of(1, SIZE)[90_000:]
        assert (tier.open_files, tier.counts.file_hits, tier.counts.hits) == (1, 1, 2)
        assert tier.verified_file(id_of(1), b"another", 0, 1) is None
        assert verified(tier, 1, 0, SIZE + 1) is None


async def test_short_slices_and_records_are_not_held(tmp_path: Path):
    async with running_tier(settings_of(tmp_path / "a")) as tier:
        await written(tier, 1)
        assert write(tier, 2, size=SIZE, kind=Kind.RECORD)
        await until(lambda: tier.queued_bytes == 0)
        for number in (1, 2):
            assert await read(tier, number) is not None
            assert verified(tier, number, 0, 10) is None
        assert tier.open_files == 0


async def test_what_leaves_memory_is_verified_again(tmp_path: Path):
    async with running_tier(settings_of(tmp_path / "a")) as tier:
        await written(tier, 1, size=SIZE)
        assert await read(tier, 1) is not None
        path = the_file(tmp_path / "a")
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            if PageCache().has(file.fileno(), 0, 1):
                pytest.skip("this file system keeps its pages")
        assert verified(tier, 1) is None
        assert verified(tier, 1, 5, 6) is None
        assert await read(tier, 1) is not None
        assert verified(tier, 1) is not None


@pytest.mark.parametrize("how", ["written to", "cut", "removed"])
async def test_a_file_that_was_touched_is_not_sent(tmp_path: Path, how: str):
    async with running_tier(settings_of(tmp_path / "a")) as tier:
        await written(tier, 1, size=SIZE)
        assert await read(tier, 1) is not None
        path = the_file(tmp_path / "a")
        await asyncio.sleep(0.02)  # Clocks of file systems are coarse.
        match how:
            case "written to":
                with path.open("r+b") as file:
                    file.seek(-5, os.SEEK_END)
                    file.write(b"wrong")
            case "cut":
                os.truncate(path, SIZE - 5)
            case _:
                path.unlink()
        assert verified(tier, 1) is None
        assert tier.open_files == 0
        assert await read(tier, 1) is None


async def test_an_entry_that_goes_takes_its_file_along(tmp_path: Path):
    settings = settings_of(tmp_path / "a", bytes_max=1 << 20)
    async with running_tier(settings) as tier:
        for number in (1, 2, 3):
            await written(tier, number, size=SIZE)
            assert await read(tier, number) is not None
        assert tier.open_files == 3
        tier.remove(id_of(1))
        assert write(tier, 2, size=SIZE)
        assert tier.open_files == 1
        assert verified(tier, 1) is None
        assert verified(tier, 2) is None
        await written(tier, *range(10, 20), size=SIZE)
        assert tier.open_files == 0
        assert verified(tier, 3) is None


async def test_who_sends_from_a_file_keeps_it_open(tmp_path: Path):
    async with running_tier(settings_of(tmp_path / "a", open_files_max=1)) as tier:
        await written(tier, 1, 2, size=SIZE)
        assert await read(tier, 1) is not None
        held = verified(tier, 1)
        assert held is not None
        assert await read(tier, 2) is not None
        assert tier.open_files == 1
        assert verified(tier, 1) is None
        tier.remove(id_of(1))
        await until(lambda: len(list((tmp_path / "a").glob("v1/??/*.s"))) == 1)
        assert bytes(held.view(0, SIZE)) == content_of(1, SIZE)
        fd = held.fd
        del held
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(fd)


async def test_a_folder_that_is_off_holds_no_files(tmp_path: Path):
    async with running_tier(settings_of(tmp_path / "a")) as tier:
        await written(tier, 1, size=SIZE)
        assert await read(tier, 1) is not None
        (tmp_path / "a").rename(tmp_path / "b")
        await until(lambda: tier.problems() != {})
        assert tier.open_files == 0
        assert verified(tier, 1) is None


def test_a_file_that_was_cut_is_an_error(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"0123456789")
    file = OpenFile(os.open(tmp_path / "file", os.O_RDONLY))
    found = made(file, b"1", offset=2, length=8)
    assert bytes(found.view(1, 3)) == b"34"
    os.truncate(tmp_path / "file", 4)
    with pytest.raises(OSError, match="changed"):
        found.view(1, 3)


def test_a_file_that_was_written_to_is_an_error(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"0123456789")
    os.utime(tmp_path / "file", ns=(1, 1))
    file = OpenFile(os.open(tmp_path / "file", os.O_RDONLY))
    found = made(file, b"1", offset=2, length=8)
    found.check()
    (tmp_path / "file").write_bytes(b"0123456_89")
    for look in (found.check, lambda: found.view(1, 3)):
        with pytest.raises(OSError, match="changed"):
            look()


def test_those_used_last_are_held(tmp_path: Path):
    def file_of(name: str) -> VerifiedFile:
        (tmp_path / name).touch()
        file = OpenFile(os.open(tmp_path / name, os.O_RDONLY))
        return made(file, name.encode(), offset=0, length=SIZE)

    files, one = VerifiedFiles(2), file_of("1")
    files.hold(one)
    files.hold(file_of("2"))
    files.note_use(one)
    files.hold(file_of("3"))
    assert files.get(b"2") is None
    assert files.get(b"1") is one
    assert one.may_be_sent(0, 1)
    files.hold(other := file_of("1"))
    assert files.get(b"1") is other
    assert not one.may_be_sent(0, 1)
    assert len(files) == 2
    files.clear()
    assert not other.may_be_sent(0, 1)
    none = VerifiedFiles(0)
    none.hold(one)
    assert len(none) == 0


def test_most_descriptors_are_left_to_listeners(tmp_path: Path):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
    try:
        assert files_max_of(settings_of(tmp_path), folders=2) == 64
        assert files_max_of(settings_of(tmp_path, open_files_max=10), folders=2) == 10
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
