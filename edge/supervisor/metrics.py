"""What a supervisor counts, and its own metrics."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from config.metric_families import counter_by, gauge_by
from edge.supervisor.place import Place


class RestartReason(StrEnum):
    """Why a worker was started in the place of another one."""

    CRASHED = "crashed"
    """It ended without having been asked to."""
    HUNG = "hung"
    """Its event loop stood still, so that it was killed."""
    ASKED = "asked"
    """Somebody else than its supervisor asked it to end."""
    FAILED = "failed"
    """The one that was to take its place could not be started."""
    RELOAD = "reload"
    UPGRADE = "upgrade"
    ROLLED_BACK = "rolled-back"
    """It went by settings with which another one could not be started."""


@dataclass(slots=True)
class SupervisorCounts:
    """What happened since the node was started; an upgrade changes nothing about them.

    Attributes:
        restarts: of workers, by reason.
        is_reloaded: whether the last attempt to read the settings anew went well.
        reloaded_s: when one last did, in seconds since the epoch.
    """

    restarts: Counter[str] = field(default_factory=Counter)
    is_reloaded: bool = True
    reloaded_s: float = 0.0

    def save(self) -> dict[str, Any]:
        """All of it as plain data."""
        restarts = {str(reason): count for reason, count in self.restarts.items()}
        return {**asdict(self), "restarts": restarts}

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Go on from what was saved."""
        self.restarts = Counter(saved["restarts"])
        self.is_reloaded, self.reloaded_s = saved["is_reloaded"], saved["reloaded_s"]


def supervisor_metrics(counts: SupervisorCounts, places: Sequence[Place]) -> Iterator[Metric]:
    """The metrics of the supervisor itself."""
    states: dict[str, Callable[[Place], int]] = {
        "serving": lambda place: int(place.current is not None),
        "starting": lambda place: int(place.starting is not None),
        "draining": lambda place: len(place.draining),
    }
    yield gauge_by(
        "state",
        "edge_workers",
        "Workers, by what they do.",
        {state: sum(map(count, places)) for state, count in states.items()},
    )
    yield GaugeMetricFamily("edge_worker_slots", "Slots for workers.", value=len(places))
    yield counter_by(
        "reason",
        "edge_worker_restarts",
        "Workers started in the place of another.",
        {reason: counts.restarts[reason] for reason in RestartReason},
    )
    yield GaugeMetricFamily(
        "edge_config_last_reload_successful",
        "Whether the settings could be read when that was last tried.",
        value=int(counts.is_reloaded),
    )
    yield GaugeMetricFamily(
        "edge_config_last_reload_success_timestamp_seconds",
        "When the settings were last read, in seconds since the epoch.",
        value=counts.reloaded_s,
    )
