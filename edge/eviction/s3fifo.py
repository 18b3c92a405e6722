"""S3-FIFO in bytes, for listeners who come back to a slice within seconds. No I/O.

J. Yang et al., "FIFO Queues are All You Need for Cache Eviction" (SOSP 2023): what is new waits in
a small queue and goes soon unless it is asked for again; what was, and what comes back after it
went, moves to the main queue, where a hit buys another round. Two things differ:

* A player that asks by segments touches a slice several times within seconds. That says nothing of
  its worth, so uses do not count while an entry is in the newer half of the small queue (the
  correlation window of Clock2Q+).
* If the small queue is shorter than what all listeners have under way, each of these touches is a
  miss. So its share grows with each entry that comes back soon after it left the small queue, and
  shrinks with each that comes back soon after it left the main queue (after ARC).
"""

from typing import Final

from typing_extensions import override

from edge.eviction.linked_queue import LinkedQueue, Node
from edge.eviction.queued_policy import CHANCES_MAX, EntryT, IdOf, QueuedPolicy
from edge.eviction.recent_ids import RecentIds

# Shares of the small queue: one part in ten at first and at least.
SMALL_SHARE_MIN: Final = 0.1
SMALL_SHARE_MAX: Final = 0.9

# Which part of the small queue has to enter until an entry's uses count.
WINDOW_SHARE: Final = 0.5

# Rounds in the main queue that hits can buy.
USES_MAX: Final = 3

# How much evicted content is remembered by its ids, in parts of the bound: between three and four
# generations of what left the small queue, between one and two of what left the main queue.
GHOST_GENERATION_SHARE: Final = 0.5
GHOST_GENERATIONS: Final = 4
MAIN_GHOST_GENERATION_SHARE: Final = 0.25
MAIN_GHOST_GENERATIONS: Final = 2

# Ids are remembered for content in entries of this size; of smaller ones fewer bytes are.
GHOST_BYTES_EACH: Final = 16 << 10


class S3FifoPolicy(QueuedPolicy[EntryT]):
    """See `edge.ports.EvictionPolicy`.

    Args:
        bytes_max: what all entries together may take.
        id_of: tells entries apart; see `edge.eviction.policies.PolicyFactory`.
    """

    def __init__(self, *, bytes_max: int, id_of: IdOf[EntryT]) -> None:
        super().__init__(bytes_max=bytes_max)
        self._id_of = id_of
        self._small: LinkedQueue[EntryT] = LinkedQueue()
        self._main: LinkedQueue[EntryT] = LinkedQueue()
        self._small_bytes_max = int(bytes_max * SMALL_SHARE_MIN)
        self._entered_bytes = 0
        self._ghosts = _Ghosts(
            generations=GHOST_GENERATIONS, bytes_each=int(bytes_max * GHOST_GENERATION_SHARE)
        )
        self._main_ghosts = _Ghosts(
            generations=MAIN_GHOST_GENERATIONS,
            bytes_each=int(bytes_max * MAIN_GHOST_GENERATION_SHARE),
        )

    @property
    def small_share(self) -> float:
        """The part of the bound that the small queue may take now."""
        return self._small_bytes_max / self._bytes_max

    @property
    def ghost_memory_bytes(self) -> int:
        """What the memory of evicted entries takes, however much is remembered."""
        return self._ghosts.memory_bytes + self._main_ghosts.memory_bytes

    @override
    def get(self, entry: EntryT) -> None:
        node = self._nodes[entry]
        if node.uses < USES_MAX and self._entered_bytes >= node.counted_from:
            node.uses += 1

    @override
    def _enter(self, node: Node[EntryT]) -> None:
        number = self._id_of(node.entry)
        age = self._ghosts.age(number)
        if age is not None:
            if age == 0:
                self._resize_small(node.size_bytes)
            self._main.append(node)
        elif self._main_ghosts.age(number) is not None:
            self._resize_small(-node.size_bytes)
            self._main.append(node)
        else:
            self._entered_bytes += node.size_bytes
            node.counted_from = self._entered_bytes + int(self._small_bytes_max * WINDOW_SHARE)
            self._small.append(node)

    @override
    def _take_victim(self) -> Node[EntryT]:
        node = self._candidate()
        for _ in range(CHANCES_MAX):
            if not node.uses:
                break
            self._give_chance(node)
            node = self._candidate()
        is_small = node.home is self._small
        self._leave(node)
        ghosts = self._ghosts if is_small else self._main_ghosts
        ghosts.add(self._id_of(node.entry), node.size_bytes)
        return node

    def _candidate(self) -> Node[EntryT]:
        """The oldest node of the queue that has to give."""
        node = self._small.oldest
        if node is None or (self._small.bytes <= self._small_bytes_max and self._main.oldest):
            node = self._main.oldest
        assert node is not None
        return node

    def _give_chance(self, node: Node[EntryT]) -> None:
        if node.home is self._main:
            node.uses -= 1
            self._main.move_to_end(node)
        else:
            node.uses = 0
            node.counted_from = 0
            self._small.remove(node)
            self._main.append(node)

    def _resize_small(self, by_bytes: int) -> None:
        least, most = self._bytes_max * SMALL_SHARE_MIN, self._bytes_max * SMALL_SHARE_MAX
        self._small_bytes_max = int(min(most, max(least, self._small_bytes_max + by_bytes)))


class _Ghosts:
    """Ids of evicted entries, in generations of so many evicted bytes."""

    def __init__(self, *, generations: int, bytes_each: int) -> None:
        self._ids = RecentIds(
            generations=generations, ids_each=max(64, bytes_each // GHOST_BYTES_EACH)
        )
        self._bytes_each = bytes_each
        self._bytes = 0

    @property
    def memory_bytes(self) -> int:
        return self._ids.memory_bytes

    def age(self, number: int) -> int | None:
        return self._ids.age(number)

    def add(self, number: int, size_bytes: int) -> None:
        if self._bytes >= self._bytes_each:
            self._ids.turn()
            self._bytes = 0
        self._ids.note(number)
        self._bytes += size_bytes
