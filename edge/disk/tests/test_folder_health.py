"""The state of a folder: when writes rest, when it is off, and how it comes back."""

from edge.disk.folder_health import FolderHealth, FolderState


def health() -> FolderHealth:
    made = FolderHealth(errors_max=3, pause_s=30, probe_s=30)
    made.turn_on()
    return made


def test_it_begins_as_off():
    made = FolderHealth(errors_max=3, pause_s=30, probe_s=30)
    assert not made.is_on
    assert made.reason
    assert made.is_probe_due(0)
    made.turn_on()
    assert (made.state, made.reason) == (FolderState.ON, "")


def test_a_full_disk_rests_and_is_then_tried_with_one_write():
    folder = health()
    folder.note_full("no space", now_s=100)
    assert (folder.state, folder.reason) == (FolderState.PAUSED, "no space")
    assert folder.is_on
    assert not folder.may_write(129)
    assert folder.may_write(130)
    assert not folder.may_write(130)
    folder.note_written()
    assert folder.may_write(131)
    assert folder.reason == ""


def test_a_disk_that_is_still_full_rests_again():
    folder = health()
    folder.note_full("no space", now_s=100)
    assert folder.may_write(130)
    folder.note_full("no space", now_s=131)
    assert not folder.may_write(160)
    assert folder.may_write(161)


def test_a_try_that_was_not_made_is_made_by_the_next():
    folder = health()
    folder.note_full("no space", now_s=100)
    assert folder.may_write(130)
    folder.note_untried()
    assert folder.may_write(130)


def test_errors_within_a_minute_turn_it_off():
    folder = health()
    for now_s in (0, 50, 111, 120):
        folder.note_error("I/O error", now_s=now_s)
        assert folder.is_on
    folder.note_error("I/O error", now_s=121)
    assert folder.is_on is (121 - 111 > 60)
    assert "I/O error" in folder.reason
    assert not folder.may_write(121)
    assert not folder.is_probe_due(150)
    assert folder.is_probe_due(151)


def test_a_folder_that_is_off_is_not_merely_full():
    folder = health()
    folder.turn_off("read-only", now_s=0)
    folder.note_full("no space", now_s=1)
    folder.note_written()
    assert (folder.state, folder.reason) == (FolderState.OFF, "read-only")
    folder.turn_on()
    folder.note_error("I/O error", now_s=2)
    assert folder.is_on
