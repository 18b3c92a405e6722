"""CLOCK: first in, first out, with another round for what was asked for. No I/O."""

from typing_extensions import override

from edge.eviction.linked_queue import LinkedQueue, Node
from edge.eviction.queued_policy import CHANCES_MAX, EntryT, QueuedPolicy


class ClockPolicy(QueuedPolicy[EntryT]):
    """Close to least recently used, and a hit moves nothing (F. Corbató, 1968)."""

    def __init__(self, *, bytes_max: int) -> None:
        super().__init__(bytes_max=bytes_max)
        self._queue: LinkedQueue[EntryT] = LinkedQueue()

    @override
    def get(self, entry: EntryT) -> None:
        self._nodes[entry].uses = 1

    @override
    def _enter(self, node: Node[EntryT]) -> None:
        self._queue.append(node)

    @override
    def _take_victim(self) -> Node[EntryT]:
        for _ in range(CHANCES_MAX):
            node = self._queue.oldest
            assert node is not None
            if not node.uses:
                break
            node.uses = 0
            self._queue.move_to_end(node)
        return self._queue.pop_oldest()
