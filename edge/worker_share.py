"""A worker's share of what its node may use. No I/O.

Memory, disk, and what is asked of the origin are bounded for the node as a whole, whatever the
number of its workers. What is told apart by client, session or target is bounded in each worker:
who comes over several connections meets several workers.
"""

from pathlib import Path
from typing import Final

from edge.disk.settings import DiskFolderSettings, DiskSettings
from edge.settings import CacheSettings, EdgeSettings, LimitSettings
from edge.slot import Slot

_MEMORY_BYTES_MIN: Final = 1 << 20
_FOLDER_BYTES_MIN: Final = 1 << 20
_QUEUE_BYTES_MIN: Final = 1 << 20
_UNSENT_BYTES_MIN: Final = 1 << 20


def share_of(settings: EdgeSettings, slot: Slot) -> EdgeSettings:
    """The settings of one worker, from those of its node."""
    if slot.count == 1:
        return settings
    return settings.model_copy(
        update={
            "cache": _cache(settings.cache, slot),
            "limits": _limits(settings.limits, slot.count),
        }
    )


def folder_of(folder: Path, number: int) -> Path:
    """Where worker `number` keeps its entries, of a folder of the disk tier that several share."""
    return folder / f"worker-{number}"


def _cache(cache: CacheSettings, slot: Slot) -> CacheSettings:
    memory_bytes = max(_MEMORY_BYTES_MIN, cache.memory_bytes // slot.count)
    return cache.model_copy(update={"memory_bytes": memory_bytes, "disk": _disk(cache.disk, slot)})


def _disk(disk: DiskSettings, slot: Slot) -> DiskSettings:
    folders = tuple(
        DiskFolderSettings(
            path=folder_of(folder.path, slot.number),
            bytes_max=max(_FOLDER_BYTES_MIN, folder.bytes_max // slot.count),
        )
        for folder in disk.folders
    )
    return disk.model_copy(
        update={
            "folders": folders,
            "queue_bytes_max": max(_QUEUE_BYTES_MIN, disk.queue_bytes_max // slot.count),
            "read_threads": _part(disk.read_threads, slot.count),
            "reads_max": _part(disk.reads_max, slot.count),
        }
    )


def _limits(limits: LimitSettings, count: int) -> LimitSettings:
    return limits.model_copy(
        update={
            "fills_max": _part(limits.fills_max, count),
            "upstream_connections_max": _part(limits.upstream_connections_max, count),
            "connections_max": _part(limits.connections_max, count),
            "unsent_bytes_max": max(_UNSENT_BYTES_MIN, limits.unsent_bytes_max // count),
        }
    )


def _part(whole: int, count: int) -> int:
    """One part of `count`, rounded up: a bound of 0 would let nothing through."""
    return -(-whole // count)
