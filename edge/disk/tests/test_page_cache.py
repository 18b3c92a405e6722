"""What the kernel has in memory, it says; what it has not, nobody waits for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge.disk.page_cache import PageCache

PAGE = os.sysconf("SC_PAGESIZE")

pytestmark = pytest.mark.skipif(not PageCache().can_tell(), reason="the kernel cannot tell")


def written(path: Path, pages: int) -> int:
    path.write_bytes(os.urandom(pages * PAGE))
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    return fd


def test_all_pages_of_a_range_have_to_be_there(tmp_path: Path):
    fd, cache = written(tmp_path / "file", 8), PageCache()
    try:
        assert cache.has(fd, 0, 8 * PAGE)
        assert cache.has(fd, PAGE - 1, PAGE + 1)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        if cache.has(fd, 0, 1):
            pytest.skip("this file system keeps its pages")
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
        assert os.pread(fd, 4 * PAGE, 0)
        assert cache.has(fd, 0, 4 * PAGE)
        assert cache.has(fd, 0, 1)
        assert not cache.has(fd, 0, 4 * PAGE + 1)
        assert not cache.has(fd, 7 * PAGE, 8 * PAGE)
        assert os.pread(fd, 4 * PAGE, 4 * PAGE)
        assert cache.has(fd, 0, 8 * PAGE)
    finally:
        os.close(fd)


def test_what_is_behind_the_end_is_not_there(tmp_path: Path):
    fd, cache = written(tmp_path / "file", 1), PageCache()
    try:
        assert not cache.has(fd, 0, PAGE + 1)
        assert not cache.has(fd, PAGE, 2 * PAGE)
    finally:
        os.close(fd)


def test_of_no_file_nothing_is_there():
    assert not PageCache().has(-1, 0, 1)


def test_elsewhere_nothing_can_be_told():
    program = (
        "import sys; sys.platform = 'darwin'\n"
        "from edge.disk.page_cache import PageCache\n"
        "sys.exit(PageCache().can_tell())"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
