"""Runs, and what they come to: medians over the rounds, and ratios within each of them. No I/O."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

_S_IN_US: Final = 1e6


@dataclass(frozen=True, slots=True)
class Case:
    """What is compared.

    Attributes:
        group: whose servers run together: one tier, in the clear or over TLS.
        shape: what is asked for, by name.
    """

    group: str
    shape: str


@dataclass(frozen=True, slots=True)
class Run:
    """One server under load once.

    Attributes:
        case: what was asked for.
        server: by name.
        round: which took place one after the other for all servers.
        requests: that were answered.
        user_s: CPU time of the server.
        system_s: CPU time of the system on its behalf.
        duration_s: by the clock.
        p50_us: median of the times to the last byte.
        p99_us: their 99th percentile.
        p999_us: their 99.9th percentile.
        shares: what part of the requests went which way, for servers that tell.
    """

    case: Case
    server: str
    round: int
    requests: int
    user_s: float
    system_s: float
    duration_s: float
    p50_us: int
    p99_us: int
    p999_us: int
    shares: Mapping[str, float] = field(default_factory=dict)

    @property
    def cpu_us(self) -> float:
        """CPU time for one request."""
        return (self.user_s + self.system_s) / self.requests * _S_IN_US


@dataclass(frozen=True, slots=True)
class Summary:
    """All runs of one server in one case: medians.

    Attributes:
        cpu_us: CPU time for one request.
        user_us: of it in the server itself.
        system_us: of it in the system.
        least_us: the lowest of all rounds.
        most_us: the highest of all rounds.
        requests_per_cpu_s: the inverse of the CPU time.
        requests_per_s: by the clock.
        p50_us: see `Run`.
        p99_us: see `Run`.
        p999_us: see `Run`.
        shares: see `Run`.
    """

    cpu_us: float
    user_us: float
    system_us: float
    least_us: float
    most_us: float
    requests_per_cpu_s: float
    requests_per_s: float
    p50_us: float
    p99_us: float
    p999_us: float
    shares: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Ratio:
    """CPU time for a request, ours to a peer's: the median of the rounds, and their extremes."""

    median: float
    least: float
    most: float


def runs_of(runs: Iterable[Run], case: Case, server: str) -> list[Run]:
    """Those of one server in one case, by round."""
    found = [one for one in runs if one.case == case and one.server == server]
    return sorted(found, key=lambda one: one.round)


def summarise(runs: Sequence[Run]) -> Summary:
    """Medians of at least one run."""
    costs = [one.cpu_us for one in runs]
    cpu_us = statistics.median(costs)
    median = statistics.median
    return Summary(
        cpu_us=cpu_us,
        user_us=median(one.user_s / one.requests * _S_IN_US for one in runs),
        system_us=median(one.system_s / one.requests * _S_IN_US for one in runs),
        least_us=min(costs),
        most_us=max(costs),
        requests_per_cpu_s=_S_IN_US / cpu_us,
        requests_per_s=median(one.requests / one.duration_s for one in runs),
        p50_us=median(one.p50_us for one in runs),
        p99_us=median(one.p99_us for one in runs),
        p999_us=median(one.p999_us for one in runs),
        shares={name: median(one.shares.get(name, 0.0) for one in runs) for name in runs[0].shares},
    )


def compare(ours: Sequence[Run], theirs: Sequence[Run]) -> Ratio | None:
    """The ratio within each round that both have; None if there is none."""
    theirs_by_round = {one.round: one for one in theirs}
    ratios = [
        one.cpu_us / theirs_by_round[one.round].cpu_us
        for one in ours
        if one.round in theirs_by_round
    ]
    if not ratios:
        return None
    return Ratio(statistics.median(ratios), min(ratios), max(ratios))
