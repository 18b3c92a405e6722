import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from packager.errors import MasterChangedError, MasterUnreadableError, NotAudioError
from packager.master_file import hash_file, open_regular_file
from packager.tests.masters import saved


def test_a_file_is_hashed_whole(tmp_path: Path):
    data = np.random.default_rng(1).bytes(3_000_000)
    counts: list[float] = []
    with open_regular_file(saved(tmp_path, data)) as (file, size):
        assert hash_file(file, counts.append) == hashlib.sha256(data).digest()
    assert counts[-1] == size == len(data)


def test_what_is_no_regular_file_is_refused(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/null"), tmp_path / "none", Path("a\0b")):
        with pytest.raises(MasterUnreadableError), open_regular_file(path):
            pass


def test_a_read_that_fails_is_the_fault_of_the_master():
    # The kernel refuses to read at address 0 of a process.
    with (
        open_regular_file(Path("/proc/self/mem")) as (file, _),
        pytest.raises(MasterUnreadableError, match="reading"),
    ):
        hash_file(file, lambda _: None)


def overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"X")


def lengthen(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def shorten(path: Path) -> None:
    os.truncate(path, 10)


@pytest.mark.parametrize("change", [overwrite, lengthen, shorten])
@pytest.mark.parametrize("seems_damaged", [False, True])
def test_a_file_that_is_written_to_while_it_is_read_is_refused(
    tmp_path: Path, change: Callable[[Path], None], seems_damaged: bool
):
    path = saved(tmp_path, bytes(1000))
    os.utime(path, ns=(1, 1))
    with pytest.raises(MasterChangedError), open_regular_file(path):
        change(path)
        if seems_damaged:
            raise NotAudioError


def test_a_name_that_is_given_to_another_file_does_no_harm(tmp_path: Path):
    path = saved(tmp_path, b"first")
    with open_regular_file(path) as (file, size):
        saved(tmp_path, b"another", "new").replace(path)
        assert file.read() == b"first"
    assert size == 5
