"""Paced listeners of our edge, and of nginx: `python -m benchmarks.streams [--plain …]`."""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Final

from benchmarks.hits.checks import WrongAnswerError
from benchmarks.hits.contestants import CONTESTANTS, OURS, GroupName
from benchmarks.hits.cpu import read_cpu
from benchmarks.hits.network import USUAL, Network, congestion_controls, own_network
from benchmarks.streams.audience import Audience, AudienceFailedError, open_audience
from benchmarks.streams.pace import PERIOD_S, Level
from benchmarks.streams.report import NAME, Findings, print_tables, write_results
from benchmarks.streams.server import WarmServer, running_server
from edge.compiled import find_build
from loadtest.peers.process import CacheFailedError

_LEVELS: Final = (2000, 4000, 8000)
_IDLE: Final = 4000
_TRIES: Final = 3
# Beyond this what is measured is who else was at work.
_LOAD_LATE_S_MAX: Final = 1.0
_SERVERS: Final = (OURS, "nginx")


def main() -> int:
    """Measure and print; 1 if something could not be measured."""
    arguments = _parser().parse_args()
    with own_network(arguments.congestion_control) as network:
        print(network.sentence, file=sys.stderr)
        return _measure_all(arguments, network)


def _measure_all(arguments: argparse.Namespace, network: Network) -> int:
    built = "The edge is compiled." if find_build() else "The edge is not compiled."
    found = Findings(facts=[network.sentence, built])
    for way in arguments.only:
        group = GroupName.MEMORY_TLS if way == "tls" else GroupName.MEMORY
        for name in arguments.servers:
            if not CONTESTANTS[name].is_able(group):
                print(f"{name} is not installed, or cannot do {way}", file=sys.stderr)
                continue
            try:
                _measure(found, name, way, arguments)
            except (AudienceFailedError, CacheFailedError, WrongAnswerError) as error:
                found.failures.append(f"{name}, {way}: {error}")
    print_tables(found)
    write_results(found, arguments.name)
    return int(bool(found.failures))


def _measure(found: Findings, name: str, way: str, arguments: argparse.Namespace) -> None:
    with running_server(name, is_tls=way == "tls") as server:
        if arguments.idle:
            found.idle_bytes[name, way] = _idle_bytes(server, arguments.idle)
        if arguments.levels:
            levels = found.levels[name, way] = []
            for level in _levels(server, arguments.levels, arguments.seconds):
                levels.append(level)
                _tell(level)


def _idle_bytes(server: WarmServer, count: int) -> float:
    """Memory of one connection that has had an answer and asks for nothing more."""
    with open_audience(server) as audience:
        audience.grow(count // 10, is_idle=True)  # What is made once is made by now.
        begin = server.entrant.cache.own_bytes()
        audience.grow(count, is_idle=True)
        spent = server.entrant.cache.own_bytes() - begin
        failed = audience.report().failed
    if failed:
        raise WrongAnswerError(f"{failed} of {count} idle connections have ended")
    return spent / count


def _levels(server: WarmServer, counts: Sequence[int], seconds: float) -> Iterator[Level]:
    with open_audience(server) as audience:
        present = 0
        for count in sorted(counts):
            audience.grow(count - present, is_idle=False)
            present = count
            time.sleep(PERIOD_S)
            yield _sound_level(server, audience, count, seconds)


def _sound_level(server: WarmServer, audience: Audience, count: int, seconds: float) -> Level:
    """A level during which the listeners themselves were on time."""
    for _ in range(_TRIES):
        level = _level(server, audience, count, seconds)
        if level.played.load_late_s_max <= _LOAD_LATE_S_MAX:
            return level
        print(f"listeners were late by {level.played.load_late_s_max:.1f} s", file=sys.stderr)
    raise AudienceFailedError(f"{count} listeners are never on time: this machine is too busy")


def _level(server: WarmServer, audience: Audience, count: int, seconds: float) -> Level:
    pids = server.entrant.pids()
    failed = audience.report().failed
    begin, begin_s = read_cpu(pids), time.monotonic()
    time.sleep(seconds)
    spent, taken_s = read_cpu(pids).since(begin), time.monotonic() - begin_s
    played = audience.report()
    played.failed += failed
    memory_bytes = server.entrant.cache.own_bytes()
    return Level(count, taken_s, spent.total_s, memory_bytes, played)


def _tell(level: Level) -> None:
    played = level.played
    print(
        f"{level.listeners} listeners: {level.cpu_us:.1f} us of CPU a second each,"
        f" {played.behind} behind, {played.failed} failed",
        file=sys.stderr,
        flush=True,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks.streams", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=("plain", "tls"), default=["tls", "plain"])
    parser.add_argument("--servers", nargs="+", choices=list(CONTESTANTS), default=list(_SERVERS))
    parser.add_argument("--levels", nargs="*", type=int, default=list(_LEVELS))
    parser.add_argument("--idle", type=int, default=_IDLE, help="connections; 0 leaves it out")
    parser.add_argument("--seconds", type=float, default=2 * PERIOD_S, help="of each level")
    parser.add_argument("--congestion-control", choices=congestion_controls(), default=USUAL)
    parser.add_argument("--name", default=NAME, help="of the files with the results")
    return parser


if __name__ == "__main__":
    sys.exit(main())
