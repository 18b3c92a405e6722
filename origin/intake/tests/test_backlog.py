from collections.abc import Sequence

from origin.intake.backlog import RETRY_S_MAX, Backlog
from origin.intake.tests.services import Clock
from origin.intake.upload import QueuedUpload


def entries(*names: str) -> Sequence[QueuedUpload]:
    """`a1` is upload 1 of label a."""
    return [QueuedUpload(name, name[0], name) for name in names]


def test_labels_take_turns():
    backlog = Backlog(monotonic=Clock())
    waiting = list(entries("a1", "a2", "a3", "b1", "c1", "c2"))
    order = []
    while waiting:
        entry = backlog.in_turn(waiting)[0]
        backlog.begin(entry)
        waiting.remove(entry)
        order.append(entry.upload_id)
    assert order == ["a1", "b1", "c1", "a2", "c2", "a3"]


def test_what_failed_rests_for_longer_and_longer():
    clock = Clock()
    backlog = Backlog(monotonic=clock)
    (entry,) = entries("a1")
    for pause_s in (1.0, 2.0, 4.0):
        assert backlog.rest("a1", code="scratch", advice="Make room.").pause_s == pause_s
        assert backlog.in_turn([entry]) == []
        clock.now_s += pause_s
        assert backlog.in_turn([entry]) == [entry]
    assert [backlog.rest("a1").pause_s for _ in range(20)][-1] == RETRY_S_MAX
    backlog.wake("a1")
    assert backlog.find("a1") is None
    assert backlog.in_turn([entry]) == [entry]


def test_what_rests_after_a_failure_is_counted():
    backlog = Backlog(monotonic=Clock())
    backlog.rest("a1")
    backlog.rest("a2", code="scratch", advice="Make room.")
    backlog.rest("gone", code="scratch", advice="Make room.")
    assert backlog.count_resting(entries("a1", "a2", "a3")) == 1
