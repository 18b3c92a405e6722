"""`attacca export`: tracks as clear, tagged files."""

from pathlib import Path

import click

from cli import console
from cli.commands.repackage import tell_failure
from cli.console import CommandError
from cli.library import opened_library
from drm.errors import DrmError
from origin.errors import OriginError
from packager.errors import PackagerError
from packager.format_error import FormatError
from packager.renditions import PROFILES


@click.command(epilog="Example: attacca export 4fYq0vTlbJ9hUQwNzW2d3K --rendition flac --out ~/out")
@click.argument("tracks", nargs=-1, required=True, metavar="TRACK...")
@click.option(
    "--rendition",
    type=click.Choice(list(PROFILES)),
    default="flac",
    show_default=True,
    help="Which one.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, writable=True, path_type=Path),
    default=".",
    show_default=True,
    help="Folder for the files; made if it is not there.",
)
@console.json_option
@console.origin_option
@console.data_option
def export_command(
    tracks: tuple[str, ...],
    rendition: str,
    out: Path,
    is_json: bool,
    file: Path | None,
    data: str,
) -> None:
    """Write each TRACK as a file of its own, without encryption: FLAC, Ogg Vorbis, M4A or Opus.

    With tags, cover and ReplayGain of track and album. Nothing is encoded again: FLAC is the master
    bit by bit. For the owner of the music; listeners have no way to this. A track that cannot be
    had does not stop the others.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(f"{out} cannot be made: {error.strerror}") from error
    failed = console.run(_export(data, file, tracks, rendition, out, is_json=is_json))
    if failed:
        raise CommandError(f"{failed} of {len(tracks)} failed")


async def _export(
    data: str,
    file: Path | None,
    tracks: tuple[str, ...],
    rendition: str,
    out: Path,
    *,
    is_json: bool,
) -> int:
    """Export tracks one after another; returns how many failed."""
    failed = 0
    async with opened_library(data, file) as library:
        for track_id in tracks:
            try:
                with console.progress_bar("packaging", is_hidden=is_json) as show:
                    path = await library.export(track_id, rendition, out, on_progress=show)
            except (OriginError, DrmError, PackagerError, FormatError) as error:
                tell_failure(track_id, error, is_json=is_json)
                failed += 1
            except OSError as error:
                raise CommandError(f"{out} cannot be written: {error.strerror}") from error
            else:
                _tell(track_id, path, is_json=is_json)
    return failed


def _tell(track_id: str, path: Path, *, is_json: bool) -> None:
    if is_json:
        console.print_json({"track_id": track_id, "path": str(path)})
    else:
        click.echo(path)
