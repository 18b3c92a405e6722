"""Replays a trace against eviction policies: one tier, or memory in front of disk.

Nothing is stored: what counts is which request would have found its object. Entries are the ids of
objects.
"""

from dataclasses import dataclass

from benchmarks.audio_trace import Trace
from edge.eviction.admission import Admission
from edge.ports import EvictionPolicy


@dataclass(frozen=True, slots=True)
class Hits:
    """What a replay found. `bytes` are those of all requests."""

    requests: int
    hits: int
    bytes: int
    hit_bytes: int

    @property
    def hit_percent(self) -> float:
        """Of the requests."""
        return 100 * self.hits / self.requests

    @property
    def byte_hit_percent(self) -> float:
        """Of the bytes."""
        return 100 * self.hit_bytes / self.bytes


@dataclass(slots=True)
class TierTraffic:
    """Bytes by where they came from, and what was written to disk."""

    memory_bytes: int = 0
    disk_bytes: int = 0
    origin_bytes: int = 0
    written_bytes: int = 0

    @property
    def bytes(self) -> int:
        """Of all requests."""
        return self.memory_bytes + self.disk_bytes + self.origin_bytes


def identity(object_id: int) -> int:
    """Ids of objects are their own numbers."""
    return object_id


def replay(policy: EvictionPolicy[int], trace: Trace, *, counted_below: int = 1 << 64) -> Hits:
    """Replay a trace against one tier.

    Args:
        policy: with nothing in it.
        trace: from the beginning.
        counted_below: requests for ids from here on are made, and not counted.
    """
    kept: set[int] = set()
    requests = hits = total = hit_bytes = 0
    for object_id, size_bytes in zip(trace.object_ids, trace.sizes, strict=True):
        is_hit = object_id in kept
        if is_hit:
            policy.get(object_id)
        else:
            kept.add(object_id)
            kept.difference_update(policy.put(object_id, size_bytes))
        if object_id < counted_below:
            requests += 1
            total += size_bytes
            if is_hit:
                hits += 1
                hit_bytes += size_bytes
    return Hits(requests, hits, total, hit_bytes)


class TwoTiers:
    """Memory in front of disk, as the edge fills them.

    A miss of both goes to the origin and into memory, and to disk if the admission has it so. A hit
    on disk puts the object into memory; a hit in memory is not told to the disk's policy.
    """

    def __init__(
        self, *, memory: EvictionPolicy[int], disk: EvictionPolicy[int], admission: Admission
    ) -> None:
        self._memory, self._disk, self._admission = memory, disk, admission
        self._in_memory: set[int] = set()
        self._on_disk: set[int] = set()

    def replay(self, trace: Trace, *, warm_up: int) -> TierTraffic:
        """Replay a trace; the first `warm_up` requests are not counted."""
        traffic = TierTraffic()
        for number, (object_id, size_bytes) in enumerate(
            zip(trace.object_ids, trace.sizes, strict=True)
        ):
            if number == warm_up:
                traffic = TierTraffic()
            self._request(object_id, size_bytes, traffic)
        return traffic

    def _request(self, object_id: int, size_bytes: int, traffic: TierTraffic) -> None:
        if object_id in self._in_memory:
            self._memory.get(object_id)
            traffic.memory_bytes += size_bytes
            return
        self._in_memory.add(object_id)
        self._in_memory.difference_update(self._memory.put(object_id, size_bytes))
        if object_id in self._on_disk:
            self._disk.get(object_id)
            traffic.disk_bytes += size_bytes
            return
        traffic.origin_bytes += size_bytes
        if self._admission.admits(object_id.to_bytes(8, "little")):
            self._on_disk.add(object_id)
            self._on_disk.difference_update(self._disk.put(object_id, size_bytes))
            traffic.written_bytes += size_bytes
