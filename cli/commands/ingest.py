"""`attacca ingest`: masters into the library."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from cli import console
from cli.console import CommandError
from cli.library import opened_library
from origin.ingest import IngestFailure, IngestOrder, IngestProgress, IngestResult
from origin.library import Library
from packager.renditions import PROFILES

# What a folder is searched for; a file that is named is tried whatever its suffix.
SUFFIXES: Final = frozenset(
    {
        *(".aac", ".aif", ".aiff", ".ape", ".caf", ".flac", ".m4a", ".mka", ".mp3", ".mp4"),
        *(".mpc", ".oga", ".ogg", ".opus", ".tta", ".wav", ".wma", ".wv"),
    }
)


@click.command(epilog="Example: attacca ingest ~/Music/Album --album 'The Album'")
@click.argument("paths", nargs=-1, required=True, type=console.MusicPath())
@click.option("--album", help="Title of the album they belong to, whatever their tags say.")
@click.option(
    "--rendition",
    "renditions",
    multiple=True,
    type=click.Choice(list(PROFILES)),
    help="Package only this one now; may be repeated. The rest is packaged when it is asked for.",
)
@click.option("--later", is_flag=True, help="Package nothing now, but all when it is asked for.")
@console.json_option
@console.origin_option
@console.data_option
def ingest_command(
    paths: tuple[Path, ...],
    album: str | None,
    renditions: tuple[str, ...],
    later: bool,
    is_json: bool,
    file: Path | None,
    data: str,
) -> None:
    """Take PATHS (files, or folders with all that is in them) into the library.

    Each master is decoded whole; a torn one is refused, with the sample where it breaks. Safe to
    repeat: the same bytes are the same track. Tracks of an album that are handed in together, in
    their order, are encoded so that they join without a seam.
    """
    if later and renditions:
        raise click.UsageError("--later packages nothing, --rendition something: choose one")
    masters = list(find_masters(paths))
    if not masters:
        raise CommandError("there is no audio in what you named")
    wanted = () if later else renditions or None
    orders = [IngestOrder(path, album=album, renditions=wanted) for path in masters]
    refused = console.run(_ingest(data, file, orders, is_json=is_json))
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


async def _ingest(data: str, file: Path | None, orders: list[IngestOrder], *, is_json: bool) -> int:
    async with opened_library(data, file, is_made=True) as library:
        return (await ingest_all(library, orders, is_json=is_json)).refused


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of masters.

    Attributes:
        track_ids: of those that are there now.
        refused: how many are not.
    """

    track_ids: tuple[str, ...]
    refused: int


async def ingest_all(
    library: Library, orders: list[IngestOrder], *, is_json: bool, is_result: bool = True
) -> Taken:
    """Take masters in; a refused one does not stop the others.

    Prints a line for each as it ends; to standard error unless they are results of the command.
    """
    track_ids: list[str] = []
    refused = 0
    with _Bars(len(orders), is_hidden=is_json) as bars:
        outcomes = library.ingest_all(orders, on_progress=bars.show)
        async with contextlib.aclosing(outcomes):
            async for outcome in outcomes:
                bars.end(outcome.order.path)
                if outcome.failure is not None:
                    refused += 1
                    _tell_refusal(outcome.order.path, outcome.failure, is_json=is_json)
                elif outcome.result is not None:
                    track_ids.append(outcome.result.track_id)
                    _tell_result(outcome.result, is_json=is_json, err=not is_result)
    return Taken(tuple(track_ids), refused)


class _Bars:
    """One bar for all masters, and one for each that is under way."""

    def __init__(self, masters: int, *, is_hidden: bool) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[stage]}"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            disable=is_hidden,
        )
        self._total = self._progress.add_task(_counted(masters), total=masters, stage="")
        self._bars: dict[Path, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, path: Path, progress: IngestProgress) -> None:
        """Show how far a master is."""
        if path not in self._bars:
            self._bars[path] = self._progress.add_task(shown(path.name), total=1.0, stage="")
        self._progress.update(self._bars[path], completed=progress.fraction, stage=progress.stage)

    def end(self, path: Path) -> None:
        """Take a master's bar away."""
        bar = self._bars.pop(path, None)
        if bar is not None:
            self._progress.remove_task(bar)
        self._progress.advance(self._total)


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


def _tell_refusal(master: Path, error: IngestFailure, *, is_json: bool) -> None:
    if is_json:
        console.print_json(
            {"path": str(master), "refused": error.reason, "detail": console.describe(error)}
        )
    click.echo(f"attacca: {shown(str(master))}: {console.describe(error)}", err=True)
