"""Writing lines while nobody waits: files that are moved away, pipes that nobody reads."""

import contextlib
import fcntl
import logging
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge import log_writer
from edge.log_writer import LogWriter


@contextlib.contextmanager
def open_writer(target: Path | int, *, bytes_max: int = 1 << 20) -> Iterator[LogWriter]:
    writer = LogWriter(target, bytes_max=bytes_max)
    try:
        yield writer
    finally:
        writer.close()


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """The two ends of a pipe that holds one page."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    yield reading, writing
    os.close(reading)
    with contextlib.suppress(OSError):
        os.close(writing)


def test_lines_are_appended(tmp_path: Path):
    path = tmp_path / "access.log"
    path.write_bytes(b"before\n")
    with open_writer(path) as writer:
        assert writer.offer(b"one\ntwo\n")
        assert writer.offer(b"three\n")
    assert path.read_bytes() == b"before\none\ntwo\nthree\n"
    assert writer.lost_lines == 0


def test_two_writers_share_a_file_by_whole_lines(tmp_path: Path):
    path = tmp_path / "access.log"
    lines = {letter: letter.encode() * 997 + b"\n" for letter in "ab"}
    with open_writer(path) as one, open_writer(path) as other:
        for _ in range(100):
            assert one.offer(lines["a"] * 3)
            assert other.offer(lines["b"] * 3)
    written = path.read_bytes().splitlines(keepends=True)
    assert len(written) == 600
    assert set(written) == set(lines.values())


def test_a_file_that_was_moved_away_is_opened_again(tmp_path: Path):
    path = tmp_path / "access.log"
    with open_writer(path) as writer:
        writer.offer(b"one\n")
        wait_for(writer)
        path.rename(tmp_path / "access.log.1")
        writer.offer(b"two\n")
        wait_for(writer)
        writer.reopen()
        writer.offer(b"three\n")
    assert (tmp_path / "access.log.1").read_bytes() == b"one\ntwo\n"
    assert path.read_bytes() == b"three\n"
    assert path.stat().st_mode & 0o007 == 0


def test_a_file_that_cannot_be_opened_again_is_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    folder = tmp_path / "log"
    folder.mkdir()
    with open_writer(folder / "access.log") as writer:
        wait_for(writer)
        folder.rename(tmp_path / "old")
        writer.reopen()
        writer.offer(b"one\n")
    assert (tmp_path / "old" / "access.log").read_bytes() == b"one\n"
    assert caplog.messages == ["the access log stays where it was"]


def test_a_file_that_cannot_be_opened_is_told(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        LogWriter(tmp_path / "none" / "access.log", bytes_max=1)


def test_what_does_not_fit_is_not_taken(tmp_path: Path, pipe: tuple[int, int]):
    reading, writing = pipe
    os.set_blocking(writing, False)
    with open_writer(writing, bytes_max=30_000) as writer:
        taken = [writer.offer(b"x" * 999 + b"\n") for _ in range(50)]
        # Of a page in the pipe the writer may have told already.
        assert taken.count(True) in {30, 31, 32, 33, 34}
        assert taken.index(False) == taken.count(True)
        read = b""
        while len(read) < 1000 * taken.count(True):
            read += os.read(reading, 65536)
        assert writer.offer(b"again\n")
        assert os.read(reading, 100) == b"again\n"
    assert read == (b"x" * 999 + b"\n") * taken.count(True)


def test_a_pipe_is_written_to_by_whole_lines_of_at_most_a_page(pipe: tuple[int, int]):
    reading, writing = pipe
    lines = b"".join(b"%04d" % number * 250 + b"\n" for number in range(20))
    read: list[bytes] = []

    def drain() -> None:
        while piece := os.read(reading, 1 << 20):
            read.append(piece)

    reader = threading.Thread(target=drain)
    reader.start()
    with open_writer(writing) as writer:
        assert writer.offer(lines + b"y" * 9000 + b"\n" + lines)
    os.close(writing)
    reader.join()
    assert b"".join(read) == lines + b"y" * 9000 + b"\n" + lines
    assert all(len(piece) <= 4096 for piece in read)


def test_a_pipe_that_nobody_reads_does_not_keep_the_process(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(log_writer, "_CLOSE_S", 0.05)
    monkeypatch.setattr(log_writer, "_POLL_S", 0.05)
    _, writing = pipe
    os.set_blocking(writing, False)
    with open_writer(writing) as writer:
        for _ in range(10):
            writer.offer(b"x" * 999 + b"\n")
    assert writer.lost_lines >= 4
    assert caplog.messages == ["the access log loses lines"]


def test_lines_that_cannot_be_written_are_counted(
    pipe: tuple[int, int], caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.WARNING)
    with open_writer(os.open("/dev/full", os.O_WRONLY)) as writer:
        writer.offer(b"one\ntwo\n")
        writer.offer(b"three\n")
    assert writer.lost_lines == 3
    assert caplog.messages == ["the access log loses lines"]


def wait_for(writer: LogWriter) -> None:
    """Until all that was offered is written."""
    done = threading.Event()
    while writer._taken_bytes < writer._offered_bytes:
        done.wait(0.001)
