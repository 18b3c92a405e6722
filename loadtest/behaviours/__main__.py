"""Behaviours of our edge and of peers, side by side: `python -m loadtest.behaviours --peer NAME`.

Each column is from this run. A figure with `!` falls short of the ideal.
"""

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from loadtest.behaviours.cases import BEHAVIOURS
from loadtest.behaviours.running import judge_all
from loadtest.behaviours.stage import Finding
from loadtest.peers.catalogue import OURS, PEERS
from loadtest.peers.process import CacheFailedError, Peer

RESULTS: Final = Path("benchmarks/results/behaviours.json")

Column = dict[str, Finding]


def main() -> int:
    """Print the table; 0 if our edge is ideal in all that was asked."""
    parser = argparse.ArgumentParser(prog="loadtest.behaviours", description=__doc__)
    parser.add_argument("--peer", action="append", choices=[*PEERS, "all"], default=[])
    parser.add_argument("--only", nargs="*", choices=[*BEHAVIOURS], help="ids; all if none")
    parser.add_argument("--without-ours", action="store_true")
    parser.add_argument("--patience", type=float, default=2.0, help="on bounds of time")
    parser.add_argument("--json", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    ids = arguments.only or list(BEHAVIOURS)
    wanted = [] if arguments.without_ours else [OURS]
    wanted += PEERS if "all" in arguments.peer else arguments.peer
    columns = {
        name: asyncio.run(column_of(PEERS[name], ids, patience=arguments.patience))
        for name in dict.fromkeys(wanted)
    }
    print_table(columns, ids)
    write_json(columns, arguments.json)
    return int(any(one.failures for one in columns.get(OURS, {}).values()))


async def column_of(peer: Peer, ids: list[str], *, patience: float) -> Column:
    """What is found of one cache; nothing if it is not installed."""
    column: Column = {}
    if not peer.is_installed:
        print(f"{peer.name}: {peer.program} is not installed", file=sys.stderr)
        return column
    try:
        async for found in judge_all(peer, ids, patience=patience):
            column[found.case] = found
            mark = "ok" if not found.failures else "; ".join(found.failures)
            print(f"{peer.name} {found.case}: {found.cell} [{mark}]", file=sys.stderr)
    except CacheFailedError as error:
        print(f"{peer.name}: {error}", file=sys.stderr)
    return column


def print_table(columns: dict[str, Column], ids: list[str]) -> None:
    """Behaviours by row, caches by column."""
    table = Table("", "behaviour", "ideal", *columns)
    for case in ids:
        behaviour = BEHAVIOURS[case]
        cells = (_cell(column.get(case)) for column in columns.values())
        table.add_row(case, behaviour.title, behaviour.ideal, *cells)
    ideal = (
        f"{sum(not one.failures for one in column.values())}/{len(column)}" if column else "-"
        for column in columns.values()
    )
    table.add_row("", "ideal in", "", *ideal)
    Console(width=60 + 22 * (len(columns) + 1)).print(table)


def _cell(found: Finding | None) -> str:
    if found is None:
        return "-"
    return f"{found.cell} !" if found.failures else found.cell


def write_json(columns: dict[str, Column], path: Path) -> None:
    """Keep all figures and failures."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {
        name: {
            case: {"cell": found.cell, "figures": found.figures, "failures": found.failures}
            for case, found in column.items()
        }
        for name, column in columns.items()
    }
    path.write_text(json.dumps(document, indent=1) + "\n")
    print(f"figures in {path}")


if __name__ == "__main__":
    sys.exit(main())
