"""Metrics of the disk tier, as families: see `edge.metrics`."""

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from edge.disk.disk_tier import DiskTier


def disk_families(tier: DiskTier) -> Iterator[Metric]:
    """What the disk tier holds, and did since the start."""
    yield GaugeMetricFamily("edge_disk_bytes", "Disk taken by entries.", value=tier.bytes)
    yield GaugeMetricFamily("edge_disk_entries", "Entries on disk.", value=tier.entries)
    yield GaugeMetricFamily(
        "edge_disk_queued_bytes", "Content that waits to be written.", value=tier.queued_bytes
    )
    folders = GaugeMetricFamily(
        "edge_disk_folders", "Folders by their state: on, paused, trying, off.", labels=["state"]
    )
    states = list(tier.states().values())
    for state in sorted(set(states)):
        folders.add_metric([state], states.count(state))
    yield folders
    yield from _counters(tier)


def _counters(tier: DiskTier) -> Iterator[Metric]:
    counts = tier.counts
    reads = CounterMetricFamily("edge_disk_reads", "Look-ups on disk.", labels=["result"])
    for result, count in (
        ("hit", counts.hits),
        ("miss", counts.misses),
        ("damaged", counts.damaged),
        ("collision", counts.collisions),
    ):
        reads.add_metric([result], count)
    yield reads
    yield CounterMetricFamily(
        "edge_disk_thread_reads",
        "Look-ups that had to wait for the disk.",
        value=counts.thread_reads,
    )
    yield CounterMetricFamily("edge_disk_writes", "Entries written.", value=counts.written)
    yield CounterMetricFamily(
        "edge_disk_written_bytes", "Bytes of their files.", value=counts.written_bytes
    )
    yield CounterMetricFamily(
        "edge_disk_evictions", "Entries that went for want of room.", value=counts.evicted
    )
    dropped = CounterMetricFamily(
        "edge_disk_dropped", "Writes and reads that were not made.", labels=["reason"]
    )
    for reason, count in sorted(counts.dropped.items()):
        dropped.add_metric([reason], count)
    yield dropped
    errors = CounterMetricFamily("edge_disk_errors", "Errors of the disks.", labels=["error"])
    for name, count in sorted(counts.errors.items()):
        errors.add_metric([name], count)
    yield errors
