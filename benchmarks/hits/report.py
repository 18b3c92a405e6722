"""The tables: what each server spends, and what is reached of what is to be."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from benchmarks.hits.aims import ELSEWHERE, STREAMS, judge
from benchmarks.hits.contestants import OURS
from benchmarks.hits.figures import Case, Run, compare, runs_of, summarise
from benchmarks.hits.shapes import SHAPES

_WIDTH: Final = 175


def cases_of(runs: Sequence[Run]) -> list[Case]:
    """All cases, in the order in which they were measured."""
    return list(dict.fromkeys(one.case for one in runs))


def servers_of(runs: Sequence[Run], case: Case) -> list[str]:
    """All servers of a case, in the order in which they were measured."""
    return list(dict.fromkeys(one.server for one in runs if one.case == case))


COST_COLUMNS: Final = (
    "case",
    "asked for",
    "server",
    "CPU us",
    "user",
    "system",
    "least-most",
    "per CPU s",
    "per s",
    "p50 ms",
    "p99 ms",
    "p99.9 ms",
    "ours to it",
    "went by",
)


def cost_rows(runs: Sequence[Run]) -> list[tuple[str, ...]]:
    """One row for each server of each case."""
    rows: list[tuple[str, ...]] = []
    for case in cases_of(runs):
        for server in servers_of(runs, case):
            own = runs_of(runs, case, server)
            one = summarise(own)
            workers = "-2" if server.endswith("-2") else ""
            ratio = compare(runs_of(runs, case, OURS + workers), own)
            rows.append(
                (
                    case.group,
                    SHAPES[case.shape].title,
                    server,
                    f"{one.cpu_us:.1f}",
                    f"{one.user_us:.1f}",
                    f"{one.system_us:.1f}",
                    f"{one.least_us:.1f}-{one.most_us:.1f}",
                    f"{one.requests_per_cpu_s:.0f}",
                    f"{one.requests_per_s:.0f}",
                    f"{one.p50_us / 1e3:.2f}",
                    f"{one.p99_us / 1e3:.2f}",
                    f"{one.p999_us / 1e3:.2f}",
                    "" if ratio is None or server.startswith(OURS) else f"{ratio.median:.2f}",
                    ", ".join(
                        f"{name} {share:.0%}"
                        for name, share in one.shares.items()
                        if name != "hit" and share >= 0.005
                    ),
                )
            )
    return rows


AIM_COLUMNS: Final = ("what", "beside", "aim", "measured", "of all rounds, or by", "met")


def aim_rows(runs: Sequence[Run]) -> list[tuple[str, ...]]:
    """One row for each aim."""
    rows: list[tuple[str, ...]] = []
    for outcome in judge(runs):
        aim, ratio = outcome.aim, outcome.ratio
        measured = "-" if ratio is None else f"{ratio.median:.2f}"
        spread = "" if ratio is None else f"{ratio.least:.2f}-{ratio.most:.2f}"
        met = {None: "-", True: "yes", False: "no"}[outcome.is_met]
        beside = "1 worker" if aim.peer == OURS else aim.peer
        rows.append((aim.title, beside, f"<= {aim.ratio_max}", measured, spread, met))
    return rows


def elsewhere_rows(streams: Path) -> list[tuple[str, ...]]:
    """One row for each aim that other commands measure.

    Args:
        streams: what `make bench-streams` has left, if it was run here before.
    """
    rows: list[tuple[str, ...]] = []
    known: list[dict[str, str]] = []
    if streams.exists():
        known = json.loads(streams.read_text())["aims"]
    for one in known:
        measured = f"{one['ours']}, nginx {one['nginx']}"
        rows.append((one["what"], "", one["aim"], measured, STREAMS, one["met"]))
    return rows + [
        (one.title, "", one.aim, "-", one.command, "-")
        for one in ELSEWHERE
        if not known or one.command != STREAMS
    ]


def print_tables(runs: Sequence[Run], elsewhere: Sequence[tuple[str, ...]]) -> None:
    """Both tables, on standard output."""
    print_costs(runs)
    print_table(AIM_COLUMNS, [*aim_rows(runs), *elsewhere])


def print_costs(runs: Sequence[Run]) -> None:
    """What each server spends, on standard output."""
    print_table(COST_COLUMNS, cost_rows(runs))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table on standard output."""
    table = Table(*columns)
    for row in rows:
        table.add_row(*row)
    Console(width=_WIDTH).print(table)


def markdown_of(
    runs: Sequence[Run], facts: Sequence[str], elsewhere: Sequence[tuple[str, ...]]
) -> str:
    """Both tables, and what is to be known of the run."""
    aims = table_of(AIM_COLUMNS, [*aim_rows(runs), *elsewhere])
    parts = ["# What a hit costs", *facts, "## To reach", aims]
    parts += ["## All figures", table_of(COST_COLUMNS, cost_rows(runs)), ""]
    return "\n\n".join(parts)


def table_of(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def document_of(runs: Sequence[Run], facts: Sequence[str], failures: Sequence[str]) -> str:
    """All of it, as JSON."""
    summaries: list[dict[str, Any]] = []
    for case in cases_of(runs):
        for server in servers_of(runs, case):
            summary = summarise(runs_of(runs, case, server))
            summaries.append({**asdict(case), "server": server, **asdict(summary)})
    outcomes = [
        {
            "aim": asdict(one.aim),
            "ratio": None if one.ratio is None else asdict(one.ratio),
            "is_met": one.is_met,
        }
        for one in judge(runs)
    ]
    document = {
        "facts": list(facts),
        "failures": list(failures),
        "aims": outcomes,
        "summaries": summaries,
        "runs": [asdict(one) for one in runs],
    }
    return json.dumps(document, indent=1) + "\n"


def write_results(folder: Path, name: str, texts: dict[str, str]) -> None:
    """Write one file for each ending."""
    folder.mkdir(parents=True, exist_ok=True)
    for ending, text in texts.items():
        (folder / f"{name}.{ending}").write_text(text)
    print(f"figures in {folder / name}.{{{','.join(texts)}}}")
