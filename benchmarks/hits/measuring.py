"""One group of servers in one place: started, warmed, checked, and measured in turns."""

import contextlib
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.hits.certificate import Certificate, make_certificate
from benchmarks.hits.checks import WrongAnswerError, check, lines_of, warm
from benchmarks.hits.contestants import (
    CONTESTANTS,
    FLOOR,
    Contestant,
    Entrant,
    Floor,
    GroupName,
    Stage,
)
from benchmarks.hits.cpu import pin, read_cpu
from benchmarks.hits.figures import Case, Run
from benchmarks.hits.origin import RunningOrigin
from benchmarks.hits.own_counts import OTHER_WORKER, OwnCounts, read_counts
from benchmarks.hits.shapes import Shape
from benchmarks.hits.tickets import Tickets
from benchmarks.hits.wrk import LoadFailedError, run_wrk, write_script
from loadtest.peers.process import CacheFailedError

_WARM_UP_S: Final = 1
_WARM_UPS_MAX: Final = 8
_OTHERS_MAX: Final = 0.001
_TRIES: Final = 3
# Less than all: what is counted when it is over may be under way still.
_HITS_MIN: Final = 0.99
# A server that buffers its log writes it at least this often.
_LOG_S: Final = 2.0
# The disk tier stores nothing before it has listed its folder, and writes apart from serving.
_TIER_SETTLES_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Cores:
    """Who may run where.

    Attributes:
        servers: one for each worker.
        load: for wrk.
    """

    servers: Sequence[int]
    load: int

    @classmethod
    def here(cls) -> "Cores":
        """The last core that this process may use is wrk's, the others are the servers'."""
        usable = sorted(os.sched_getaffinity(0))
        return cls(usable, usable[-1])

    def of_workers(self, workers: int) -> Sequence[int]:
        """Cores for so many workers."""
        return self.servers[:workers]


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured.

    Attributes:
        rounds: of all servers.
        seconds: of each run.
    """

    rounds: int
    seconds: int


@dataclass(slots=True)
class Findings:
    """What a group gives.

    Attributes:
        runs: all that went well.
        failures: sentences about the rest.
        repeated: sentences about runs that went wrong and were made again.
        protections: TLS version and cipher suite by server, where there is one.
    """

    runs: list[Run] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    protections: dict[str, str] = field(default_factory=dict)


class Group:
    """Measures servers that run together."""

    def __init__(
        self,
        folder: Path,
        origin: RunningOrigin,
        tickets: Tickets,
        *,
        name: GroupName,
        effort: Effort,
    ) -> None:
        self._folder = folder
        self._origin = origin
        self._tickets = tickets
        self._name = name
        self._certificate: Certificate | None = make_certificate(folder) if name.is_tls else None
        self._effort = effort
        self._cores = Cores.here()
        self._requests_by_server: dict[str, int] = {}
        self.findings = Findings()

    def measure(self, servers: Sequence[str], shapes: Sequence[Shape]) -> Findings:
        """Run all rounds of all shapes."""
        with contextlib.ExitStack() as stack:
            entrants = self._started(stack, servers, shapes)
            floor = None
            if FLOOR in servers and self._name is GroupName.MEMORY:
                floor = Floor(self._folder)
            for shape in shapes:
                with contextlib.ExitStack() as inner:
                    taking_part = dict(entrants)
                    if floor is not None:
                        taking_part[FLOOR] = inner.enter_context(floor.running(shape))
                    self._measure_shape(shape, taking_part)
            self._check_logs(entrants)
        return self.findings

    def _started(
        self, stack: contextlib.ExitStack, servers: Sequence[str], shapes: Sequence[Shape]
    ) -> dict[str, Entrant]:
        entrants: dict[str, Entrant] = {}
        for name in servers:
            contestant = CONTESTANTS.get(name)
            if contestant is None or not contestant.is_able(self._name):
                continue
            try:
                entrants[name] = self._start(stack, contestant, shapes)
            except (CacheFailedError, WrongAnswerError) as error:
                self._fail(f"{name}: {error}")
        return entrants

    def _start(
        self, stack: contextlib.ExitStack, contestant: Contestant, shapes: Sequence[Shape]
    ) -> Entrant:
        folder = self._folder / contestant.name
        folder.mkdir()
        stage = Stage(folder, self._origin, self._tickets, self._name, self._certificate)
        entrant = stack.enter_context(contestant.start(stage, contestant.workers))
        pin(entrant.pids(), self._cores.of_workers(contestant.workers))
        is_disk = self._name.tier == "disk"
        # From a disk all of it is asked for again: what was read from there once is a hit like any.
        for _ in range(2 if is_disk else 1):
            if is_disk:
                time.sleep(_TIER_SETTLES_S)
            for shape in {one.number: one for one in shapes}.values():
                warm(entrant, shape, self._certificate)
        return entrant

    def _measure_shape(self, shape: Shape, entrants: dict[str, Entrant]) -> None:
        scripts: dict[str, Path] = {}
        case = Case(self._name.value, shape.name)
        for name, entrant in entrants.items():
            heads = [entrant.head_of(wanted) for wanted in shape.requests()]
            scripts[name] = write_script(self._folder, f"{name}-{shape.name}", heads)
            with self._noting(name, case):
                self.findings.protections[name] = check(entrant, shape, self._certificate)
                self._warm_up(name, entrant, scripts[name], case)
        for number in range(self._effort.rounds):
            for name, entrant in entrants.items():
                with self._noting(name, case):
                    run = self._sound_run(name, entrant, scripts[name], case, number=number)
                    self.findings.runs.append(run)
                    _tell(run)

    def _warm_up(self, name: str, entrant: Entrant, script: Path, case: Case) -> None:
        """Put a server under load until each of its workers has what it needs for itself."""
        for _ in range(_WARM_UPS_MAX):
            run = self._run(name, entrant, script, case, number=-1)
            if run.shares.get(OTHER_WORKER, 0.0) <= _OTHERS_MAX:
                return

    def _sound_run(
        self, name: str, entrant: Entrant, script: Path, case: Case, *, number: int
    ) -> Run:
        """Put a server under load until nothing has disturbed it.

        Raises:
            LoadFailedError: something always does.
        """
        for _ in range(_TRIES - 1):
            try:
                return self._run(name, entrant, script, case, number=number)
            except LoadFailedError as error:
                sentence = f"{name}, {case.group}, {case.shape}: {error}"
                print(f"AGAIN {sentence}", file=sys.stderr)
                self.findings.repeated.append(sentence)
        return self._run(name, entrant, script, case, number=number)

    def _run(self, name: str, entrant: Entrant, script: Path, case: Case, *, number: int) -> Run:
        """Put a server under load once. The warm-up has a negative number."""
        contestant = CONTESTANTS.get(name)
        cores = self._cores.of_workers(contestant.workers if contestant else 1)
        pids = entrant.pids()
        pin(pids, cores)
        asked = self._origin.requests
        admin_url = entrant.cache.admin_url
        counts = read_counts(admin_url) if admin_url else OwnCounts({})
        seconds = self._effort.seconds if number >= 0 else _WARM_UP_S
        begin = read_cpu(pids)
        counted = run_wrk(entrant.url, script, seconds=seconds, cores=[self._cores.load])
        spent = read_cpu(pids).since(begin)
        if number >= 0 and self._origin.requests != asked:
            raise LoadFailedError(f"the origin was asked {self._origin.requests - asked} times")
        shares: dict[str, float] = {}
        if admin_url:
            shares = read_counts(admin_url).shares_since(counts, counted.requests)
            if number >= 0 and shares.get("hit", 0.0) < _HITS_MIN:
                raise LoadFailedError(f"only {shares} were hits")
        self._requests_by_server[name] = self._requests_by_server.get(name, 0) + counted.requests
        return Run(
            case=case,
            server=name,
            round=number,
            requests=counted.requests,
            user_s=spent.user_s,
            system_s=spent.system_s,
            duration_s=counted.duration_us / 1e6,
            p50_us=counted.p50_us,
            p99_us=counted.p99_us,
            p999_us=counted.p999_us,
            shares=shares,
        )

    def _check_logs(self, entrants: dict[str, Entrant]) -> None:
        """A line for each request: who writes none has less to do."""
        time.sleep(_LOG_S)
        for name, entrant in entrants.items():
            asked = self._requests_by_server.get(name, 0)
            if entrant.log is not None and lines_of(entrant.log) < asked:
                self._fail(f"{name}: {lines_of(entrant.log)} lines of log, {asked} requests")

    @contextlib.contextmanager
    def _noting(self, name: str, case: Case) -> Iterator[None]:
        try:
            yield
        except (LoadFailedError, WrongAnswerError) as error:
            self._fail(f"{name}, {case.group}, {case.shape}: {error}")

    def _fail(self, sentence: str) -> None:
        print(f"FAILED {sentence}", file=sys.stderr)
        self.findings.failures.append(sentence)


def _tell(run: Run) -> None:
    print(
        f"{run.case.group:10} {run.case.shape:>5} {run.round + 1} {run.server:10}"
        f" {run.cpu_us:7.1f} us {run.requests / run.duration_s:8.0f}/s"
        f"  p99 {run.p99_us / 1e3:6.2f} ms",
        file=sys.stderr,
        flush=True,
    )
