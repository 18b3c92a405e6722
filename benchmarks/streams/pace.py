"""When a listener asks, when he is behind, and how many of him fit into a core. No I/O."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

RANGE_BYTES: Final = 256 << 10
BITRATE_BPS: Final = 320_000
# So long a range plays.
PERIOD_S: Final = RANGE_BYTES * 8 / BITRATE_BPS
# A core is planned to be so busy at most.
FULL_SHARE: Final = 0.7


@dataclass(frozen=True, slots=True)
class Schedule:
    """A listener's times: each range is asked for when the one before it begins to play.

    Attributes:
        begin_s: when the first is asked for.
        period_s: how long one plays.
    """

    begin_s: float
    period_s: float = PERIOD_S

    def asked_s(self, number: int) -> float:
        """When a range is to be asked for."""
        return self.begin_s + number * self.period_s

    def lateness_s(self, number: int, done_s: float) -> float:
        """How long the music had stopped when a range was complete; negative if it had not."""
        return done_s - self.asked_s(number + 1)


def spread(count: int, begin_s: float) -> list[Schedule]:
    """Listeners evenly in phase."""
    return [Schedule(begin_s + PERIOD_S * number / count) for number in range(count)]


@dataclass(slots=True)
class Played:
    """What listeners have had for a while.

    Attributes:
        ranges: that were complete.
        behind: of them, those that came when the music had stopped.
        worst_late_s: how long it had stopped at most.
        failed: answers and connections that were not as they should be.
        load_late_s_max: how much later than it should this generator has asked, at most.
        load_cpu_s: CPU time of this generator.
        answers_s: from when each range should have been asked for until it was complete.
    """

    ranges: int = 0
    behind: int = 0
    worst_late_s: float = 0.0
    failed: int = 0
    load_late_s_max: float = 0.0
    load_cpu_s: float = 0.0
    answers_s: list[float] = field(default_factory=list)

    def note(self, schedule: Schedule, number: int, done_s: float) -> None:
        """Count a range that is complete."""
        late_s = schedule.lateness_s(number, done_s)
        self.ranges += 1
        self.behind += late_s > 0
        self.worst_late_s = max(self.worst_late_s, late_s)
        self.answers_s.append(done_s - schedule.asked_s(number))

    def note_waiting(self, schedule: Schedule, number: int, now_s: float) -> None:
        """Count a range that is not complete, if the music has stopped for want of it."""
        late_s = schedule.lateness_s(number, now_s)
        self.behind += late_s > 0
        self.worst_late_s = max(self.worst_late_s, late_s)


def joined(parts: Sequence[Played]) -> Played:
    """What all had together."""
    return Played(
        ranges=sum(one.ranges for one in parts),
        behind=sum(one.behind for one in parts),
        worst_late_s=max((one.worst_late_s for one in parts), default=0.0),
        failed=sum(one.failed for one in parts),
        load_late_s_max=max((one.load_late_s_max for one in parts), default=0.0),
        load_cpu_s=sum(one.load_cpu_s for one in parts),
        answers_s=[seconds for one in parts for seconds in one.answers_s],
    )


def percentile(values: Sequence[float], share: float) -> float:
    """The value that so large a share does not exceed; 0 of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


@dataclass(frozen=True, slots=True)
class Level:
    """So many listeners at once.

    Attributes:
        listeners: how many.
        seconds: how long.
        cpu_s: of the server meanwhile.
        memory_bytes: of the server.
        played: what they had.
    """

    listeners: int
    seconds: float
    cpu_s: float
    memory_bytes: int
    played: Played

    @property
    def cpu_share(self) -> float:
        """Of one core."""
        return self.cpu_s / self.seconds

    @property
    def cpu_us(self) -> float:
        """CPU time for one listener and second, in microseconds."""
        return self.cpu_share / self.listeners * 1e6


def fitted(levels: Sequence[Level], share: float = FULL_SHARE) -> float:
    """How many listeners keep a core busy to `share`: a straight line through what was measured.

    One level, or a line that does not rise, is taken in proportion instead.
    """
    largest = max(levels, key=lambda one: one.listeners)
    if len({one.listeners for one in levels}) > 1:
        slope, offset = statistics.linear_regression(
            [one.listeners for one in levels], [one.cpu_share for one in levels]
        )
        if slope > 0:
            return (share - offset) / slope
    return share / largest.cpu_share * largest.listeners
