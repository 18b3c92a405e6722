"""A queue of entries, oldest first, from whose middle one can be taken. No I/O.

A deque would be smaller, but what is removed by name stays in it as a dead entry until it comes to
the front; here it is gone at once.
"""

from collections.abc import Hashable
from typing import Generic, TypeVar

EntryT = TypeVar("EntryT", bound=Hashable)


class Node(Generic[EntryT]):
    """The place of an entry in a policy.

    Attributes:
        entry: what is kept.
        size_bytes: what it takes.
        uses: how often it was asked for, as far as the policy counts.
        counted_from: from where in the traffic its uses count, for policies that wait with it.
        home: the queue that it is in, None if it is in no queue.
        older: the next one towards the front, None at the front.
        newer: the next one towards the end, None at the end.
    """

    __slots__ = ("counted_from", "entry", "home", "newer", "older", "size_bytes", "uses")

    def __init__(self, entry: EntryT, size_bytes: int) -> None:
        self.entry = entry
        self.size_bytes = size_bytes
        self.uses = 0
        self.counted_from = 0
        self.home: LinkedQueue[EntryT] | None = None
        self.older: Node[EntryT] | None = None
        self.newer: Node[EntryT] | None = None


class LinkedQueue(Generic[EntryT]):
    """Nodes in the order in which they were appended.

    Attributes:
        oldest: the node at the front, None if the queue is empty.
        newest: the node at the end, None if the queue is empty.
        bytes: what all entries together take.
    """

    __slots__ = ("bytes", "newest", "oldest")

    def __init__(self) -> None:
        self.oldest: Node[EntryT] | None = None
        self.newest: Node[EntryT] | None = None
        self.bytes = 0

    def append(self, node: Node[EntryT]) -> None:
        """Put a node that is in no queue at the end."""
        assert node.home is None
        node.home = self
        node.older = self.newest
        if self.newest is None:
            self.oldest = node
        else:
            self.newest.newer = node
        self.newest = node
        self.bytes += node.size_bytes

    def remove(self, node: Node[EntryT]) -> None:
        """Take a node of this queue out, wherever it is."""
        assert node.home is self
        older, newer = node.older, node.newer
        if older is None:
            self.oldest = newer
        else:
            older.newer = newer
        if newer is None:
            self.newest = older
        else:
            newer.older = older
        node.home = node.older = node.newer = None
        self.bytes -= node.size_bytes

    def pop_oldest(self) -> Node[EntryT]:
        """Take the node at the front out; there is one."""
        node = self.oldest
        assert node is not None
        self.remove(node)
        return node

    def move_to_end(self, node: Node[EntryT]) -> None:
        """Let a node of this queue be the newest one."""
        if node is not self.newest:
            self.remove(node)
            self.append(node)
