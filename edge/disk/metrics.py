"""Metrics of the disk tier: what it did since the start are plain numbers, read at scrape."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from config.metric_families import counter_by, gauge_by
from edge.disk.folder_health import FolderState


@dataclass(slots=True)
class DiskCounts:
    """Counts of all folders.

    Attributes:
        hits: entries that were found sound.
        file_hits: those of them that were sent from a file which had been verified before.
        thread_reads: reads that a thread had to do.
        misses: look-ups of what is not there.
        collisions: files that hold something else with the same digest.
        damaged: files that are not what was written.
        written: entries that were written.
        written_bytes: and their files' bytes.
        evicted: entries that went for want of room.
        dropped: writes and reads that were not made, by reason.
        errors: of the disks, by name.
    """

    hits: int = 0
    file_hits: int = 0
    thread_reads: int = 0
    misses: int = 0
    collisions: int = 0
    damaged: int = 0
    written: int = 0
    written_bytes: int = 0
    evicted: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)


class MeasuredTier(Protocol):
    """What a disk tier tells of itself."""

    @property
    def counts(self) -> DiskCounts:
        """What it did since the start."""
        ...

    @property
    def bytes(self) -> int:
        """What its entries take."""
        ...

    @property
    def entries(self) -> int:
        """How many there are."""
        ...

    @property
    def queued_bytes(self) -> int:
        """What waits to be written."""
        ...

    @property
    def open_files(self) -> int:
        """How many verified files are held open."""
        ...

    def states(self) -> Mapping[str, str]:
        """How each folder is used."""
        ...


def disk_metrics(tier: MeasuredTier) -> Iterator[Metric]:
    """The state of the disk tier, and what it did, as metric families."""
    counts = tier.counts
    yield GaugeMetricFamily("edge_disk_bytes", "What entries take on disks.", value=tier.bytes)
    yield GaugeMetricFamily("edge_disk_entries", "Entries on disks.", value=tier.entries)
    yield GaugeMetricFamily(
        "edge_disk_open_files", "Verified files held open.", value=tier.open_files
    )
    yield GaugeMetricFamily(
        "edge_disk_queued_bytes", "What waits to be written to disks.", value=tier.queued_bytes
    )
    by_state = Counter(tier.states().values())
    yield gauge_by(
        "state",
        "edge_disk_folders",
        "Folders of the disk tier by how they are used.",
        {state: by_state[state] for state in FolderState},
    )
    yield counter_by(
        "result",
        "edge_disk_reads",
        "Reads of entries.",
        {
            "hit": counts.hits,
            "miss": counts.misses,
            "collision": counts.collisions,
            "damaged": counts.damaged,
        },
    )
    for name, text, count in (
        ("edge_disk_file_hits", "Hits sent from verified files, unread.", counts.file_hits),
        ("edge_disk_thread_reads", "Reads that a thread had to do.", counts.thread_reads),
        ("edge_disk_writes", "Entries that were written.", counts.written),
        ("edge_disk_written_bytes", "Bytes that were written.", counts.written_bytes),
        ("edge_disk_evictions", "Entries that went for want of room.", counts.evicted),
    ):
        yield CounterMetricFamily(name, text, value=count)
    for name, text, by_reason in (
        ("edge_disk_dropped", "Reads and writes that were not made.", counts.dropped),
        ("edge_disk_errors", "Errors of disks.", counts.errors),
    ):
        yield counter_by("reason", name, text, by_reason)
