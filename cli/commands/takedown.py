"""`attacca takedown`: a track withheld from listeners, or put back."""

from pathlib import Path

import click

from cli import console
from cli.library import opened_library
from origin.records import TrackRecord
from origin.tags import clean_text

_REASON_CHARACTERS_MAX = 500


@click.command(epilog="Example: attacca takedown 4fYq0vTlbJ9hUQwNzW2d3K --reason 'claim 2041'")
@click.argument("track")
@click.option("--reason", help="Why, as listeners are told.")
@click.option("--undo", is_flag=True, help="Let listeners have it again.")
@console.json_option
@console.origin_option
@console.data_option
def takedown_command(
    track: str, reason: str | None, undo: bool, is_json: bool, file: Path | None, data: str
) -> None:
    """Withhold TRACK from listeners: it answers 451, and edges drop what they have of it.

    Its master and its records stay, and the same bytes are not taken in again.
    """
    if undo == (reason is not None):
        raise click.UsageError("say why with --reason, or --undo")
    if reason is not None and not 0 < len(clean_text(reason)) <= _REASON_CHARACTERS_MAX:
        raise click.UsageError(f"a reason has 1 to {_REASON_CHARACTERS_MAX} characters")
    record = console.run(_change(data, file, track, reason))
    is_withheld = record.takedown is not None
    if is_json:
        console.print_json({"track_id": track, "taken_down": is_withheld})
    else:
        click.echo(f"{track} is {'withheld' if is_withheld else 'there again'}")


async def _change(data: str, file: Path | None, track: str, reason: str | None) -> TrackRecord:
    async with opened_library(data, file) as library:
        if reason is None:
            return await library.upkeep.put_back(track)
        return await library.upkeep.take_down(track, reason=reason)
