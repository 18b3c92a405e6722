"""`attacca package`: what is not packaged, or was dropped, made now."""

from pathlib import Path

import click

from cli import console
from cli.clock import WALL_CLOCK_S
from cli.console import CommandError
from cli.installation import Installation, InstallationError
from cli.one_machine import open_library_of
from config.settings import SettingsError
from drm.errors import DrmError
from origin.errors import OriginError
from packager.errors import PackagerError
from packager.seek_index import RenditionFacts


@click.command(epilog="Example: attacca package 4fYq0vTlbJ9hUQwNzW2d3K --rendition flac")
@click.argument("track")
@click.option("--rendition", help="This rendition, also if it is there; else all that are missing.")
@console.json_option
@console.origin_option
@console.data_option
def package_command(
    track: str, rendition: str | None, is_json: bool, file: Path | None, data: str
) -> None:
    """Package TRACK now, from its master, under the version that it has.

    What comes out is compared with the recorded SHA-256 before it is published: other bytes are
    refused.
    """
    made = console.run(_package(Installation.at(data), file, track, rendition, is_json=is_json))
    for facts in made:
        if is_json:
            console.print_json(
                {"rendition": facts.name, "bytes": facts.bytes, "sha256": facts.sha256}
            )
        else:
            click.echo(f"{facts.name}  {facts.bytes} bytes  SHA-256 {facts.sha256}")
    if not made and not is_json:
        click.echo("nothing is missing")


async def _package(
    installation: Installation,
    file: Path | None,
    track: str,
    rendition: str | None,
    *,
    is_json: bool,
) -> list[RenditionFacts]:
    try:
        if file is None:
            installation.check()
        async with open_library_of(installation, file, clock=WALL_CLOCK_S) as library:
            with console.progress_bar("packaging", is_hidden=is_json) as show:
                return list(await library.package(track, rendition, on_progress=show))
    except (InstallationError, SettingsError, OriginError, DrmError, PackagerError) as error:
        raise CommandError(console.describe(error)) from error
