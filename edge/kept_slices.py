"""Slices in memory: found by representation and number, bounded in bytes. No I/O.

What is counted is content plus the objects around it, also of what was evicted while answers are
still being sent from it.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from edge.content import SliceContent, holder_of
from edge.eviction.lru import LruPolicy
from edge.pins import Pins
from edge.ports import EvictionPolicy
from edge.representation import Representation
from edge.spans import Spans
from edge.stored_slice import StoredSlice

# Held against a slice beside its content: the objects that it is made of (measured, rounded up).
SLICE_OVERHEAD_BYTES: Final = 512

_NO_SLICES: Final[Mapping[int, StoredSlice]] = MappingProxyType({})

PolicyOf = Callable[[int], EvictionPolicy[StoredSlice]]

IsOwner = Callable[[Representation, int], bool]
"""Whether a slice is this worker's to keep, rather than another's of the same cache."""


class KeptSlices:
    """Keeps slices, and drops those that its policy names.

    Args:
        bytes_max: what all of it may take: content, and the objects around it.
        policy_of: makes the policy from these bytes.

    Attributes:
        arrivals: slices that came from the upstream so far.
        evicted: slices that went for want of room so far.
        pins: content that was evicted while answers were still being sent from it.
    """

    def __init__(self, *, bytes_max: int, policy_of: PolicyOf | None = None) -> None:
        self._slices_bytes_max = bytes_max
        self._policy: EvictionPolicy[StoredSlice] = (
            LruPolicy(bytes_max=bytes_max) if policy_of is None else policy_of(bytes_max)
        )
        self._is_owner: IsOwner | None = None
        self._mirrors: LruPolicy[StoredSlice] = LruPolicy(bytes_max=bytes_max)
        self._slices: dict[Representation, dict[int, StoredSlice]] = {}
        self._slice_count = 0
        self.arrivals = 0
        self.evicted = 0
        self.pins = Pins()

    def share(self, is_owner: IsOwner, *, mirror_share: float) -> None:
        """From now on others own some of the slices: these are kept in memory alone.

        Args:
            is_owner: tells which are this worker's.
            mirror_share: of the bytes, for those of others.
        """
        self._is_owner = is_owner
        self._mirrors = LruPolicy(bytes_max=max(1, int(self._slices_bytes_max * mirror_share)))

    @property
    def mirror_bytes(self) -> int:
        """What slices take that others own."""
        return self._mirrors.bytes

    @property
    def bytes(self) -> int:
        """What is taken now, with what was evicted while it was being sent."""
        return self._policy.bytes + self.pins.bytes

    @property
    def slices(self) -> int:
        """How many slices are kept."""
        return self._slice_count

    def kept(self, representation: Representation) -> Mapping[int, StoredSlice]:
        """Slices of a representation in memory by number, to look at: this is no use of them."""
        return self._slices.get(representation, _NO_SLICES)

    def get(self, representation: Representation, number: int) -> StoredSlice | None:
        """A slice, or as much of it as there is, noted as used; None if nothing of it is kept."""
        found = self._slices.get(representation, _NO_SLICES).get(number)
        if found is not None:
            self._policy.get(found)
            if found.is_mirror:
                self._mirrors.get(found)
        return found

    def is_complete(self, representation: Representation, number: int) -> bool:
        """Whether all of a slice is here. This is no use of it."""
        stored = self._slices.get(representation, _NO_SLICES).get(number)
        return stored is not None and stored.spans is None

    def keep(
        self,
        representation: Representation,
        number: int,
        content: SliceContent,
        *,
        spans: Spans | None = None,
        is_settled: bool,
    ) -> StoredSlice:
        """Keep a slice in the place of what is there of it."""
        assert len(content) == representation.part_of(number).length
        kept = self._slices.setdefault(representation, {})
        found = kept.get(number)
        if found is not None:
            self._drop(found)
            self._slice_count -= 1
            self.pins.note(found.holder)
        stored = StoredSlice(
            representation, number, holder_of(content), spans, self.arrivals, is_settled
        )
        kept[number] = stored
        self._slice_count += 1
        self._evict(self._policy.put(stored, len(content) + SLICE_OVERHEAD_BYTES))
        if self.pins.bytes:  # They take memory like all else.
            self._evict(self._policy.shrink_to(max(0, self._slices_bytes_max - self.pins.bytes)))
        return stored

    def drop_before(self, representation: Representation, number: int) -> None:
        """Drop the slices before a number from memory: nobody will come to them."""
        kept = self._slices.get(representation, {})
        for stored in [stored for stored in kept.values() if stored.number < number]:
            self._drop(stored)
            self._discard(stored)
            self.pins.note(stored.holder)

    def take(self, representation: Representation, number: int) -> StoredSlice | None:
        """Give away an incomplete slice, to be completed; None if nothing of it is kept."""
        kept = self._slices.get(representation)
        stored = None if kept is None else kept.get(number)
        if stored is None or stored.spans is None:
            return None
        self._drop(stored)
        self._discard(stored)
        return stored

    def drop_all(self, representation: Representation) -> None:
        """Drop all slices of a representation."""
        for stored in self._slices.pop(representation, {}).values():
            self._drop(stored)
            self._slice_count -= 1
            self.pins.note(stored.holder)

    def is_of_others(self, representation: Representation, number: int) -> bool:
        """Whether a slice is another worker's to keep."""
        return self._is_owner is not None and not self._is_owner(representation, number)

    def mirror(self, stored: StoredSlice) -> None:
        """A slice that was just kept is of others: it has its place in their share alone."""
        if stored is not self._slices.get(stored.owner, {}).get(stored.number):
            return  # The memory had no room for it.
        stored.is_mirror = True
        victims = self._mirrors.put(stored, len(stored.content) + SLICE_OVERHEAD_BYTES)
        for victim in victims:
            self._policy.remove(victim)
        self._evict(victims)

    def _drop(self, stored: StoredSlice) -> None:
        self._policy.remove(stored)
        if stored.is_mirror:
            self._mirrors.remove(stored)

    def _evict(self, victims: Sequence[StoredSlice]) -> None:
        for victim in victims:
            if victim.is_mirror:
                self._mirrors.remove(victim)
            self.evicted += 1
            self._discard(victim)
            self.pins.note(victim.holder)

    def _discard(self, victim: StoredSlice) -> None:
        kept = self._slices[victim.owner]
        del kept[victim.number]
        self._slice_count -= 1
        if not kept:
            del self._slices[victim.owner]
