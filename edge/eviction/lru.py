"""Least recently used, exactly: which entry of a bounded tier goes next. No I/O."""

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from typing import Generic, TypeVar

EntryT = TypeVar("EntryT", bound=Hashable)


class LruPolicy(Generic[EntryT]):
    """See `edge.ports.EvictionPolicy`.

    Args:
        bytes_max: what all entries together may take.
    """

    def __init__(self, *, bytes_max: int) -> None:
        assert bytes_max > 0
        self._sizes: OrderedDict[EntryT, int] = OrderedDict()
        self._bytes_max = bytes_max
        self._bytes = 0

    @property
    def bytes(self) -> int:
        """What the entries take now."""
        return self._bytes

    def __len__(self) -> int:
        return len(self._sizes)

    def __contains__(self, entry: EntryT) -> bool:
        return entry in self._sizes

    def get(self, entry: EntryT) -> None:
        """Note that `entry`, which is kept, was asked for."""
        self._sizes.move_to_end(entry)

    def put(self, entry: EntryT, size_bytes: int) -> Sequence[EntryT]:
        """Keep `entry` as the most recently used one; return those that had to go.

        An entry above the bound is its own victim, and pushes nobody out.
        """
        assert size_bytes >= 0
        self.remove(entry)
        if size_bytes > self._bytes_max:
            return (entry,)
        self._sizes[entry] = size_bytes
        self._bytes += size_bytes
        return self.shrink_to(self._bytes_max)

    def remove(self, entry: EntryT) -> None:
        """Forget `entry`, if it is kept."""
        self._bytes -= self._sizes.pop(entry, 0)

    def shrink_to(self, bytes_max: int) -> Sequence[EntryT]:
        """Evict until the entries take at most `bytes_max`; return the victims."""
        assert bytes_max >= 0
        victims: list[EntryT] = []
        while self._bytes > bytes_max:
            victim, victim_bytes = self._sizes.popitem(last=False)
            self._bytes -= victim_bytes
            victims.append(victim)
        return victims
