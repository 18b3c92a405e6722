"""`attacca warm`: a running edge fetches what will be asked for."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from cli import console
from cli.byte_count import ByteCount, shown_bytes
from cli.clock import MONOTONIC_CLOCK_S
from cli.console import CommandError
from cli.edge_admin import find_edge_admin, open_edge_admin
from cli.installation import Installation, InstallationError, find_running
from cli.node import NodeError, open_node_client
from cli.release import release_targets
from cli.warm_list import WarmListError, WarmState, read_targets
from cli.warm_run import Clocks, Outcome, Summary, WarmRun

_FAILURES_SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class _Wish:
    """What is to be warmed, and from where that is known."""

    targets: list[str] | None
    release: str | None
    renditions: tuple[str, ...]
    bytes: int | None
    rate: int | None
    concurrency: int | None
    state: Path | None

    def document(self) -> dict[str, object]:
        """The members of each call, beside its targets."""
        wishes = {
            "bytes": self.bytes,
            "bytes_per_s": self.rate,
            "concurrency": self.concurrency,
        }
        return {name: value for name, value in wishes.items() if value is not None}


@click.command(epilog="Example: attacca warm charts.txt --rate 20MiB/s --bytes 1MiB")
@click.argument(
    "listing",
    type=click.Path(exists=True, dir_okay=False, readable=True, allow_dash=True),
    required=False,
    metavar="[FILE]",
)
@click.option("--release", metavar="ID", help="Warm this album or track instead of a list.")
@click.option(
    "--rendition",
    "renditions",
    multiple=True,
    metavar="R",
    help="Of the release, packaged or not; repeatable. Without it: those that are packaged.",
)
@click.option(
    "--bytes", "size", type=ByteCount(), help="Of each target only so much, such as 1MiB."
)
@click.option("--rate", type=ByteCount(is_rate=True), help="At most so much, such as 20MiB/s.")
@click.option("--concurrency", type=click.IntRange(1, 1000), help="Targets at once, at most.")
@click.option(
    "--resume",
    "state",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="STATE",
    help="Where what is done is noted.  [default: FILE.warm-state]",
)
@console.json_option
@console.edge_admin_option
@console.running_option
@console.data_option
def warm_command(
    listing: str | None,
    release: str | None,
    renditions: tuple[str, ...],
    size: int | None,
    rate: int | None,
    concurrency: int | None,
    state: Path | None,
    is_json: bool,
    edge_url: str | None,
    file: Path | None,
    data: str,
) -> None:
    """Have the edge fetch each target of FILE into its cache, before anybody asks for it.

    With --release ID instead of FILE: all that listeners of an album or a track ask for.

    FILE, or - for standard input, has a URL or path a line, and comments after #. Listeners go
    first. What was warmed is noted beside FILE, so that the same command goes on after Ctrl-C; the
    note goes when all is warm.
    """
    if (listing is None) == (release is None):
        raise click.UsageError("name a FILE, or an album or track with --release")
    if renditions and release is None:
        raise click.UsageError("--rendition goes with --release")
    if state is None and listing not in {None, "-"}:
        state = Path(f"{listing}.warm-state")
    installation = Installation.at(data)
    try:
        targets = None if listing is None else _read_list(listing)
        wish = _Wish(targets, release, renditions, size, rate, concurrency, state)
        failed = console.run(_warm(installation, file, edge_url, wish, is_json=is_json))
    except (InstallationError, NodeError, WarmListError) as error:
        raise CommandError(console.describe(error)) from error
    if failed:
        raise CommandError(f"{failed} targets are not warm; the same command tries them again")


def _read_list(name: str) -> list[str]:
    with click.open_file(name, errors="replace") as lines:
        return read_targets(lines)


async def _warm(
    installation: Installation,
    running: Path | None,
    edge_url: str | None,
    wish: _Wish,
    *,
    is_json: bool,
) -> int:
    """Warm; returns how many targets are not warm."""
    admin = find_edge_admin(installation, running, edge_url)
    targets = wish.targets
    if targets is None:
        assert wish.release is not None
        async with open_node_client(find_running(installation, running)) as client:
            targets = await release_targets(client, wish.release, wish.renditions)
    state = WarmState.load(wish.state, extent=str(wish.bytes or "all"))
    summary = Summary(len(targets))
    begin_s = MONOTONIC_CLOCK_S()
    async with open_edge_admin(admin) as edge:
        with _told(summary, begin_s, is_json=is_json) as tell:
            clocks = Clocks(MONOTONIC_CLOCK_S)
            await WarmRun(edge, wish.document(), state, tell, clocks).run(targets, summary)
    return len(summary.failures)


@contextmanager
def _told(
    summary: Summary, begin_s: float, *, is_json: bool
) -> Iterator[Callable[[Summary, Outcome | None], None]]:
    """Tell how the run goes, and at its end, be it good or bad, how far it came."""
    is_hidden = is_json or not sys.stderr.isatty()
    try:
        with console.transfer_bar("warming", total=summary.total, is_hidden=is_hidden) as show:

            def tell(summary: Summary, outcome: Outcome | None) -> None:
                if is_json and outcome is not None:
                    console.print_json({"event": "target", **_facts_of(outcome)})
                rate = summary.bytes / max(0.001, MONOTONIC_CLOCK_S() - begin_s)
                show(summary.done, f"{shown_bytes(summary.bytes)}, {shown_bytes(rate)}/s")

            yield tell
    finally:
        _print_summary(summary, MONOTONIC_CLOCK_S() - begin_s, is_json=is_json)


def _facts_of(outcome: Outcome) -> dict[str, object]:
    facts: dict[str, object] = {
        "target": outcome.target,
        "result": outcome.result,
        "bytes": outcome.bytes,
    }
    return facts if outcome.reason is None else {**facts, "reason": outcome.reason}


def _print_summary(summary: Summary, duration_s: float, *, is_json: bool) -> None:
    results = {name: summary.results[name] for name in ("ok", "already", "not_storable", "error")}
    if is_json:
        facts = {"event": "summary", "targets": summary.total, **results}
        left = summary.total - summary.done
        more = {"finished_before": summary.finished_before, "left": left, "bytes": summary.bytes}
        console.print_json({**facts, **more, "duration_s": round(duration_s, 3)})
        return
    rate = summary.bytes / max(0.001, duration_s)
    click.echo(
        f"{summary.done} of {summary.total} targets: {results['ok']} warmed, "
        f"{results['already'] + summary.finished_before} warm already, "
        f"{results['not_storable']} not storable, {results['error']} failed; "
        f"{shown_bytes(summary.bytes)} in {duration_s:.1f} s, {shown_bytes(rate)}/s"
    )
    for outcome in summary.failures[:_FAILURES_SHOWN]:
        click.echo(f"  {outcome.target}: {outcome.reason or outcome.result}", err=True)
    more_failures = len(summary.failures) - _FAILURES_SHOWN
    if more_failures > 0:
        click.echo(f"  and {more_failures} more", err=True)
    if summary.done < summary.total:
        click.echo("not all was done; the same command goes on from here", err=True)
