"""`attacca ingest`: masters into the library."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from cli import console
from cli.clock import WALL_CLOCK_S
from cli.console import CommandError
from cli.installation import Installation, InstallationError
from cli.one_machine import open_library_of
from config.settings import SettingsError
from drm.errors import DrmError
from origin.errors import OriginError
from origin.ingest import IngestProgress, IngestResult
from origin.library import Library
from packager.errors import PackagerError

# What a folder is searched for; a file that is named is tried whatever its suffix.
SUFFIXES: Final = frozenset(
    {
        *(".aac", ".aif", ".aiff", ".ape", ".caf", ".flac", ".m4a", ".mka", ".mp3", ".mp4"),
        *(".mpc", ".oga", ".ogg", ".opus", ".tta", ".wav", ".wma", ".wv"),
    }
)

# Masters under way at once; the pool's workers bound what they cost.
_MASTERS_AT_ONCE: Final = 2


@click.command(epilog="Example: attacca ingest ~/Music/Album --album 'The Album'")
@click.argument("paths", nargs=-1, required=True, type=console.MusicPath())
@click.option("--album", help="Title of the album they belong to, whatever their tags say.")
@console.json_option
@console.origin_option
@console.data_option
def ingest_command(
    paths: tuple[Path, ...], album: str | None, is_json: bool, file: Path | None, data: str
) -> None:
    """Take PATHS (files, or folders with all that is in them) into the library.

    Each master is decoded whole; a torn one is refused, with the sample where it breaks. Safe to
    repeat: the same bytes are the same track.
    """
    masters = list(find_masters(paths))
    if not masters:
        raise CommandError("there is no audio in what you named")
    installation = Installation.at(data)
    refused = console.run(_ingest(installation, file, masters, album=album, is_json=is_json))
    if refused:
        raise CommandError(f"{refused} of {len(masters)} refused")


def find_masters(paths: tuple[Path, ...]) -> Iterator[Path]:
    """The files named, and the audio below the folders named, in the order of their names."""
    for path in paths:
        if path.is_dir():
            yield from sorted(
                found
                for found in path.rglob("*")
                if found.suffix.lower() in SUFFIXES and found.is_file()
            )
        else:
            yield path


async def _ingest(
    installation: Installation,
    file: Path | None,
    masters: list[Path],
    *,
    album: str | None,
    is_json: bool,
) -> int:
    try:
        if file is None:
            installation.create()
        async with open_library_of(installation, file, clock=WALL_CLOCK_S) as library:
            return await ingest_all(library, masters, album=album, is_json=is_json)
    except (InstallationError, SettingsError, OriginError, DrmError, PackagerError) as error:
        raise CommandError(console.describe(error)) from error


async def ingest_all(
    library: Library,
    masters: list[Path],
    *,
    album: str | None,
    is_json: bool,
    is_result: bool = True,
) -> int:
    """Take in `masters`, some at a time; a refused one does not stop the others.

    Prints a line for each as it ends; to standard error unless they are results of the command.

    Returns:
        How many were refused.
    """
    masters_left = iter(masters)
    refused = 0
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[stage]}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        disable=is_json,
    )

    async def work() -> None:
        nonlocal refused
        for master in masters_left:
            try:
                result = await _ingest_one(library, master, album=album, bars=bars)
            except (PackagerError, OriginError, DrmError) as error:
                refused += 1
                _tell_refusal(master, error, is_json=is_json)
            else:
                _tell_result(result, is_json=is_json, err=not is_result)
            bars.advance(total)

    with bars:
        total = bars.add_task(_counted(len(masters)), total=len(masters), stage="")
        async with asyncio.TaskGroup() as group:
            for _ in range(_MASTERS_AT_ONCE):
                group.create_task(work())
    return refused


async def _ingest_one(
    library: Library, master: Path, *, album: str | None, bars: Progress
) -> IngestResult:
    bar = bars.add_task(shown(master.name), total=1.0, stage="waiting")

    def show(progress: IngestProgress) -> None:
        bars.update(bar, completed=progress.fraction, stage=progress.stage)

    try:
        return await library.ingest(master, album=album, on_progress=show)
    finally:
        bars.remove_task(bar)


def _counted(masters: int) -> str:
    return "1 master" if masters == 1 else f"{masters} masters"


def shown(text: str) -> str:
    """`text` for a terminal: one line, no control characters, no markup."""
    return "".join(one if one.isprintable() else "�" for one in text).replace("[", "\\[")


def _tell_result(result: IngestResult, *, is_json: bool, err: bool) -> None:
    if is_json and not err:
        console.print_json(
            {
                "track_id": result.track_id,
                "version": result.version,
                "title": result.title,
                "samples": result.samples,
                "sample_rate_hz": result.sample_rate_hz,
                "pcm_sha256": result.pcm_sha256,
                "renditions": list(result.renditions),
                "is_new": result.is_new,
            }
        )
    else:
        click.echo(f"{result.track_id}  {shown(result.title)}  PCM {result.pcm_sha256}", err=err)


def _tell_refusal(
    master: Path, error: PackagerError | OriginError | DrmError, *, is_json: bool
) -> None:
    if is_json:
        console.print_json(
            {"path": str(master), "refused": error.reason, "detail": console.describe(error)}
        )
    click.echo(f"attacca: {shown(str(master))}: {console.describe(error)}", err=True)
