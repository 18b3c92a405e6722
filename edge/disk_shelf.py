"""Stored responses on disk: which of them go there, and how they come back.

What the disk tier keeps are entries. A record of all variants of a target is one, each slice is
another. A slice is known by its representation's identity, so that bytes of two versions never
meet, whatever the digests say.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from edge.content import SliceContent
from edge.disk.disk_tier import DiskTier, Kind, WouldBlock
from edge.disk.verified_files import VerifiedFile
from edge.eviction.admission import Admission
from edge.purges import Purges, Verdict
from edge.record_file import RecordError, decode_records, encode_records
from edge.representation import Representation

# Slices that were not read when they were wanted; they are looked for again when others were not.
_PASSED_OVER_MAX: Final = 1_000

_RECORD: Final = b"attacca-record"


class DiskShelf:
    """Puts stored responses on disk and takes them from there.

    Args:
        tier: keeps the entries.
        admission: which slices are worth a write when they arrive.
        purges: since ever.
    """

    def __init__(self, tier: DiskTier, *, admission: Admission, purges: Purges) -> None:
        self._tier = tier
        self._admission = admission
        self._purges = purges
        self._passed_over: OrderedDict[bytes, None] = OrderedDict()

    @property
    def is_ready(self) -> bool:
        """Whether anything is written: not while folders are still being listed."""
        return self._tier.is_listed

    def has(self, representation: Representation, number: int) -> bool:
        """Whether a slice is certain to have been written here."""
        if representation.complete_length is None:
            return False  # Its identity is not settled.
        entry_id = representation.slice_id(number)
        return entry_id not in self._passed_over and self._tier.is_certain(entry_id)

    def may_have(self, representation: Representation, number: int) -> bool:
        """Whether a slice may be here, although nobody knows yet."""
        if representation.complete_length is None:
            return False  # Its identity is not settled.
        entry_id = representation.slice_id(number)
        return entry_id not in self._passed_over and self._tier.has(entry_id)

    def slice_at_once(
        self, representation: Representation, number: int
    ) -> SliceContent | WouldBlock | None:
        """A slice, if the kernel has it in memory; None if it is not here."""
        entry_id, identity = representation.slice_id(number), _identity(representation, number)
        found = self._tier.read_at_once(entry_id, identity)
        if found is None or isinstance(found, WouldBlock):
            return found
        return self._checked(representation, number, found.content, found.sequence)

    def verified_file(
        self, representation: Representation, number: int, start: int, stop: int
    ) -> VerifiedFile | None:
        """A file from which bytes `[start, stop)` of a slice can be sent at once."""
        if representation.complete_length is None:
            return None  # Its identity is not settled.
        entry_id, identity = representation.slice_id(number), _identity(representation, number)
        found = self._tier.verified_file(entry_id, identity, start, stop)
        if found is None or not self._is_sound(
            representation, number, found.length, found.sequence
        ):
            return None
        found.sequence = self._purges.sequence
        return found

    async def slice(self, representation: Representation, number: int) -> SliceContent | None:
        """A slice, waiting for the disk if need be; None if it is not here."""
        entry_id, identity = representation.slice_id(number), _identity(representation, number)
        found = await self._tier.read(entry_id, identity)
        if found is None:
            self._pass_over(entry_id)
            return None
        return self._checked(representation, number, found.content, found.sequence)

    def _pass_over(self, entry_id: bytes) -> None:
        """Look for a slice elsewhere, since it was not read: gone, damaged, or the disk is slow."""
        self._passed_over[entry_id] = None
        if len(self._passed_over) > _PASSED_OVER_MAX:
            self._passed_over.popitem(last=False)

    def offer(
        self,
        representation: Representation,
        number: int,
        content: SliceContent,
        variants: Sequence[Representation],
    ) -> bool:
        """A slice has arrived from the upstream: write it if that is worth it; tell whether it is.

        The question is remembered: what is asked for again is. What has no settled identity yet
        is worth it when it is asked for again.
        """
        if representation.complete_length is None:
            return False
        is_admitted = self._admission.admits(representation.slice_id(number))
        if is_admitted:
            self.write(representation, number, content, variants)
        return is_admitted

    def write(
        self,
        representation: Representation,
        number: int,
        content: SliceContent,
        variants: Sequence[Representation],
    ) -> None:
        """Write a slice, and the records that lead to it.

        Args:
            representation: whose slice.
            number: of the slice.
            content: of it.
            variants: all that are stored for the target.
        """
        if representation not in variants or representation.complete_length is None:
            return  # Nobody would find it.
        entry_id = representation.slice_id(number)
        self._passed_over.pop(entry_id, None)
        is_taken = self._tier.write(
            entry_id,
            _identity(representation, number),
            content,
            sequence=representation.purge_sequence,
            kind=Kind.SLICE,
        )
        if is_taken and not (representation.is_on_disk and self.may_know(representation.target)):
            representation.is_on_disk = True
            self.write_records(representation.target, variants)

    def write_records(self, target: str, variants: Sequence[Representation]) -> None:
        """Write the records of a target anew, if any of its slices are here; else forget it."""
        kept = [one for one in variants if one.is_on_disk]
        entry_id, identity = record_id(target), _record_identity(target)
        if not kept:
            self._tier.remove(entry_id)
            return
        is_taken = self._tier.write(
            entry_id,
            identity,
            encode_records(target, kept),
            sequence=min(one.purge_sequence for one in kept),
            kind=Kind.RECORD,
        )
        if not is_taken:
            for one in kept:
                one.is_on_disk = False

    def forget(self, target: str) -> None:
        """No longer know of any stored response of a target."""
        self._tier.remove(record_id(target))

    def may_know(self, target: str) -> bool:
        """Whether there may be records of a target."""
        return self._tier.has(record_id(target))

    async def recall(self, target: str) -> list[Representation]:
        """The stored responses of a target, the latest first; to be weighed against purges."""
        found = await self._tier.read(record_id(target), _record_identity(target))
        if found is None:
            return []
        try:
            variants = decode_records(bytes(found.content), target)
        except RecordError:
            self._tier.remove(record_id(target))
            return []
        return [one for one in variants if self._is_usable(one)]

    def _is_usable(self, one: Representation) -> bool:
        """Without a strong validator it is of use only if all of it is here."""
        if one.has_strong_validator or not one.complete_length:
            return True
        slices = -(-one.complete_length // one.slice_bytes)
        return all(self._tier.has(one.slice_id(number)) for number in range(slices))

    def _checked(
        self, representation: Representation, number: int, content: SliceContent, sequence: int
    ) -> SliceContent | None:
        """A slice's content, unless it was purged since its fill began, or is no such slice."""
        return content if self._is_sound(representation, number, len(content), sequence) else None

    def _is_sound(
        self, representation: Representation, number: int, length: int, sequence: int
    ) -> bool:
        """Whether an entry of such a length, weighed last against that purge, is what it should be.

        One that is not is removed.
        """
        if length == representation.part_of(number).length:
            if sequence == self._purges.sequence:
                return True
            verdict = self._purges.weigh(
                representation.target, representation.fields, since=sequence
            )
            if verdict is not Verdict.PURGED:
                return True
        self._tier.remove(representation.slice_id(number))
        return False


def _identity(representation: Representation, number: int) -> bytes:
    return b"%b\n#%d" % (representation.identity, number)


def record_id(target: str) -> bytes:
    """Under which the records of a target are kept."""
    data = target.encode(errors="surrogateescape")
    return hashlib.blake2b(data, digest_size=20, person=_RECORD).digest()


def _record_identity(target: str) -> bytes:
    return b"record\n" + target.encode(errors="surrogateescape")
