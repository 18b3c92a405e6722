import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from packager.errors import MasterUnreadableError
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
