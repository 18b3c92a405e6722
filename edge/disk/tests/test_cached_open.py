"""Opening what the kernel knows."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.disk.cached_open import open_if_cached


@pytest.fixture
def folder_fd(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "file").write_bytes(b"content")
    fd = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield fd
    os.close(fd)


def test_a_file_that_was_just_written_is_opened(folder_fd: int):
    fd = open_if_cached("sub/file", folder_fd=folder_fd)
    assert os.read(fd, 99) == b"content"
    assert not os.get_inheritable(fd)
    os.close(fd)


def test_what_is_not_there_is_said_or_left_to_a_thread(folder_fd: int):
    with pytest.raises((FileNotFoundError, BlockingIOError)):
        open_if_cached("sub/other", folder_fd=folder_fd)


@pytest.mark.parametrize("link", ["sub/link", "linked/file"])
def test_links_are_refused(folder_fd: int, tmp_path: Path, link: str):
    (tmp_path / "sub" / "link").symlink_to("file")
    (tmp_path / "linked").symlink_to("sub")
    with pytest.raises(OSError, match="symbolic links"):
        open_if_cached(link, folder_fd=folder_fd)


def test_nothing_outside_of_the_folder_is_opened(folder_fd: int, tmp_path: Path):
    with pytest.raises(OSError, match=r"cross-device|temporarily"):
        open_if_cached(f"../{tmp_path.name}/sub/file", folder_fd=folder_fd)


def test_nobody_waits_for_a_pipe(folder_fd: int, tmp_path: Path):
    os.mkfifo(tmp_path / "sub" / "pipe")
    fd = open_if_cached("sub/pipe", folder_fd=folder_fd)
    assert stat.S_ISFIFO(os.fstat(fd).st_mode)
    os.close(fd)
