"""A node knows whether it may have missed a purge."""

from pathlib import Path

import pytest

from edge.peers.attendance import Attendance
from edge.tests.conftest import ManualClock


async def noted(folder: Path | None, clock: ManualClock, *knowing: str) -> Attendance:
    attendance = Attendance(folder, 0, clock)
    await attendance.load()
    await attendance.note(["a", "b"], knowing=knowing)
    return attendance


async def test_who_has_been_known_all_the_time_has_missed_nothing(tmp_path: Path):
    clock = ManualClock()
    known_since_s = clock.now_s
    clock.now_s += 100
    await noted(tmp_path, clock, "a")
    clock.now_s += 100_000
    again = Attendance(tmp_path, 0, clock)
    await again.load()
    assert not again.may_have_missed("a", known_since_s)
    assert again.may_have_missed("a", clock.now_s)  # Meanwhile this node was no member for it.
    assert again.may_have_missed("a", None)  # It is none now.
    assert again.may_have_missed("b", known_since_s)  # It has never known this node.


async def test_since_when_a_node_is_a_member_outlives_a_restart(tmp_path: Path):
    clock = ManualClock()
    began_s = clock.now_s
    await noted(tmp_path, clock)
    clock.now_s += 50
    again = await noted(tmp_path, clock)
    assert again.since_s("a") == began_s
    assert again.since_s("c") is None


async def test_a_node_that_leaves_and_joins_is_known_since_then(tmp_path: Path):
    clock = ManualClock()
    attendance = await noted(tmp_path, clock)
    await attendance.note(["a"])
    clock.now_s += 50
    await attendance.note(["a", "b"])
    assert attendance.since_s("b") == clock.now_s


@pytest.mark.parametrize("content", [b"", b"{}", b'{"since": 1, "known": 2}', b"[]"])
async def test_notes_that_cannot_be_read_say_nothing(content: bytes, tmp_path: Path):
    (tmp_path / "attendance-0").write_bytes(content)
    attendance = Attendance(tmp_path, 0, ManualClock())
    await attendance.load()
    assert attendance.may_have_missed("a", 0.0)


async def test_without_a_folder_nothing_is_known_after_a_restart():
    clock = ManualClock()
    await noted(None, clock, "a")
    assert Attendance(None, 0, clock).may_have_missed("a", clock.now_s)
