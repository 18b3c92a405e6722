"""`attacca repackage`: tracks moved to the version that their inputs have now."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import click

from cli import console
from cli.clock import MONOTONIC_CLOCK_S
from cli.commands.ingest import shown
from cli.console import CommandError
from cli.library import opened_library
from drm.errors import DrmError
from origin.errors import OriginError, StoreError
from origin.library import Library
from packager.errors import PackagerError
from packager.format_error import FormatError

_HOUR_S = 3600.0


@click.command(epilog="Example: attacca repackage --all --per-hour 200")
@click.argument("tracks", nargs=-1, metavar="[TRACK]...")
@click.option("--all", "is_all", is_flag=True, help="Every track of the library.")
@click.option(
    "--force",
    is_flag=True,
    help="A new version also of equal inputs: when what is recorded cannot be made again.",
)
@click.option(
    "--per-hour", type=click.FloatRange(0.1), help="At most so many tracks an hour are moved."
)
@console.json_option
@console.origin_option
@console.data_option
def repackage_command(
    tracks: tuple[str, ...],
    is_all: bool,
    force: bool,
    per_hour: float | None,
    is_json: bool,
    file: Path | None,
    data: str,
) -> None:
    """Move each TRACK to the version that its inputs have now.

    Inputs are the encoders, the neighbours in its album, the content keys and the scheme of Common
    Encryption. All renditions are packaged first; then listeners get the new version, edges are
    told, and the former one is kept for as long as somebody may still play it. A track whose inputs
    have not changed stays as it is.
    """
    if is_all == bool(tracks):
        raise click.UsageError("name tracks, or say --all")
    failed = console.run(
        _repackage(
            data,
            file,
            tracks,
            is_forced=force,
            pause_s=_HOUR_S / per_hour if per_hour else 0.0,
            is_json=is_json,
        )
    )
    if failed:
        raise CommandError(f"{failed} failed; their listeners keep the version they had")


async def _repackage(
    data: str,
    file: Path | None,
    tracks: tuple[str, ...],
    *,
    is_forced: bool,
    pause_s: float,
    is_json: bool,
) -> int:
    """Move tracks one after another; returns how many failed."""
    failed = 0
    async with opened_library(data, file) as library:
        async for track_id in _ids(library, tracks):
            if isinstance(track_id, StoreError):
                tell_failure("a track", track_id, is_json=is_json)
                failed += 1
                continue
            begin_s = MONOTONIC_CLOCK_S()
            has_moved = await _move(library, track_id, is_forced=is_forced, is_json=is_json)
            failed += has_moved is None
            if has_moved:
                await asyncio.sleep(max(0.0, pause_s - (MONOTONIC_CLOCK_S() - begin_s)))
    return failed


async def _ids(library: Library, tracks: tuple[str, ...]) -> AsyncIterator[str | StoreError]:
    """Ids of the tracks named, or of all; and why others cannot be read."""
    for track_id in tracks:
        yield track_id
    after: str | None = None if tracks else ""
    while after is not None:
        page = await library.tracks(after=after)
        for record in page.tracks:
            yield record.track_id
        for failure in page.failures:
            yield failure
        after = page.after


def tell_failure(
    what: str, error: OriginError | DrmError | PackagerError | FormatError, *, is_json: bool
) -> None:
    """Say why something could not be done with `what`, a track: on standard error, and as JSON."""
    if is_json:
        reason = "damaged" if isinstance(error, FormatError) else error.reason
        failure = {"failed": reason, "detail": console.describe(error)}
        console.print_json({"track_id": what, **failure})
    click.echo(f"attacca: {shown(what)}: {console.describe(error)}", err=True)


async def _move(library: Library, track_id: str, *, is_forced: bool, is_json: bool) -> bool | None:
    """Move one track and tell what became of it; None for a failure."""
    try:
        with console.progress_bar(track_id, is_hidden=is_json) as show:
            done = await library.upkeep.repackage(track_id, is_forced=is_forced, on_progress=show)
    except (OriginError, DrmError, PackagerError) as error:
        tell_failure(track_id, error, is_json=is_json)
        return None
    has_moved = done.former != done.version
    if is_json:
        console.print_json({"track_id": track_id, "former": done.former, "version": done.version})
    else:
        click.echo(f"{track_id}  {done.former} -> {done.version if has_moved else 'stays'}")
    return has_moved
