import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from origin import source_file
from origin.errors import SourceChangedError, SourceTooLargeError, SourceUnreadableError
from origin.source_file import copy_source, find_picture_beside, hash_source
from packager.errors import ScratchError

ROOT = Path(__file__).parents[2]

DIGEST = hashlib.sha256(b"master").hexdigest()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(b"master")
    return path


def test_a_file_is_hashed_and_copied(source: Path, tmp_path: Path):
    assert hash_source(source, bytes_max=6) == DIGEST
    copy_source(source, tmp_path / "copy", sha256=DIGEST, bytes_max=6)
    assert (tmp_path / "copy").read_bytes() == b"master"


def test_a_file_that_was_replaced_since_is_refused(source: Path, tmp_path: Path):
    source.write_bytes(b"retsam")
    with pytest.raises(SourceChangedError):
        copy_source(source, tmp_path / "copy", sha256=DIGEST, bytes_max=6)


def append(source: Path) -> None:
    with source.open("ab") as file:
        file.write(b"more")


def shorten(source: Path) -> None:
    os.truncate(source, 3)


def touch(source: Path) -> None:
    os.utime(source, ns=(1, 1))


def read_all(source: Path, *, bytes_max: int, sink: Callable[[bytes], object]) -> None:
    with source_file._open_source(source, bytes_max) as file:
        source_file._read_all(file, source, bytes_max, sink)


@pytest.mark.parametrize("change", [append, shorten, touch])
def test_a_file_that_changes_while_it_is_read_is_refused(
    source: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None]
):
    monkeypatch.setattr(source_file, "_CHUNK_BYTES", 2)
    changes = iter([change])

    def change_once(_: bytes) -> None:
        for one in changes:
            one(source)

    with pytest.raises(SourceChangedError):
        read_all(source, bytes_max=100, sink=change_once)


def test_a_file_that_grows_without_end_is_left(source: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(source_file, "_CHUNK_BYTES", 4)
    with pytest.raises(SourceChangedError):
        read_all(source, bytes_max=1000, sink=lambda _: append(source))


def test_a_file_above_the_limit_is_refused(source: Path):
    with pytest.raises(SourceTooLargeError, match="6 bytes, above the limit of 5"):
        hash_source(source, bytes_max=5)


def test_what_is_no_regular_file_is_refused(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/null"), tmp_path / "none", Path("a\0b")):
        with pytest.raises(SourceUnreadableError):
            hash_source(path, bytes_max=100)


def test_a_read_that_fails_is_told():
    # The kernel refuses to read at address 0 of a process.
    with pytest.raises(SourceUnreadableError, match=r"mem"):
        hash_source(Path("/proc/self/mem"), bytes_max=100)


def test_a_copy_that_cannot_be_made_is_told(source: Path, tmp_path: Path):
    with pytest.raises(ScratchError):
        copy_source(source, tmp_path / "none" / "copy", sha256=DIGEST, bytes_max=100)


FULL = """
import resource, signal, sys
from pathlib import Path
from origin.source_file import copy_source
from packager.errors import ScratchError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
try:
    copy_source(Path(sys.argv[1]), Path(sys.argv[2]), sha256="", bytes_max=1 << 30)
except ScratchError as error:
    print(error, "|", error.advice)
"""


def test_a_full_scratch_is_told(tmp_path: Path):
    (tmp_path / "source").write_bytes(bytes(3 << 20))
    command = [sys.executable, "-c", FULL, str(tmp_path / "source"), str(tmp_path / "copy")]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout.startswith("the master cannot be copied: File too large | Free some space")


def test_a_cover_in_the_folder_of_a_master_is_found(source: Path):
    assert find_picture_beside(source) is None
    cover = source.parent / "Folder.jpg"
    cover.write_bytes(b"")
    assert find_picture_beside(source) == cover
    assert find_picture_beside(source.parent / "gone" / "source") is None
