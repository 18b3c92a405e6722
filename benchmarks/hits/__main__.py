"""What a hit costs, beside other caches: `python -m benchmarks.hits [--only memory …]`."""

import argparse
import os
import platform
import sys
from pathlib import Path
from typing import Final

from benchmarks.hits.contestants import CONTESTANTS, FLOOR, GroupName
from benchmarks.hits.measuring import Effort, Findings
from benchmarks.hits.network import USUAL, Network, congestion_controls, own_network
from benchmarks.hits.plot import svg_of
from benchmarks.hits.report import (
    document_of,
    elsewhere_rows,
    markdown_of,
    print_tables,
    write_results,
)
from benchmarks.hits.running import measure_group
from benchmarks.hits.shapes import SHAPES
from edge.compiled import find_build

RESULTS: Final = Path("benchmarks/results")
GROUPS: Final = tuple(one.value for one in GroupName)
SERVERS: Final = (*CONTESTANTS, FLOOR)


def main() -> int:
    """Measure and print; 1 if something could not be measured."""
    arguments = _parser().parse_args()
    with own_network(arguments.congestion_control) as network:
        print(network.sentence, file=sys.stderr)
        return _measure(arguments, network)


def _measure(arguments: argparse.Namespace, network: Network) -> int:
    effort = Effort(arguments.rounds, arguments.seconds)
    found = Findings()
    for name in arguments.only:
        group = GroupName(name)
        one = measure_group(
            group, servers=arguments.servers, shapes=arguments.shapes, effort=effort
        )
        found.runs += one.runs
        found.failures += one.failures
        found.repeated += one.repeated
        found.protections.update(one.protections)
    elsewhere = elsewhere_rows(RESULTS / "streams.json")
    print_tables(found.runs, elsewhere)
    facts = facts_of(found, effort, network)
    texts = {
        "json": document_of(found.runs, facts, found.failures),
        "md": markdown_of(found.runs, facts, elsewhere),
        "svg": svg_of(found.runs),
    }
    print(*facts, sep="\n")
    write_results(RESULTS, arguments.name, texts)
    for sentence in found.failures:
        print(f"FAILED {sentence}")
    return int(bool(found.failures))


def facts_of(found: Findings, effort: Effort, network: Network) -> list[str]:
    """What is to be known of a run."""
    measured = f"{effort.rounds} rounds of {effort.seconds} s, medians"
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Linux {platform.release()}"
    python = f"Python {platform.python_version()}, edge {'' if find_build() else 'not '}compiled"
    facts = [f"{measured}; {machine}, {python}.", network.sentence]
    told = ", ".join(f"{name}: {one}" for name, one in found.protections.items() if one)
    if told:
        facts.append(f"TLS: {told}.")
    if found.repeated:
        facts.append(f"{len(found.repeated)} runs were made again: {'; '.join(found.repeated)}.")
    return facts


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks.hits", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=list(GROUPS))
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--servers", nargs="+", choices=SERVERS, default=list(SERVERS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=2, help="of each run")
    parser.add_argument("--congestion-control", choices=congestion_controls(), default=USUAL)
    parser.add_argument("--name", default="hits", help="of the files with the results")
    return parser


if __name__ == "__main__":
    sys.exit(main())
