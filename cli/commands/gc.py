"""`attacca gc`: what need not be kept, dropped."""

from pathlib import Path

import click

from cli import console
from cli.library import opened_library
from origin.collection import Collected
from origin.retention import Retention

_DAY_S = 86_400.0


@click.command(epilog="Example: attacca gc --unused-days 90 --dry-run")
@click.option(
    "--unused-days",
    type=click.FloatRange(0),
    help="Drop renditions that nobody has asked for in so many days. Unset: keep them all.",
)
@click.option("--dry-run", is_flag=True, help="Tell what would be dropped, and drop nothing.")
@console.json_option
@console.origin_option
@console.data_option
def gc_command(
    unused_days: float | None, dry_run: bool, is_json: bool, file: Path | None, data: str
) -> None:
    """Drop what need not be kept: unused renditions, superseded versions, the rest of cut work.

    Masters and records are never dropped. A rendition that was dropped is packaged again, with the
    same bytes, when somebody asks for it; one that this machine could not make again is kept. Safe
    beside running roles, and to repeat.
    """
    retention = Retention(unused_s=None if unused_days is None else unused_days * _DAY_S)
    collected = console.run(_collect(data, file, retention, is_dry=dry_run, is_json=is_json))
    by_fate = {fate.value: count for fate, count in sorted(collected.by_fate.items())}
    if is_json:
        console.print_json(
            {
                "seen": collected.seen,
                "dropped": by_fate,
                "bytes": collected.bytes,
                "damaged": collected.damaged,
                "irreplaceable": collected.irreplaceable,
                "dry_run": dry_run,
            }
        )
        return
    said = ", ".join(f"{count} {fate}" for fate, count in by_fate.items()) or "nothing"
    verb = "would drop" if dry_run else "dropped"
    click.echo(f"{verb} {said}: {collected.bytes} bytes of {collected.seen} objects seen")
    if collected.irreplaceable:
        kept = f"{collected.irreplaceable} unused files are kept: other encoders or keys made them"
        click.echo(f"{kept}; `attacca repackage` moves their tracks to what can be made", err=True)
    if collected.damaged:
        click.echo(f"{collected.damaged} objects are damaged and were left as they are", err=True)


async def _collect(
    data: str, file: Path | None, retention: Retention, *, is_dry: bool, is_json: bool
) -> Collected:
    def show(prefix: str, seen: int) -> None:
        if not is_json:
            click.echo(f"{prefix} {seen} objects", err=True)

    async with opened_library(data, file) as library:
        return await library.upkeep.collect(retention, is_dry=is_dry, on_progress=show)
