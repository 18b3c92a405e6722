"""What one insertion may cost."""

import pytest

from edge.compiled import is_compiled
from edge.eviction.clock import ClockPolicy
from edge.eviction.linked_queue import LinkedQueue, Node
from edge.eviction.queued_policy import CHANCES_MAX, QueuedPolicy
from edge.eviction.s3fifo import USES_MAX, S3FifoPolicy

ENTRIES = 5000


def policies() -> list[QueuedPolicy[int]]:
    s3fifo: S3FifoPolicy[int] = S3FifoPolicy(bytes_max=ENTRIES, id_of=hash)
    return [ClockPolicy(bytes_max=ENTRIES), s3fifo]


@pytest.mark.skipif(is_compiled(), reason="calls between compiled modules cannot be counted")
@pytest.mark.parametrize("policy", policies(), ids=lambda policy: type(policy).__name__)
def test_when_all_was_used_an_insertion_still_moves_a_few_only(
    policy: QueuedPolicy[int], monkeypatch: pytest.MonkeyPatch
):
    for entry in range(2 * ENTRIES):
        policy.put(entry, 1)
    for entry in range(2 * ENTRIES):
        for _ in range(USES_MAX):
            if entry in policy:
                policy.get(entry)
    moved: list[Node[int]] = []
    append = LinkedQueue.append

    def counted(queue: LinkedQueue[int], node: Node[int]) -> None:
        moved.append(node)
        append(queue, node)

    monkeypatch.setattr(LinkedQueue, "append", counted)
    assert len(policy.put(-1, 1)) == 1
    assert 1 < len(moved) <= CHANCES_MAX + 1


def test_the_bound_has_to_be_positive():
    with pytest.raises(AssertionError):
        ClockPolicy(bytes_max=0)
