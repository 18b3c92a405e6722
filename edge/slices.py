"""The memory tier: records of representations and slices of their content, bounded in bytes.

Slices are kept by (representation, number), and a representation stands for one (cache key,
validator, complete length). What is counted is content plus the objects around it. No I/O.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from edge.lru import LruPolicy
from edge.ports import EvictionPolicy
from edge.purges import Purges, Verdict
from edge.representation import Representation
from http_semantics.byte_range import ByteSlice

# A slice's own object, its buffer's head, and its places in the policy and in the set of its
# representation (measured, rounded up).
SLICE_OVERHEAD_BYTES: Final = 512

# The share of the memory that records may take: one part in so many.
RECORDS_SHARE: Final = 16


@dataclass(slots=True, eq=False)
class StoredSlice:
    """A complete slice. Whoever reads it keeps it alive; nobody writes to it."""

    owner: Representation
    number: int
    content: bytearray = field(repr=False)


@dataclass(slots=True)
class TierCounts:
    """What the tier did since the start."""

    evicted_slices: int = 0
    evicted_records: int = 0
    purged_records: int = 0
    softly_purged_records: int = 0


PolicyOf = Callable[[int], EvictionPolicy[StoredSlice]]


class SliceStore:
    """Keeps representations by cache key, and their slices.

    Args:
        bytes_max: what all of it may take: content, records, and the objects around them.
        policy_of: makes the policy for slices from its share of the bytes.
        purges: what may no longer be offered.
    """

    def __init__(
        self, *, bytes_max: int, policy_of: PolicyOf | None = None, purges: Purges | None = None
    ) -> None:
        records_bytes_max = max(1, bytes_max // RECORDS_SHARE)
        slices_bytes_max = max(1, bytes_max - records_bytes_max)
        self._policy: EvictionPolicy[StoredSlice] = (
            LruPolicy(bytes_max=slices_bytes_max)
            if policy_of is None
            else policy_of(slices_bytes_max)
        )
        self._records: LruPolicy[Representation] = LruPolicy(bytes_max=records_bytes_max)
        self._purges = Purges(entries_max=1) if purges is None else purges
        self._current: dict[str, Representation] = {}
        self._slices: dict[Representation, dict[int, StoredSlice]] = {}
        self._slice_count = 0
        self.counts = TierCounts()

    @property
    def bytes(self) -> int:
        """What is taken now."""
        return self._policy.bytes + self._records.bytes

    @property
    def slices(self) -> int:
        """How many slices are kept."""
        return self._slice_count

    @property
    def records(self) -> int:
        """How many resources have a current representation."""
        return len(self._current)

    def current(self, key: str) -> Representation | None:
        """The current representation under `key`, unless it was purged; noted as used."""
        found = self._current.get(key)
        if found is None:
            return None
        if found.purge_sequence != self._purges.sequence and self._is_purged(found):
            self.retire(found)
            return None
        self._records.get(found)
        return found

    def make_current(self, representation: Representation) -> None:
        """Put a representation in the place of what was there under its key.

        Slices of the one before stay until the policy drops them: readers may still be on it.
        Called again for one that is current it counts its size anew. One whose fill began before it
        was purged takes nobody's place: it is for those who are reading it.
        """
        if self._is_purged(representation):
            self.retire(representation)
            return
        previous = self._current.get(representation.key)
        if previous is not None and previous is not representation:
            self._records.remove(previous)
        self._current[representation.key] = representation
        for victim in self._records.put(representation, representation.size_bytes):
            self.counts.evicted_records += 1
            self.forget(victim)

    def retire(self, representation: Representation) -> None:
        """No longer offer a representation; its slices stay for those who are reading it."""
        if self._current.get(representation.key) is representation:
            del self._current[representation.key]
            self._records.remove(representation)

    def forget(self, representation: Representation) -> None:
        """Drop a representation and its slices; another one under its key stays."""
        self.retire(representation)
        for stored in self._slices.pop(representation, {}).values():
            self._policy.remove(stored)
            self._slice_count -= 1

    def has(self, representation: Representation, number: int) -> bool:
        """Whether a slice is kept. This is no use of it."""
        kept = self._slices.get(representation)
        return kept is not None and number in kept

    def count(self, representation: Representation, numbers: range) -> int:
        """How many slices out of `numbers` are kept: work for what is kept, however long it is."""
        kept = self._slices.get(representation, {})
        if len(kept) < len(numbers):
            return sum(number in numbers for number in kept)
        return sum(number in kept for number in numbers)

    def get(self, representation: Representation, number: int) -> StoredSlice | None:
        """A slice, noted as used; None if it is not kept."""
        kept = self._slices.get(representation)
        if kept is None:
            return None
        found = kept.get(number)
        if found is not None:
            self._policy.get(found)
        return found

    def holds(self, representation: Representation, part: ByteSlice) -> bool:
        """Whether all slices that `part` touches are kept."""
        return all(self.has(representation, number) for number in representation.numbers_of(part))

    def put(self, representation: Representation, number: int, content: bytearray) -> None:
        """Keep a complete slice; the first one under its number stays."""
        assert len(content) == representation.part_of(number).length
        kept = self._slices.setdefault(representation, {})
        if number in kept:
            return
        stored = StoredSlice(representation, number, content)
        kept[number] = stored
        self._slice_count += 1
        for victim in self._policy.put(stored, len(content) + SLICE_OVERHEAD_BYTES):
            self.counts.evicted_slices += 1
            self._discard(victim)

    def _is_purged(self, representation: Representation) -> bool:
        """Weigh a representation against the purges that it has not been weighed against."""
        if representation.purge_sequence == self._purges.sequence:
            return False
        verdict = self._purges.weigh(
            representation.key, representation.fields, since=representation.purge_sequence
        )
        match verdict:
            case Verdict.PURGED:
                self.counts.purged_records += 1
                return True
            case Verdict.STALE:
                self.counts.softly_purged_records += 1
                representation.is_purged_softly = True
            case Verdict.SPARED:
                pass
        representation.purge_sequence = self._purges.sequence
        return False

    def _discard(self, victim: StoredSlice) -> None:
        kept = self._slices[victim.owner]
        del kept[victim.number]
        self._slice_count -= 1
        if not kept:
            del self._slices[victim.owner]
