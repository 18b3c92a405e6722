"""`attacca package`: what is not packaged, or was dropped, made now."""

from pathlib import Path

import click

from cli import console
from cli.library import opened_library
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
    made = console.run(_package(data, file, track, rendition, is_json=is_json))
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
    data: str, file: Path | None, track: str, rendition: str | None, *, is_json: bool
) -> list[RenditionFacts]:
    async with opened_library(data, file) as library:
        with console.progress_bar("packaging", is_hidden=is_json) as show:
            return list(await library.package(track, rendition, on_progress=show))
