"""What one folder of the disk tier holds: id to size, in the order of last use. No I/O.

Sizes are counted in blocks of 4 KiB, as disks give them out. The order is the policy's business;
beside it each entry has a stamp of its last use, so that the order outlives a restart whatever the
policy is. An entry takes about 230 bytes of memory: its id, a number of size and stamp packed
together, and its places here and in the policy.
"""

import heapq
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from edge.disk.entry_file import ID_BYTES, SUB_FOLDERS, Kind, Place, sub_folder_of
from edge.eviction.lru import LruPolicy
from edge.ports import EvictionPolicy

BLOCK_BYTES: Final = 4096

# Size of a file and its kind take the lower bits of the packed number, the stamp the upper ones.
# Together they stay within two digits of Python's integers for 2 000 000 000 uses.
_FACTS_BITS: Final = 29
_FACTS_MASK: Final = (1 << _FACTS_BITS) - 1
FILE_BYTES_MAX: Final = _FACTS_MASK >> 1

_STAMP_BYTES: Final = 8
_FACTS_BYTES: Final = 4

# What the disk lacks against its quota is held by an entry of this name, which is always the most
# recently used one: so every policy of the port can be given less room.
_BALLAST: Final = b""

# By number: looked up for each read, and cheaper than asking the enumeration.
_KINDS: Final = (Kind.RECORD, Kind.SLICE)

PolicyOf = Callable[[int], EvictionPolicy[bytes]]


def lru_of(bytes_max: int) -> EvictionPolicy[bytes]:
    """The policy if nothing else is asked for."""
    return LruPolicy(bytes_max=bytes_max)


def pack_facts(file_bytes: int, kind: Kind) -> int:
    """Size and kind in one number."""
    assert file_bytes <= FILE_BYTES_MAX
    return file_bytes << 1 | kind


def place_of(entry_id: bytes, facts: int) -> Place:
    """An id and its packed facts."""
    return Place(entry_id, (facts & _FACTS_MASK) >> 1, _KINDS[facts & 1])


class DiskIndex:
    """Which entries there are, and which go next.

    Args:
        bytes_max: what all of them may take, in whole blocks.
        policy_of: makes the policy for so many bytes.
    """

    def __init__(self, *, bytes_max: int, policy_of: PolicyOf = lru_of) -> None:
        self._bytes_max = bytes_max
        self._policy = policy_of(bytes_max)
        self._shards: list[dict[bytes, int]] = [{} for _ in range(SUB_FOLDERS)]
        self._held_back = 0
        self._stamp = 0
        # One object for each size, not for each entry.
        self._sizes: dict[int, int] = {}

    @property
    def size_bytes(self) -> int:
        """What the entries take."""
        return self._policy.bytes - self._held_back

    @property
    def bytes_max(self) -> int:
        """What they may take now."""
        return self._bytes_max - self._held_back

    @property
    def held_back_bytes(self) -> int:
        """What of the quota is not used, because the disk has no room for it."""
        return self._held_back

    def __len__(self) -> int:
        return sum(map(len, self._shards))

    def __contains__(self, entry_id: bytes) -> bool:
        return entry_id in self._shards[sub_folder_of(entry_id)]

    def find(self, entry_id: bytes) -> Place | None:
        """Where an entry is. This is no use of it."""
        packed = self._shards[sub_folder_of(entry_id)].get(entry_id)
        return None if packed is None else place_of(entry_id, packed)

    def touch(self, entry_id: bytes) -> bool:
        """Note that an entry was used; tell whether it is there at all."""
        shard = self._shards[sub_folder_of(entry_id)]
        packed = shard.get(entry_id)
        if packed is None:
            return False
        self._stamp += 1
        shard[entry_id] = packed & _FACTS_MASK | self._stamp << _FACTS_BITS
        self._policy.get(entry_id)
        return True

    def put(self, place: Place) -> list[Place]:
        """Take an entry in as the most recently used; return those that have to go.

        It may be its own victim. What was there under its id is replaced, and no victim.
        """
        facts = pack_facts(place.file_bytes, place.kind)
        return self.put_packed(place.entry_id, facts, place.sub_folder)

    def put_packed(self, entry_id: bytes, facts: int, shard_number: int) -> list[Place]:
        """As `put`, for a loader that has no time for objects and knows the sub-folder."""
        size = -(-(facts >> 1) // BLOCK_BYTES) * BLOCK_BYTES
        if size > self._bytes_max - self._held_back:
            self.remove(entry_id)
            return [place_of(entry_id, facts)]
        self._stamp += 1
        self._shards[shard_number][entry_id] = facts | self._stamp << _FACTS_BITS
        if self._held_back:
            self._policy.get(_BALLAST)
        victims = self._policy.put(entry_id, self._sizes.setdefault(size, size))
        return self._drop(victims) if victims else []

    def has_in(self, shard_number: int, entry_id: bytes) -> bool:
        """Whether an entry is there, for who knows the sub-folder."""
        return entry_id in self._shards[shard_number]

    def remove(self, entry_id: bytes) -> Place | None:
        """Forget an entry; return where it was."""
        packed = self._shards[sub_folder_of(entry_id)].pop(entry_id, None)
        if packed is None:
            return None
        self._policy.remove(entry_id)
        return place_of(entry_id, packed)

    def hold_back(self, held_back_bytes: int) -> list[Place]:
        """Use so much less than the quota; return those that have to go for it."""
        self._held_back = max(0, min(held_back_bytes, self._bytes_max - BLOCK_BYTES))
        self._policy.remove(_BALLAST)
        if not self._held_back:
            return []
        return self._drop(self._policy.put(_BALLAST, self._held_back))

    def records_by_use(self, breathe: Callable[[], object] = lambda: None) -> Iterator[bytes]:
        """Id and size of each entry, from the least to the most recently used.

        Other threads may change the index meanwhile: each shard is copied at one moment.

        Args:
            breathe: called now and then; for a thread to let others run.

        Yields:
            `RECORD_BYTES` for each entry, see `split_record`.
        """
        width = _STAMP_BYTES + RECORD_BYTES
        sorted_shards: list[bytes] = []
        for shard in self._shards:
            sorted_shards.append(_sorted_records(list(shard.items())))
            breathe()
        streams = [_cut(shard, width) for shard in sorted_shards]
        for record in heapq.merge(*streams):
            yield record[_STAMP_BYTES:]

    def _drop(self, victims: Sequence[bytes]) -> list[Place]:
        places: list[Place] = []
        pending = list(victims)
        while pending:
            victim = pending.pop(0)
            if victim == _BALLAST:
                pending += self._policy.put(_BALLAST, self._held_back)
                continue
            packed = self._shards[sub_folder_of(victim)].pop(victim)
            places.append(place_of(victim, packed))
        return places


RECORD_BYTES: Final = ID_BYTES + _FACTS_BYTES


def split_record(record: bytes) -> tuple[bytes, int]:
    """Id and packed facts of a record."""
    return record[:ID_BYTES], int.from_bytes(record[ID_BYTES:], "big")


def _sorted_records(items: list[tuple[bytes, int]]) -> bytes:
    records = [
        (packed >> _FACTS_BITS).to_bytes(_STAMP_BYTES, "big")
        + entry_id
        + (packed & _FACTS_MASK).to_bytes(_FACTS_BYTES, "big")
        for entry_id, packed in items
    ]
    records.sort()
    return b"".join(records)


def _cut(data: bytes, width: int) -> Iterator[bytes]:
    return (data[start : start + width] for start in range(0, len(data), width))
