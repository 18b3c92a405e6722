"""How quick a process is to turn to what has happened: lag of its event loop, pauses for garbage.

A timer that should go off ten times a second is late by as long as something else held the loop.
The collector of cyclic garbage stops everything, so it is kept from looking at what was there when
the start was over, and looks seldom: requests leave no cycles behind.
"""

import asyncio
import bisect
import contextlib
import gc
import itertools
import time
from collections.abc import Iterator
from typing import Final

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.registry import Collector
from typing_extensions import override

_PERIOD_S: Final = 0.1
# Timers go by whole milliseconds, so less than one says nothing.
_BUCKETS_S: Final = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

# New objects less those that went: the youngest are looked at after so many, older ones after so
# many such looks, all after so many of these. By default it is 700, 10, 10.
_THRESHOLDS: Final = (10_000, 10, 10)
_GENERATIONS: Final = (0, 1, 2)


def settle_collector() -> None:
    """Let the collector pass over what is there now; call it once the start is over."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)


class LoopLag:
    """How late the loop is. Made by `watched_loop`.

    Attributes:
        max_s: the longest since it was last set to 0.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._by_bucket = [0] * (len(_BUCKETS_S) + 1)
        self._sum_s = 0.0
        self.max_s = 0.0
        self._schedule()

    def stop(self) -> None:
        """End it."""
        self._timer.cancel()

    def metrics(self) -> Iterator[Metric]:
        """As they are asked for."""
        lag = HistogramMetricFamily(
            "event_loop_lag_seconds", "How late a timer of ten times a second was."
        )
        bounds = [*(str(bound) for bound in _BUCKETS_S), "+Inf"]
        counts = itertools.accumulate(self._by_bucket)
        buckets = [(bound, float(count)) for bound, count in zip(bounds, counts, strict=True)]
        lag.add_metric([], buckets=buckets, sum_value=self._sum_s)
        yield lag
        max_s, self.max_s = self.max_s, 0.0
        yield GaugeMetricFamily(
            "event_loop_lag_max_seconds", "The longest since this was last asked for.", value=max_s
        )

    def _schedule(self) -> None:
        self._due_s = self._loop.time() + _PERIOD_S
        self._timer = self._loop.call_at(self._due_s, self._note)

    def _note(self) -> None:
        late_s = max(0.0, self._loop.time() - self._due_s)
        self._by_bucket[bisect.bisect_left(_BUCKETS_S, late_s)] += 1
        self._sum_s += late_s
        self.max_s = max(self.max_s, late_s)
        self._schedule()


class CollectorPauses:
    """What the collector of cyclic garbage did since this was made, by generation.

    Attributes:
        max_s: the longest pause since it was last set to 0.
    """

    def __init__(self) -> None:
        self._collections = [0] * len(_GENERATIONS)
        self._pauses_s = [0.0] * len(_GENERATIONS)
        self._begun_s = 0.0
        self.max_s = 0.0
        gc.callbacks.append(self._note)

    def stop(self) -> None:
        """End it."""
        gc.callbacks.remove(self._note)

    def metrics(self) -> Iterator[Metric]:
        """As they are asked for."""
        collections = CounterMetricFamily(
            "python_gc_collections", "Looks for cyclic garbage.", labels=["generation"]
        )
        pauses = CounterMetricFamily(
            "python_gc_pause_seconds", "How long they took.", labels=["generation"]
        )
        for generation in _GENERATIONS:
            collections.add_metric([str(generation)], self._collections[generation])
            pauses.add_metric([str(generation)], self._pauses_s[generation])
        yield collections
        yield pauses
        max_s, self.max_s = self.max_s, 0.0
        yield GaugeMetricFamily(
            "python_gc_pause_max_seconds", "The longest since this was last asked for.", value=max_s
        )

    def _note(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._begun_s = time.perf_counter()
            return
        taken_s = time.perf_counter() - self._begun_s
        self._collections[info["generation"]] += 1
        self._pauses_s[info["generation"]] += taken_s
        self.max_s = max(self.max_s, taken_s)


class _LoopCollector(Collector):
    def __init__(self, lag: LoopLag, pauses: CollectorPauses) -> None:
        self._lag = lag
        self._pauses = pauses

    @override
    def collect(self) -> Iterator[Metric]:
        yield from self._lag.metrics()
        yield from self._pauses.metrics()


@contextlib.contextmanager
def watched_loop(registry: CollectorRegistry) -> Iterator[None]:
    """Measure the running loop and the collector until the block is left, and tell of it."""
    lag, pauses = LoopLag(), CollectorPauses()
    collector = _LoopCollector(lag, pauses)
    registry.register(collector)
    try:
        yield
    finally:
        registry.unregister(collector)
        lag.stop()
        pauses.stop()
