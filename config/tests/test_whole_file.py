"""Replacing files: the old one or the new one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from config.whole_file import replace_file


def test_a_file_is_replaced_as_a_whole(tmp_path: Path):
    path = tmp_path / "file"
    replace_file(path, [b"one ", b"two"])
    replace_file(path, [b"three"], is_durable=False)
    assert path.read_bytes() == b"three"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_the_old_one_stays_when_the_new_one_fails(tmp_path: Path):
    def pieces() -> Iterator[bytes]:
        yield b"half"
        raise OSError(28, "full")

    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(OSError, match="full"):
        replace_file(path, pieces())
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
