"""The writing thread: one order for all that changes files, and no storm of removals."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.disk.disk_folder import DiskFolder, open_folder
from edge.disk.disk_writer import DiskWriter, Outcome, WriteJob, error_name, error_text
from edge.disk.entry_file import Kind, Place, file_bytes_of
from edge.disk.tests.running import content_of, files_in, id_of, identity_of


def job_of(number: int, *, victims: list[str] | None = None) -> WriteJob:
    identity, content = identity_of(number), content_of(number)
    place = Place(id_of(number), file_bytes_of(identity, len(content)), Kind.SLICE)
    return WriteJob(place, identity, content, 0, Kind.SLICE, victims or [])


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[DiskFolder]:
    opened = open_folder(tmp_path / "a")
    yield opened
    opened.close()


class Running:
    def __init__(self, folder: DiskFolder, *, min_free_bytes: int = 0) -> None:
        self.outcomes: list[Outcome] = []
        self.told = threading.Semaphore(0)
        self.writer = DiskWriter(folder, self.tell, min_free_bytes=min_free_bytes, is_durable=False)

    def tell(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self.told.release()

    def finish(self) -> list[Outcome]:
        self.writer.end()
        assert self.writer.join(10)
        return self.outcomes


def test_jobs_are_done_in_their_order_and_victims_go_first(folder: DiskFolder):
    running = Running(folder)
    jobs = [job_of(1), job_of(2), job_of(3)]
    jobs[2].victims = [jobs[0].place.path]
    for job in jobs:
        running.writer.write(job)
    running.writer.start()
    outcomes = running.finish()
    assert [outcome.job for outcome in outcomes] == jobs
    assert all(outcome.is_written for outcome in outcomes)
    names = {path.name for path in files_in(folder.path)}
    assert names == {jobs[1].place.name, jobs[2].place.name}


def test_a_void_job_is_not_written_but_its_victims_go(folder: DiskFolder):
    running = Running(folder)
    first, second = job_of(1), job_of(2)
    second.victims, second.is_void = [first.place.path], True
    running.writer.write(first)
    running.writer.write(second)
    running.writer.start()
    outcomes = running.finish()
    assert [outcome.is_written for outcome in outcomes] == [True, False]
    assert outcomes[1].error is None
    assert files_in(folder.path) == []


def test_a_removal_is_taken_back_by_a_write_of_the_same_file(folder: DiskFolder):
    running = Running(folder)
    job = job_of(1)
    running.writer.remove(job.place.path)
    running.writer.write(job)
    assert running.writer.removals == 0
    running.writer.start()
    running.finish()
    assert len(files_in(folder.path)) == 1


def test_removals_are_done_while_nothing_is_written(folder: DiskFolder):
    running = Running(folder)
    jobs = [job_of(number) for number in range(10)]
    for job in jobs:
        running.writer.write(job)
    running.writer.start()
    for _ in jobs:
        assert running.told.acquire(timeout=10)
    for job in jobs:
        running.writer.remove(job.place.path)
    while running.writer.removals:
        pass
    running.finish()
    assert files_in(folder.path) == []


def test_what_is_to_stay_free_is_not_written_on(folder: DiskFolder):
    running = Running(folder, min_free_bytes=1 << 60)
    running.writer.write(job_of(1))
    running.writer.start()
    (outcome,) = running.finish()
    assert outcome.error is not None
    assert error_name(outcome.error) == "enospc"
    assert error_text(outcome.error) == "No space left on device"


def test_what_was_set_aside_goes_bit_by_bit(folder: DiskFolder):
    (folder.path / "v1" / "00" / "x").write_bytes(b"")
    folder.set_aside()
    running = Running(folder)
    running.writer.start()
    running.writer.remove_old()
    ends = time.monotonic() + 10
    while list(folder.path.glob("old-*")) and time.monotonic() < ends:
        time.sleep(0.001)  # Nobody is told of it.
    assert not list(folder.path.glob("old-*"))
    assert running.finish() == []


def test_a_stop_leaves_what_is_queued(folder: DiskFolder):
    running = Running(folder)
    for number in range(100):
        running.writer.write(job_of(number))
    running.writer.stop()
    running.writer.start()
    assert running.writer.join(10)
    assert running.outcomes == []


def test_errors_without_a_number_have_a_name():
    assert error_name(OSError("strange")) == "other"
    assert error_text(OSError("strange")) == "strange"
