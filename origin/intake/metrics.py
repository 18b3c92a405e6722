"""Metrics of the ingest API: every one is declared here, with its unit in its name."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class IntakeMetrics:
    """What the ingest API of one origin counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._states = Counter(
            "origin_uploads_total",
            "Uploads that entered a state, by state.",
            ["state"],
            registry=registry,
        )
        self._content = Counter(
            "origin_upload_content_bytes_total", "Bytes stored of uploads.", registry=registry
        )
        self._refusals = Counter(
            "origin_upload_refusals_total",
            "Uploads that were refused, by reason.",
            ["reason"],
            registry=registry,
        )
        self._duplicates = Counter(
            "origin_upload_duplicates_total",
            "Uploads whose audio is that of another track.",
            registry=registry,
        )
        self._searches_failed = Counter(
            "origin_upload_duplicate_failures_total",
            "Uploads of which could not be told whether their audio is that of another track.",
            registry=registry,
        )
        self._requests = Gauge(
            "origin_upload_requests", "Requests that are appending.", registry=registry
        )
        self._streams = Gauge(
            "origin_upload_event_streams", "Followers of events.", registry=registry
        )

        self._queue = Gauge(
            "origin_uploads_queued",
            "Uploads that are to be processed, whichever origin does it; 1000 of a label at most.",
            registry=registry,
        )
        self._resting = Gauge(
            "origin_uploads_resting",
            "Uploads that this origin tries again later, after a failure that is not theirs.",
            registry=registry,
        )

    def record_state(self, state: str, *, reason: str = "") -> None:
        """Count an upload that entered a state; `reason` is that of a refusal."""
        self._states.labels(state).inc()
        if reason:
            self._refusals.labels(reason).inc()

    def record_content(self, content_bytes: int) -> None:
        """Count bytes that are stored."""
        self._content.inc(content_bytes)

    def record_duplicate(self) -> None:
        """Count an upload whose audio is there already."""
        self._duplicates.inc()

    def record_failed_search(self) -> None:
        """Count an upload whose duplicates could not be looked up."""
        self._searches_failed.inc()

    def show_requests(self, count: int) -> None:
        """Tell how many requests are appending."""
        self._requests.set(count)

    def show_streams(self, count: int) -> None:
        """Tell how many follow events."""
        self._streams.set(count)

    def show_queue(self, count: int, *, resting: int) -> None:
        """Tell how many are to be processed, and how many of them rest."""
        self._queue.set(count)
        self._resting.set(resting)
