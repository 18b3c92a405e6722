"""Metrics of the edge: every one is declared here, with its unit in its name.

What is counted for each request is a plain integer of this worker; a collector turns the integers
into metric families when they are asked for. Words are those of RFC 9211 (Cache-Status), so logs,
fields and dashboards agree.
"""

import bisect
import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.registry import Collector
from typing_extensions import override

from config.metric_families import counter_by, gauge_by
from edge.compiled import is_compiled
from edge.disk.metrics import disk_metrics
from edge.error_content import Unready
from edge.errors import EdgeError
from edge.purges import Purges
from edge.tiers import Tiers

FIRST_BYTE_BUCKETS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class CacheResult(StrEnum):
    """How a request was met: `hit`, the reason why it went forward, or not at all."""

    HIT = "hit"
    BYPASS = "bypass"
    METHOD = "method"
    URI_MISS = "uri-miss"
    VARY_MISS = "vary-miss"
    REQUEST = "request"
    MISS = "miss"
    STALE = "stale"
    PARTIAL = "partial"
    REFUSED = "refused"


@dataclass(slots=True)
class FirstByteTimes:
    """A histogram: how long responses took to their first byte."""

    by_bucket: list[int] = field(default_factory=lambda: [0] * (len(FIRST_BYTE_BUCKETS_S) + 1))
    sum_s: float = 0.0

    def note(self, seconds: float, count: int = 1) -> None:
        """Count responses that took so long."""
        self.by_bucket[bisect.bisect_left(FIRST_BYTE_BUCKETS_S, seconds)] += count
        self.sum_s += seconds * count

    def __add__(self, other: "FirstByteTimes") -> "FirstByteTimes":
        both = zip(self.by_bucket, other.by_bucket, strict=True)
        return FirstByteTimes([one + another for one, another in both], self.sum_s + other.sum_s)


@dataclass(slots=True)
class HitCounts:
    """What the fast lane has done: hits, with as little ado as possible.

    Attributes:
        answers: that were sent, all of them with 200 or 206.
        content_bytes: of all of them.
        first_byte: how long they took.
    """

    answers: int = 0
    content_bytes: int = 0
    first_byte: FirstByteTimes = field(default_factory=FirstByteTimes)

    def note(self, answers: int, content_bytes: int, first_byte_s: float) -> None:
        """Count answers that were sent together."""
        self.answers += answers
        self.content_bytes += content_bytes
        self.first_byte.note(first_byte_s, answers)


@dataclass(slots=True)
class EdgeCounts:
    """What this worker has done since its start."""

    responses: Counter[tuple[CacheResult, int]] = field(default_factory=Counter)
    content_bytes: Counter[CacheResult] = field(default_factory=Counter)
    first_byte: dict[CacheResult, FirstByteTimes] = field(default_factory=dict)
    upstream_errors: Counter[str] = field(default_factory=Counter)
    token_refusals: Counter[str] = field(default_factory=Counter)
    fills: int = 0
    fills_under_way: int = 0
    resumptions: int = 0
    retries: int = 0
    fill_bytes: int = 0
    packaging: int = 0
    session_busy: int = 0
    warmed: Counter[str] = field(default_factory=Counter)
    warmed_bytes: int = 0
    connections: int = 0
    connections_refused: Counter[str] = field(default_factory=Counter)
    connections_cut: Counter[str] = field(default_factory=Counter)
    unsent_bytes: int = 0
    log_lines: int = 0
    log_lines_dropped: int = 0
    hits: HitCounts = field(default_factory=HitCounts)
    peer_asked: Counter[tuple[str, str]] = field(default_factory=Counter)
    peer_bytes: int = 0
    peer_served: Counter[tuple[str, str]] = field(default_factory=Counter)
    peer_served_bytes: int = 0
    peers_up: dict[str, bool] = field(default_factory=dict)

    def note_response(
        self, result: CacheResult, *, status: int, content_bytes: int, first_byte_s: float
    ) -> None:
        """Count one response that was sent, or as much of it as the listener took."""
        self.responses[result, status // 100] += 1
        self.content_bytes[result] += content_bytes
        times = self.first_byte.get(result)
        if times is None:
            times = self.first_byte[result] = FirstByteTimes()
        times.note(first_byte_s)

    def all_responses(self) -> Counter[tuple[CacheResult, int]]:
        """Responses by result and hundreds of the status, those of the fast lane included."""
        return self.responses + Counter({(CacheResult.HIT, 2): self.hits.answers})

    def all_content_bytes(self) -> Counter[CacheResult]:
        """Content bytes by result, those of the fast lane included."""
        return self.content_bytes + Counter({CacheResult.HIT: self.hits.content_bytes})

    def all_first_bytes(self) -> dict[CacheResult, FirstByteTimes]:
        """Times to the first byte by result, those of the fast lane included."""
        times = dict(self.first_byte)
        if self.hits.answers:
            hits = times.get(CacheResult.HIT, FirstByteTimes())
            times[CacheResult.HIT] = hits + self.hits.first_byte
        return times

    def note_unready(self, unready: Unready | None) -> None:
        """Count an answer with which a sound upstream asks for patience, if it is one."""
        self.packaging += unready is Unready.PACKAGING
        self.session_busy += unready is Unready.SESSION_BUSY

    def note_upstream_error(self, error: EdgeError) -> None:
        """Count one failure of the upstream, or of our way there."""
        self.upstream_errors[error.reason] += 1


class EdgeCollector(Collector):
    """Turns the counts and the state of the memory tier into metric families."""

    def __init__(self, counts: EdgeCounts, tiers: Tiers, purges: Purges) -> None:
        self._counts = counts
        self._purges = purges
        self._store = tiers.store
        self._disk = tiers.disk

    @override
    def collect(self) -> Iterator[Metric]:
        yield from self._responses()
        yield from self._failures()
        yield from self._connections()
        yield from self._log()
        yield from self._tier()
        yield GaugeMetricFamily(
            "edge_compiled_workers",
            "Workers that run the compiled modules; the others run them by the interpreter.",
            value=is_compiled(),
        )

    def _responses(self) -> Iterator[Metric]:
        responses = CounterMetricFamily(
            "edge_responses", "Responses sent.", labels=["result", "status_class"]
        )
        for (result, status_class), count in sorted(self._counts.all_responses().items()):
            responses.add_metric([result, f"{status_class}xx"], count)
        yield responses
        yield counter_by(
            "result",
            "edge_content_bytes",
            "Content bytes sent.",
            self._counts.all_content_bytes(),
        )
        first_byte = HistogramMetricFamily(
            "edge_first_byte_seconds",
            "From the end of the request's head to the first byte of the response.",
            labels=["result"],
        )
        bounds = [*(str(bound) for bound in FIRST_BYTE_BUCKETS_S), "+Inf"]
        for result, times in sorted(self._counts.all_first_bytes().items()):
            cumulated = list(itertools.accumulate(times.by_bucket))
            buckets = [
                (bound, float(count)) for bound, count in zip(bounds, cumulated, strict=True)
            ]
            first_byte.add_metric([result], buckets=buckets, sum_value=times.sum_s)
        yield first_byte
        yield CounterMetricFamily(
            "edge_fast_lane_responses",
            "Those of the responses that took the fast lane.",
            value=self._counts.hits.answers,
        )

    def _connections(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "edge_connections", "Connections of listeners.", value=self._counts.connections
        )
        yield counter_by(
            "reason",
            "edge_connections_refused",
            "Connections that were too many.",
            self._counts.connections_refused,
        )
        yield counter_by(
            "reason",
            "edge_connections_cut",
            "Connections that were ended: a head that did not come, an answer that was not taken.",
            self._counts.connections_cut,
        )
        yield GaugeMetricFamily(
            "edge_unsent_bytes",
            "What was handed over for sending and the kernel had no room for, a moment ago.",
            value=self._counts.unsent_bytes,
        )

    def _log(self) -> Iterator[Metric]:
        yield CounterMetricFamily(
            "edge_access_log_lines",
            "Lines that were to be written to the access log.",
            value=self._counts.log_lines,
        )
        yield CounterMetricFamily(
            "edge_access_log_lines_dropped",
            "Of these, lines that were not: what reads them was too slow, or the disk is full.",
            value=self._counts.log_lines_dropped,
        )

    def _failures(self) -> Iterator[Metric]:
        yield counter_by(
            "reason",
            "edge_upstream_errors",
            "Failures of the upstream.",
            self._counts.upstream_errors,
        )
        yield CounterMetricFamily(
            "edge_upstream_retries",
            "Requests that were sent to an upstream a second time.",
            value=self._counts.retries,
        )
        yield counter_by(
            "reason",
            "edge_token_refusals",
            "Requests refused for their token.",
            self._counts.token_refusals,
        )

    def _tier(self) -> Iterator[Metric]:
        store = self._store
        yield CounterMetricFamily(
            "edge_fills", "Requests to the upstream for slices.", value=self._counts.fills
        )
        yield CounterMetricFamily(
            "edge_fill_bytes", "Content bytes fetched for slices.", value=self._counts.fill_bytes
        )
        yield CounterMetricFamily(
            "edge_packaging_answers",
            "Requests to the upstream that it answered with: still being packaged.",
            value=self._counts.packaging,
        )
        yield CounterMetricFamily(
            "edge_session_busy_answers",
            "Requests to the upstream that it answered with: too many renditions for one session.",
            value=self._counts.session_busy,
        )
        yield CounterMetricFamily(
            "edge_fill_resumptions",
            "Fills that were cut off and went on where they were.",
            value=self._counts.resumptions,
        )
        yield GaugeMetricFamily(
            "edge_fills_under_way", "Such requests now.", value=self._counts.fills_under_way
        )
        yield GaugeMetricFamily(
            "edge_memory_bytes", "Memory taken by slices and records.", value=store.bytes
        )
        yield GaugeMetricFamily("edge_memory_slices", "Slices in memory.", value=store.slices)
        yield GaugeMetricFamily("edge_memory_records", "Records in memory.", value=store.records)
        yield counter_by(
            "kind",
            "edge_memory_evictions",
            "What the memory tier dropped.",
            {"record": store.counts.evicted_records, "slice": store.evicted},
        )
        yield GaugeMetricFamily(
            "edge_memory_pinned_bytes",
            "Part of it that was evicted while answers were still being sent from it.",
            value=store.pins.bytes,
        )
        yield from self._purged()
        yield from self._warmed()
        yield from peer_metrics(self._counts)
        if self._disk is not None:
            yield from disk_metrics(self._disk)

    def _warmed(self) -> Iterator[Metric]:
        yield counter_by(
            "result",
            "edge_warmed_targets",
            "Targets that were to be warmed.",
            self._counts.warmed,
        )
        yield CounterMetricFamily(
            "edge_warmed_bytes",
            "Content bytes fetched to warm the cache.",
            value=self._counts.warmed_bytes,
        )

    def _purged(self) -> Iterator[Metric]:
        purges, counts = self._purges, self._store.counts
        yield counter_by(
            "kind",
            "edge_purge_entries",
            "URLs, prefixes and tags that were purged.",
            {kind: purges.applied[kind] for kind in ("hard", "soft")},
        )
        yield counter_by(
            "kind",
            "edge_purged_records",
            "Records that a look-up found purged.",
            {"hard": counts.purged_records, "soft": counts.softly_purged_records},
        )
        yield GaugeMetricFamily(
            "edge_purge_sequence", "Number of the newest purge.", value=purges.sequence
        )
        yield GaugeMetricFamily(
            "edge_purge_entries_remembered", "Entries of purges in memory.", value=purges.remembered
        )


def peer_metrics(counts: EdgeCounts) -> Iterator[Metric]:
    """What goes on between the workers and nodes of this cache."""
    for name, text, by_hop in (
        ("edge_peer_requests", "Requests to owners, by how they were met.", counts.peer_asked),
        (
            "edge_peer_served",
            "Requests of other members, by how they were met.",
            counts.peer_served,
        ),
    ):
        requests = CounterMetricFamily(name, text, labels=["hop", "result"])
        for (hop, result), count in sorted(by_hop.items()):
            requests.add_metric([hop, result], count)
        yield requests
    yield CounterMetricFamily(
        "edge_peer_bytes", "Content bytes that came from owners.", value=counts.peer_bytes
    )
    yield CounterMetricFamily(
        "edge_peer_served_bytes", "Content bytes sent to members.", value=counts.peer_served_bytes
    )
    yield gauge_by(
        "member",
        "edge_peer_up",
        "Whether a member answers.",
        counts.peers_up,
    )


def registry_of(counts: EdgeCounts, tiers: Tiers, purges: Purges) -> CollectorRegistry:
    """A registry of this edge's own."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(EdgeCollector(counts, tiers, purges))
    return registry
