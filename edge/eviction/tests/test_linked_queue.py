"""Queues from whose middle nodes can be taken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.eviction.linked_queue import LinkedQueue, Node

OPERATIONS = st.lists(
    st.tuples(st.sampled_from(["append", "remove", "move", "pop"]), st.integers(0, 5))
)


def entries_of(queue: LinkedQueue[int]) -> list[int]:
    entries, node = [], queue.oldest
    while node is not None:
        assert node.home is queue
        assert node.newer is None or node.newer.older is node
        entries.append(node.entry)
        node = node.newer
    assert (queue.newest.entry if queue.newest else None) == (entries[-1] if entries else None)
    return entries


@given(OPERATIONS)
def test_it_is_a_list_that_forgets_in_the_middle(operations: list[tuple[str, int]]):
    queue: LinkedQueue[int] = LinkedQueue()
    nodes = [Node(number, 10 + number) for number in range(6)]
    plain: list[int] = []
    for operation, number in operations:
        if operation == "pop" and plain:
            assert queue.pop_oldest().entry == plain.pop(0)
        elif operation == "append" and number not in plain:
            queue.append(nodes[number])
            plain.append(number)
        elif operation == "remove" and number in plain:
            queue.remove(nodes[number])
            plain.remove(number)
        elif operation == "move" and number in plain:
            queue.move_to_end(nodes[number])
            plain.remove(number)
            plain.append(number)
        assert entries_of(queue) == plain
        assert queue.bytes == sum(10 + one for one in plain)


def test_a_node_is_in_one_queue():
    first, second = LinkedQueue[str](), LinkedQueue[str]()
    node = Node("a", 1)
    first.append(node)
    with pytest.raises(AssertionError):
        second.append(node)
    with pytest.raises(AssertionError):
        second.remove(node)
