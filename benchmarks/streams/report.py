"""The tables of paced listeners: each level, and what is reached of what is to be."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks.hits.contestants import OURS
from benchmarks.hits.report import print_table, table_of
from benchmarks.streams.pace import FULL_SHARE, Level, fitted, percentile

RESULTS: Final = Path("benchmarks/results")
NAME: Final = "streams"
FITTED_MIN: Final = 20_000
LISTENER_KIB_MAX: Final = 40
IDLE_KIB_MAX: Final = {"plain": 12, "tls": LISTENER_KIB_MAX}


@dataclass(slots=True)
class Findings:
    """What was measured, by server and `plain` or `tls`.

    Attributes:
        levels: with listeners that play.
        idle_bytes: memory of one that does not.
        failures: sentences about what could not be measured.
        facts: sentences about how it was measured.
    """

    levels: dict[tuple[str, str], list[Level]] = field(default_factory=dict)
    idle_bytes: dict[tuple[str, str], float] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    facts: list[str] = field(default_factory=list)


LEVEL_COLUMNS: Final = (
    "server",
    "over",
    "listeners",
    "CPU us a listener-second",
    "core %",
    "ranges",
    "behind",
    "worst s",
    "failed",
    "p50 ms",
    "p99 ms",
    "max ms",
    "load late ms",
    "load core %",
)


def level_rows(found: Findings) -> list[tuple[str, ...]]:
    """One row for each level of each server."""
    return [
        (
            server,
            way,
            f"{one.listeners}",
            f"{one.cpu_us:.1f}",
            f"{one.cpu_share * 100:.1f}",
            f"{one.played.ranges}",
            f"{one.played.behind}",
            f"{one.played.worst_late_s:.2f}",
            f"{one.played.failed}",
            *(f"{percentile(one.played.answers_s, at) * 1e3:.1f}" for at in (0.5, 0.99, 1.0)),
            f"{one.played.load_late_s_max * 1e3:.1f}",
            f"{one.played.load_cpu_s / one.seconds * 100:.1f}",
        )
        for (server, way), levels in found.levels.items()
        for one in levels
    ]


AIM_COLUMNS: Final = ("what", "aim", "ours", "nginx", "met")


def aim_rows(found: Findings) -> list[tuple[str, ...]]:
    """One row for each figure that is to be reached, and for those beside it."""
    rows: list[tuple[str, ...]] = []
    for way in dict.fromkeys(way for _, way in (*found.levels, *found.idle_bytes)):
        over = "over TLS" if way == "tls" else "in the clear"
        rows += _listener_rows(found, way, over)
        ours, theirs = (found.idle_bytes.get((name, way)) for name in (OURS, "nginx"))
        if ours is not None:
            most_kib = IDLE_KIB_MAX[way]
            met = _yes_or_no(is_met=ours <= most_kib * 1024)
            title = f"idle connection, {over}: memory"
            rows.append((title, f"<= {most_kib} KiB", _kib(ours), _kib(theirs), met))
    return rows


def _listener_rows(found: Findings, way: str, over: str) -> list[tuple[str, ...]]:
    ours = found.levels.get((OURS, way))
    if not ours:
        return []
    theirs = found.levels.get(("nginx", way)) or []
    rows: list[tuple[str, ...]] = []
    for one in ours:
        beside = next((level for level in theirs if level.listeners == one.listeners), None)
        cells = ("-", "-")
        if beside is not None:
            met = _yes_or_no(is_met=one.cpu_us <= beside.cpu_us)
            cells = (f"{beside.cpu_us:.1f} us", met)
        title = f"{one.listeners} listeners {over}: CPU of a listener-second"
        rows.append((title, "<= nginx", f"{one.cpu_us:.1f} us", *cells))
    held = max(one.listeners for one in ours)
    failing = sum(one.played.behind + one.played.failed for one in ours)
    rows.append(
        (
            f"up to {held} listeners {over}: behind or failed",
            "0",
            f"{failing}",
            f"{sum(one.played.behind + one.played.failed for one in theirs)}" if theirs else "-",
            _yes_or_no(is_met=failing == 0),
        )
    )
    count = fitted(ours)
    rows.append(
        (
            f"listeners {over} in {FULL_SHARE:.0%} of a core, fitted",
            f">= {FITTED_MIN}",
            f"{count:.0f}",
            f"{fitted(theirs):.0f}" if theirs else "-",
            _yes_or_no(is_met=count >= FITTED_MIN),
        )
    )
    own = listener_bytes(ours)
    if own is not None:
        rows.append(
            (
                f"listener {over}: memory",
                f"<= {LISTENER_KIB_MAX} KiB",
                _kib(own),
                _kib(listener_bytes(theirs)),
                _yes_or_no(is_met=own <= LISTENER_KIB_MAX * 1024),
            )
        )
    return rows


def listener_bytes(levels: Sequence[Level]) -> float | None:
    """Memory of one more listener, from the least level to the largest; None of fewer than two."""
    if len(levels) < 2:
        return None
    least, largest = levels[0], levels[-1]
    more = largest.listeners - least.listeners
    return (largest.memory_bytes - least.memory_bytes) / more


def print_tables(found: Findings) -> None:
    """All of it, on standard output."""
    print_table(LEVEL_COLUMNS, level_rows(found))
    print_table(AIM_COLUMNS, aim_rows(found))
    print(*found.facts, sep="\n")
    for sentence in found.failures:
        print(f"FAILED {sentence}")


def write_results(found: Findings, name: str) -> None:
    """Keep all of it, as JSON and as tables in Markdown."""
    levels: list[dict[str, Any]] = [
        {"server": server, "over": way, **asdict(one), "cpu_us": one.cpu_us}
        for (server, way), several in found.levels.items()
        for one in several
    ]
    for one in levels:
        one["played"].pop("answers_s")
    idle = [
        {"server": server, "over": way, "bytes": one}
        for (server, way), one in found.idle_bytes.items()
    ]
    aims = [dict(zip(AIM_COLUMNS, row, strict=True)) for row in aim_rows(found)]
    document = {
        "facts": found.facts,
        "failures": found.failures,
        "aims": aims,
        "levels": levels,
        "idle": idle,
    }
    parts = ["# Paced listeners", *found.facts, table_of(AIM_COLUMNS, aim_rows(found))]
    parts += [table_of(LEVEL_COLUMNS, level_rows(found)), ""]
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n")
    (RESULTS / f"{name}.md").write_text("\n\n".join(parts))
    print(f"figures in {RESULTS / name}.{{json,md}}")


def _kib(count: float | None) -> str:
    return "-" if count is None else f"{count / 1024:.1f} KiB"


def _yes_or_no(*, is_met: bool) -> str:
    return "yes" if is_met else "no"
