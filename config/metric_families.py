"""Families of metrics that have one label, from what was counted by its values."""

from collections.abc import Mapping
from typing import TypeVar

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

LabelT = TypeVar("LabelT", bound=str)


def counter_by(
    label: str, name: str, documentation: str, values: Mapping[LabelT, float]
) -> CounterMetricFamily:
    """Counters by that label, in the order of its text."""
    family = CounterMetricFamily(name, documentation, labels=[label])
    for text, value in sorted(values.items()):
        family.add_metric([text], value)
    return family


def gauge_by(
    label: str, name: str, documentation: str, values: Mapping[LabelT, float]
) -> GaugeMetricFamily:
    """Gauges by that label, in the order of its text."""
    family = GaugeMetricFamily(name, documentation, labels=[label])
    for text, value in sorted(values.items()):
        family.add_metric([text], value)
    return family
