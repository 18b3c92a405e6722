"""Proof: players that nobody here made play what we serve, and only with token and key.

Plays one track through the edge in headless Chromium, with Shaka Player (DASH and HLS), dash.js and
hls.js, in AAC and FLAC, under Clear Key. The page is of another origin than the edge. Each must
play, seek and end; with a wrong key, without a license, with an expired or an altered token none
may, and must say so in its own words.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from loadtest.masters import write_tone
from loadtest.node import Node, running_node
from loadtest.players.cells import (
    CODECS,
    MASTER_S,
    PLAY_DEADLINE_S,
    PLAY_S,
    REFUSAL_DEADLINE_S,
    SEEK_S,
    Cell,
    Order,
    Outcome,
    Trial,
    cells,
    fault_of,
)
from loadtest.players.chromium import Chromium, open_chromium
from loadtest.players.stage import FOLDER, PAGE, WRONG_LICENSES, open_stage

_COLUMNS: Final = (
    "player",
    "manifest",
    "codec",
    "trial",
    "played",
    "start ms",
    "seek ms",
    "verdict",
)
# Of the table in a log.
_WIDTH: Final = 120
# The page has a few steps, each with a deadline of its own.
_STEPS: Final = 3
_PAGE_LOAD_S_MAX: Final = 20.0

Result = tuple[Cell, Outcome | None]


@dataclass(frozen=True, slots=True)
class Published:
    """A track as the page reaches it: where, and with which token in which trial."""

    edge: str
    track_id: str
    version: str
    token: str = field(repr=False)
    expired: str = field(repr=False)

    def order(self, cell: Cell, stage: str) -> Order:
        """What the page has to do for `cell`."""
        token = {
            Trial.EXPIRED: self.expired,
            Trial.ALTERED: altered(self.token),
        }.get(cell.trial, self.token)
        root = f"{self.edge}/~{token}/v1"
        license_url = {Trial.NO_LICENSE: None, Trial.WRONG_KEY: stage + WRONG_LICENSES}.get(
            cell.trial, f"{root}/licenses/clearkey"
        )
        deadline_s = PLAY_DEADLINE_S if cell.trial.must_play else REFUSAL_DEADLINE_S
        return Order(
            player=cell.way.player,
            track_url=f"{root}/tracks/{self.track_id}",
            manifest_url=f"{root}/audio/{self.track_id}/{self.version}/{cell.way.manifest}",
            license_url=license_url,
            codec=CODECS[cell.codec],
            play_s=PLAY_S,
            seek_s=SEEK_S,
            deadline_ms=deadline_s * 1000,
        )


def main() -> int:
    """Run the proof; 0 when everything holds, 2 when it cannot be run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chromium", default="chromium", help="the browser's program")
    arguments = parser.parse_args()
    missing = what_is_missing(arguments.chromium)
    if missing:
        print(missing, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder, running_node(Path(folder) / "data") as node:
        published = publish(node, Path(folder))
        results = asyncio.run(prove(published, arguments.chromium))
    return 1 if tell(results) else 0


def what_is_missing(chromium: str) -> str:
    """What has to be installed first, and how."""
    if shutil.which(chromium) is None:
        return f"{chromium} is not installed: apt-get install -y chromium"
    if not (FOLDER / "node_modules").is_dir():
        return f"the players are not installed: npm ci --ignore-scripts --prefix {FOLDER}"
    return ""


def publish(node: Node, folder: Path) -> Published:
    """Take in a master, and issue a token that is good and one that is no more."""
    master = write_tone(folder / "master.wav", seconds=MASTER_S)
    (track,) = node.json_lines("ingest", str(master))
    token = ("token", "--track", track["track_id"])
    expired = node.output(*token, "--ttl", "1s").strip()
    time.sleep(2)
    return Published(
        edge=node.edge,
        track_id=track["track_id"],
        version=track["version"],
        token=node.output(*token).strip(),
        expired=expired,
    )


def altered(token: str) -> str:
    """The token with another signature."""
    return token[:-8] + ("A" if token[-8] != "A" else "B") + token[-7:]


async def prove(published: Published, program: str) -> list[Result]:
    """Try everything, one after the other; None where the page never answered."""
    async with open_stage() as stage, open_chromium(program) as chromium:
        print(await chromium.version())
        return [
            (cell, await run_cell(chromium, published.order(cell, stage), stage))
            for cell in cells()
        ]


async def run_cell(chromium: Chromium, order: Order, stage: str) -> Outcome | None:
    """Let the page do what is ordered."""
    deadline_s = _PAGE_LOAD_S_MAX + _STEPS * order.deadline_ms / 1000
    report = await chromium.run_page(f"{stage}{PAGE}#{order.fragment()}", deadline_s=deadline_s)
    return None if report is None else Outcome.from_report(report)


def tell(results: Sequence[Result]) -> int:
    """Print the table; returns how many cells are wrong."""
    table = Table(*_COLUMNS, box=None, pad_edge=False)
    failures = 0
    for cell, outcome in results:
        fault = fault_of(cell, outcome) if outcome else "the page never answered"
        failures += bool(fault)
        table.add_row(*row(cell, outcome), f"WRONG: {fault}" if fault else "ok")
        if fault and outcome:
            table.add_row("", "", "", "", "", "", "", "; ".join(outcome.errors))
    Console(width=None if sys.stdout.isatty() else _WIDTH).print(table)
    print(f"{len(results)} cells, {failures} failures")
    return failures


def row(cell: Cell, outcome: Outcome | None) -> tuple[str, ...]:
    """A line of the table, without the verdict."""
    played_s = outcome.position_s if outcome else 0.0
    start_ms, seek_ms = (outcome.start_ms, outcome.seek_ms) if outcome else (None, None)
    return (
        cell.way.player,
        cell.way.manifest,
        cell.codec,
        cell.trial,
        f"{played_s:.1f} s" if played_s else "no",
        "" if start_ms is None else f"{start_ms:.0f}",
        "" if seek_ms is None else f"{seek_ms:.0f}",
    )


if __name__ == "__main__":
    sys.exit(main())
