"""Records of stored responses, and slices of their content: in memory, and behind it on disk.

A representation stands for one (cache key, validator, complete length). What may be offered is
weighed here against purges; what is worth a place on disk is handed on to `edge.disk_shelf`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from typing_extensions import override

from edge.arena import Arena
from edge.content import SliceContent
from edge.disk.opened_folder import WouldBlock
from edge.disk_shelf import DiskShelf
from edge.eviction.lru import LruPolicy
from edge.fields import Fields
from edge.kept_slices import KeptSlices, PolicyOf
from edge.purges import Purges, Verdict
from edge.representation import Representation
from edge.slice_files import SliceFiles
from edge.spans import Spans
from edge.stored_slice import Piece, StoredSlice
from http_semantics.byte_range import ByteSlice
from http_semantics.vary import matches

# The share of the memory that records may take: one part in so many.
RECORDS_SHARE: Final = 16

# Variants of one resource; more than these, and it is hardly ever asked for twice alike.
VARIANTS_MAX: Final = 32

_NOTHING: Final = Spans()


@dataclass(slots=True)
class RecordCounts:
    """What became of records since the start."""

    evicted_records: int = 0
    purged_records: int = 0
    softly_purged_records: int = 0


class SliceStore(KeptSlices):
    """Keeps representations by target, and their slices.

    Args:
        bytes_max: what all of it may take: content, records, and the objects around them.
        policy_of: makes the policy for slices from its share of the bytes.
        purges: what may no longer be offered.
        shelf: the disk behind it, if there is one.
        arena: where its content stands.

    Attributes:
        arena: where its content stands.
        files: slices that can be sent from disk.
    """

    def __init__(
        self,
        *,
        bytes_max: int,
        policy_of: PolicyOf | None = None,
        purges: Purges | None = None,
        shelf: DiskShelf | None = None,
        arena: Arena | None = None,
    ) -> None:
        records_bytes_max = max(1, bytes_max // RECORDS_SHARE)
        super().__init__(bytes_max=max(1, bytes_max - records_bytes_max), policy_of=policy_of)
        self.arena = Arena() if arena is None else arena
        self._shelf = shelf
        self._records: LruPolicy[Representation] = LruPolicy(bytes_max=records_bytes_max)
        self._purges = Purges(entries_max=1) if purges is None else purges
        # The latest first: RFC 9111 section 4.1.
        self._offered: dict[str, tuple[Representation, ...]] = {}
        self.counts = RecordCounts()
        self.files = SliceFiles(shelf, self._purges, is_purged=self.is_purged, pins=self.pins)

    @property
    @override
    def bytes(self) -> int:
        return super().bytes + self._records.bytes

    @property
    def arena_fd(self) -> int:
        """The file that `StoredSlice.arena_offset` is an offset in; -1 if there is none."""
        return self.arena.fd

    @property
    def records(self) -> int:
        """How many stored responses are offered."""
        return len(self._records)

    def offered(self, target: str) -> tuple[Representation, ...]:
        """What is stored for a target and was not purged: variants, the latest first."""
        found = self._offered.get(target, ())
        for one in found:
            if one.purge_sequence != self._purges.sequence and self.is_purged(one):
                self.retire(one)
        return self._offered.get(target, ())

    def select(self, target: str, fields: Fields | None) -> Representation | None:
        """The stored response for a request as it would go upstream; noted as used.

        Args:
            target: of the request.
            fields: of the request; None if no field selects a variant.
        """
        has_varied = False
        for one in self.offered(target):
            if fields is not None and one.selecting.names:
                has_varied = True
                if not matches(one.selecting, fields):
                    continue
            elif has_varied:
                continue  # A later one varies; this one says nothing of requests unlike its own.
            self._records.get(one)
            return one
        return None

    def only_current(self, target: str) -> Representation | None:
        """What is offered for a target, if that is one thing, and no purge has to be weighed.

        Nothing is noted by that; see `note_hit`.
        """
        offered = self._offered.get(target)
        if offered is None or len(offered) > 1:
            return None
        found = offered[0]
        return found if found.purge_sequence == self._purges.sequence else None

    def note_hit(self, representation: Representation, pieces: Iterable[Piece]) -> None:
        """A request is answered with these pieces; that of files has been noted."""
        self._records.get(representation)
        for stored, _, _ in pieces:
            if isinstance(stored, StoredSlice):
                self._policy.get(stored)
                if stored.is_mirror:
                    self._mirrors.get(stored)
                if not stored.is_settled:
                    self.note_again(stored)

    def is_offered(self, representation: Representation) -> bool:
        """Whether requests may be answered from a representation."""
        return representation in self._offered.get(representation.target, ())

    def make_current(self, representation: Representation) -> None:
        """Offer a representation in the place of what was there for requests like its own.

        Slices of the one before stay until the policy drops them: readers may still be on it.
        Called again for one that is offered it counts its size anew. One whose fill began before it
        was purged takes nobody's place: it is for those who are reading it.
        """
        if self.is_purged(representation):
            self.retire(representation)
            return
        self._offer(representation)
        self._record(representation.target)

    def _record(self, target: str) -> None:
        """Tell the disk what is offered for a target, if it knows any of it."""
        offered = self._offered.get(target, ())
        if self._shelf is None:
            return
        # A record of what is no longer offered must not come back either.
        if any(one.is_on_disk for one in offered) or self._shelf.may_know(target):
            self._shelf.write_records(target, offered)

    def _offer(self, representation: Representation) -> None:
        kept: list[Representation] = []
        for one in self._offered.get(representation.target, ()):
            if one is representation:
                continue
            if one.selecting == representation.selecting or len(kept) + 1 == VARIANTS_MAX:
                self._records.remove(one)
            else:
                kept.append(one)
        self._offered[representation.target] = (representation, *kept)
        for victim in self._records.put(representation, representation.size_bytes):
            self.counts.evicted_records += 1
            self.forget(victim)

    def offered_now(self, representation: Representation) -> tuple[Representation, ...]:
        """All that is offered for the target of a representation."""
        return self._offered.get(representation.target, ())

    def retire(self, representation: Representation) -> None:
        """No longer offer a representation; its slices stay for those who are reading it."""
        if representation not in self.offered_now(representation):
            return
        self._withdraw(representation)
        if self._shelf is not None and representation.is_on_disk:
            self._shelf.write_records(representation.target, self.offered_now(representation))

    def _withdraw(self, representation: Representation) -> None:
        offered = self.offered_now(representation)
        self._records.remove(representation)
        rest = tuple(one for one in offered if one is not representation)
        if rest:
            self._offered[representation.target] = rest
        else:
            del self._offered[representation.target]

    def forget(self, representation: Representation) -> None:
        """Drop a representation and its slices from memory; on disk they stay."""
        if representation in self.offered_now(representation):
            self._withdraw(representation)
        self.drop_all(representation)

    def has(self, representation: Representation, number: int) -> bool:
        """Whether all of a slice is kept, here or on disk. This is no use of it."""
        return self.spans(representation, number) is None

    def spans(self, representation: Representation, number: int) -> Spans | None:
        """Which bytes of a slice are kept, here or on disk; None for all. This is no use of it."""
        stored = self.kept(representation).get(number)
        if stored is not None and stored.spans is None:
            return None
        shelf = self._shelf_of(representation)
        if shelf is not None and shelf.has(representation, number):
            return None
        return _NOTHING if stored is None else stored.spans

    def note_again(self, stored: StoredSlice) -> None:
        """A slice was asked for again after it had arrived: that makes it worth a write."""
        owner = stored.owner
        if stored.is_settled or owner.complete_length is None:
            return
        if self._shelf is None or not self._shelf.is_ready:
            return
        stored.is_settled = True
        self._shelf.write(owner, stored.number, stored.content, self.offered_now(owner))

    def note_wanted(self, representation: Representation, number: int) -> None:
        """A slice is wanted for good: if it is here complete, it is worth a write."""
        stored = self.kept(representation).get(number)
        if stored is not None:
            self.note_again(stored)

    def take_down_at_once(self, representation: Representation, number: int) -> StoredSlice | None:
        """Bring a slice from the disk to here, if that takes no waiting."""
        shelf = self._shelf_of(representation)
        if shelf is None:
            return None
        content = shelf.slice_at_once(representation, number)
        if content is None or isinstance(content, WouldBlock):
            return None
        return self.keep(representation, number, content, is_settled=True)

    async def take_down(self, representation: Representation, number: int) -> StoredSlice | None:
        """Bring a slice from the disk to here; None if it is not there."""
        shelf = self._shelf_of(representation)
        if shelf is None:
            return None
        content = await shelf.slice(representation, number)
        if content is None or self.is_purged(representation):
            return None
        return self.keep(representation, number, content, is_settled=True)

    def may_recall(self, target: str) -> bool:
        """Whether there may be stored responses of a target on disk alone."""
        return (
            self._shelf is not None and target not in self._offered and self._shelf.may_know(target)
        )

    async def recall(self, target: str) -> None:
        """Offer again what is on disk for a target."""
        assert self._shelf is not None
        recalled = await self._shelf.recall(target)
        if not self._shelf.may_know(target):
            return  # Meanwhile it was invalidated.
        for found in reversed(recalled):
            # Meanwhile somebody else may have asked the upstream.
            if not self._is_known(found) and not self.is_purged(found):
                self._offer(found)
        if len(recalled) != len(self._offered.get(target, ())):
            self._shelf.write_records(target, self._offered.get(target, ()))

    def invalidate(self, target: str) -> None:
        """No longer offer anything for a target, wherever it is."""
        for found in self._offered.get(target, ()):
            self.retire(found)
        if self._shelf is not None:
            self._shelf.forget(target)

    def may_take_down(self, representation: Representation, number: int) -> bool:
        """Whether a slice may be on disk."""
        shelf = self._shelf_of(representation)
        return shelf is not None and shelf.may_have(representation, number)

    def _shelf_of(self, representation: Representation) -> DiskShelf | None:
        """The disk, as far as it has what is this representation's.

        What is there under the identity of one that was purged is its successor's, of which the
        origin may have changed everything but the entity tag.
        """
        return None if self.is_purged(representation) else self._shelf

    def _is_known(self, found: Representation) -> bool:
        return any(one.selecting == found.selecting for one in self.offered_now(found))

    def holds(self, representation: Representation, part: ByteSlice) -> bool:
        """Whether all slices that `part` touches are kept."""
        return all(self.has(representation, number) for number in representation.numbers_of(part))

    def put(
        self,
        representation: Representation,
        number: int,
        content: SliceContent,
        *,
        spans: Spans | None = None,
    ) -> None:
        """Keep a slice that has arrived, or what there is of it; a complete one stays."""
        if self.is_complete(representation, number):
            return
        self.arrivals += 1
        is_mirror = self.is_of_others(representation, number)
        is_settled = self._shelf is None or spans is not None or is_mirror
        stored = self.keep(representation, number, content, spans=spans, is_settled=is_settled)
        if is_mirror:
            self.mirror(stored)
        if representation.complete_length is not None:
            self._offer_to_disk(stored)

    def settle(self, representation: Representation) -> None:
        """The length of what has grown is known: only now the disk can tell its slices."""
        for stored in list(self.kept(representation).values()):
            self._offer_to_disk(stored)

    def _offer_to_disk(self, stored: StoredSlice) -> None:
        if not stored.is_settled and self._shelf is not None and self._shelf.is_ready:
            owner = stored.owner
            offered = self.offered_now(owner)
            stored.is_settled = self._shelf.offer(owner, stored.number, stored.content, offered)

    def is_purged(self, representation: Representation) -> bool:
        """Weigh a representation against the purges that it has not been weighed against."""
        if representation.is_purged or representation.purge_sequence == self._purges.sequence:
            return representation.is_purged
        verdict = self._purges.weigh(
            representation.target, representation.fields, since=representation.purge_sequence
        )
        match verdict:
            case Verdict.PURGED:
                self.counts.purged_records += 1
                representation.is_purged = True
                return True
            case Verdict.STALE:
                self.counts.softly_purged_records += 1
                representation.is_purged_softly = True
            case Verdict.SPARED:
                pass
        representation.purge_sequence = self._purges.sequence
        return False
