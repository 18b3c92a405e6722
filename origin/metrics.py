"""Metrics of the origin: every one is declared here, with its unit in its name."""

import contextlib
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge

from drm.errors import DrmError
from origin.errors import OriginError
from packager.errors import PackagerError


class OriginMetrics:
    """What one origin counts, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._responses = Counter(
            "origin_responses_total",
            "Responses sent, by kind of resource.",
            ["resource", "status"],
            registry=self.registry,
        )
        self._content = Counter(
            "origin_content_bytes_total",
            "Bytes of content sent.",
            ["resource"],
            registry=self.registry,
        )
        self._failures = Counter(
            "origin_failures_total",
            "Requests and jobs that failed, by reason.",
            ["reason"],
            registry=self.registry,
        )
        self._damaged = Counter(
            "origin_damaged_objects_total",
            "Objects whose bytes were found not to be those that were stored.",
            registry=self.registry,
        )
        self._jobs = Counter(
            "origin_jobs_total",
            "Ingests and packagings that ended, by result.",
            ["job", "result"],
            registry=self.registry,
        )
        self._jobs_running = Gauge(
            "origin_jobs_running",
            "Ingests and packagings under way.",
            ["job"],
            registry=self.registry,
        )
        self._outbox = Gauge(
            "origin_outbox_notes",
            "Purges that some edge has not confirmed yet.",
            registry=self.registry,
        )

    def record_response(self, resource: str, *, status: int, content_bytes: int) -> None:
        """Count a response. `resource` is one of a few names, never from a URL."""
        self._responses.labels(resource, str(status)).inc()
        self._content.labels(resource).inc(content_bytes)

    def record_failure(self, error: OriginError | PackagerError | DrmError) -> None:
        """Count what was answered with a problem, or ended a job."""
        self._failures.labels(error.reason).inc()
        if error.reason == "object_damaged":
            self._damaged.inc()

    def set_outbox(self, notes: int) -> None:
        """Tell how many notes lie in the outbox."""
        self._outbox.set(notes)

    def record_job(self, job: str, failure: OriginError | PackagerError | DrmError | None) -> None:
        """Count a job that has ended, and why it failed if it did."""
        self._jobs.labels(job, "done" if failure is None else failure.reason).inc()
        if failure is not None:
            self.record_failure(failure)

    @contextlib.contextmanager
    def counting_job(self, job: str) -> Iterator[None]:
        """Count an ingest or a packaging, and how it ends."""
        result = "aborted"
        with self._jobs_running.labels(job).track_inprogress():
            try:
                yield
                result = "done"
            except (OriginError, PackagerError, DrmError) as error:
                result = error.reason
                self.record_failure(error)
                raise
            finally:
                self._jobs.labels(job, result).inc()
