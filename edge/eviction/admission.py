"""Admission: what is worth a place in a tier whose writes cost something. No I/O."""

from typing import Protocol

from edge.eviction.recent_ids import RecentIds


class Admission(Protocol):
    """Asked once for each request that a tier could not serve. A prefetch is no request."""

    def admits(self, entry_id: bytes) -> bool:
        """Whether the entry with this digest is to be kept; the question is remembered."""
        ...


class AdmitAll:
    """Everything is kept."""

    def admits(self, entry_id: bytes) -> bool:  # noqa: ARG002
        """See `Admission`."""
        return True


class SecondRequest:
    """What was asked for before is kept, what is asked for once is not.

    Most of what is asked for is never asked for again ("cache on second hit": B. Maggs and
    R. Sitaraman, "Algorithmic Nuggets in Content Delivery", 2015).

    Args:
        window: how many ids are remembered at least, and up to twice as many. Twice what the tier
            holds wrote least and asked the origin least (`make bench-policies`).
    """

    def __init__(self, *, window: int) -> None:
        self._asked = RecentIds(generations=2, ids_each=window)

    @property
    def memory_bytes(self) -> int:
        """What the memory of ids takes."""
        return self._asked.memory_bytes

    def admits(self, entry_id: bytes) -> bool:
        """See `Admission`.

        Args:
            entry_id: a digest of the entry's key; its first eight bytes have to tell entries apart.
        """
        number = int.from_bytes(entry_id[:8], "little")
        if number in self._asked:
            return True
        self._asked.note(number)
        return False
