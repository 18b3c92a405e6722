"""What our edge counts of itself: whether all were hits, and which way they went."""

import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

_ANSWER_S_MAX: Final = 10.0
OTHER_WORKER: Final = "other worker"
# Counters by what they tell, with the label that has to be so, if one has to.
_COUNTERS: Final[Mapping[str, tuple[str, str | None]]] = {
    "hit": ("edge_responses_total", "hit"),
    "lane": ("edge_fast_lane_responses_total", None),
    "disk": ("edge_disk_reads_total", "hit"),
    OTHER_WORKER: ("edge_peer_requests_total", None),
}


@dataclass(frozen=True, slots=True)
class OwnCounts:
    """Counters at one moment, by what they tell; those that there are."""

    values: Mapping[str, float]

    def shares_since(self, earlier: "OwnCounts", requests: int) -> dict[str, float]:
        """By how much they have risen for each request."""
        return {
            name: (value - earlier.values.get(name, 0.0)) / requests
            for name, value in self.values.items()
        }


def parse_counts(text: str) -> OwnCounts:
    """Add up the counters in an exposition, over all labels but `result`."""
    values: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            for name, (counter, result) in _COUNTERS.items():
                if sample.name == counter and result in {None, sample.labels.get("result")}:
                    values[name] = values.get(name, 0.0) + sample.value
    return OwnCounts(values)


def read_counts(admin_url: str) -> OwnCounts:
    """Ask the admin listener."""
    with urllib.request.urlopen(f"{admin_url}/metrics", timeout=_ANSWER_S_MAX) as answer:  # noqa: S310
        return parse_counts(answer.read().decode())
