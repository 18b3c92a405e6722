"""What is to be reached, and whether it is. No I/O.

Under cubic, Linux's usual congestion control: on loopback the timers of BBR cost more than the
answers of 256 KiB and 1 MiB that are to be compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.hits.contestants import OURS, GroupName
from benchmarks.hits.figures import Case, Ratio, Run, compare, runs_of
from benchmarks.hits.shapes import SHAPES


@dataclass(frozen=True, slots=True)
class Aim:
    """A ratio that is not to be exceeded.

    Attributes:
        case: where.
        ours: which of our servers.
        peer: beside which server.
        ratio_max: of the CPU times for a request.
    """

    case: Case
    ours: str
    peer: str
    ratio_max: float

    @property
    def title(self) -> str:
        """In the table."""
        group = GroupName(self.case.group)
        tls = ", TLS 1.3" if group.is_tls else ""
        hit = f"{group.tier} hit, {SHAPES[self.case.shape].title}{tls}"
        if self.ours == self.peer + "-2":
            return f"2 workers, {hit}"
        return hit


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A figure that another command measures."""

    title: str
    aim: str
    command: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """An aim, and what was measured; None if nothing was."""

    aim: Aim
    ratio: Ratio | None

    @property
    def is_met(self) -> bool | None:
        """Whether it was; None if nothing was measured."""
        return None if self.ratio is None else self.ratio.median <= self.aim.ratio_max


def _aims() -> tuple[Aim, ...]:
    plain = {"4": 1.0, "64": 1.0, "256": 1.0, "range": 1.0, "seek": 1.0, "1024": 0.7}
    tls = {"4": 1.2, "64": 0.9, "256": 0.75, "1024": 0.6}
    disk = ("256-of-4096", "1024-of-4096")
    memory = GroupName.MEMORY.value
    pairs = [(Case(memory, name), "nginx", most) for name, most in plain.items()]
    pairs += [(Case(memory, name), "varnish", 0.8) for name in plain]
    pairs += [(Case(GroupName.MEMORY_TLS.value, name), "nginx", most) for name, most in tls.items()]
    pairs += [(Case(GroupName.DISK.value, name), "nginx", 1.2) for name in disk]
    pairs += [(Case(GroupName.DISK_TLS.value, name), "nginx", 1.2) for name in disk]
    aims = [Aim(case, OURS, peer, most) for case, peer, most in pairs]
    aims += [Aim(Case(memory, name), f"{OURS}-2", OURS, 1.1) for name in plain]
    return tuple(aims)


AIMS: Final = _aims()
STREAMS: Final = "make bench-streams"
ELSEWHERE: Final = (
    Elsewhere("paced TLS listeners: CPU for a listener-second", "<= nginx", STREAMS),
    Elsewhere("paced TLS listeners: fit into 70 % of a core", ">= 20 000", STREAMS),
    Elsewhere("paced TLS listeners: memory of each", "<= 40 KiB", STREAMS),
    Elsewhere("idle keep-alive connection: memory", "<= 12 KiB", STREAMS),
    Elsewhere("rolling restart under load: requests lost", "0", "make verify-restarts"),
)


def judge(runs: Sequence[Run]) -> list[Outcome]:
    """All aims, in their order."""
    return [
        Outcome(aim, compare(runs_of(runs, aim.case, aim.ours), runs_of(runs, aim.case, aim.peer)))
        for aim in AIMS
    ]
