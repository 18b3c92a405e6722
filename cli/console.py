"""How commands talk: text for people, JSON lines for programs, one way to fail.

Results go to standard output, progress and errors to standard error.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import click
import orjson
from typing_extensions import override

_ResultT = TypeVar("_ResultT")
_CommandT = TypeVar("_CommandT", bound=Callable[..., Any])


class CommandError(click.ClickException):
    """A command failed for a reason that its user can act on. Exit status 1."""

    @override
    def show(self, file: Any = None) -> None:
        click.echo(f"attacca: {self.format_message()}", err=True, file=file)


def print_json(document: object) -> None:
    """One JSON object on a line of its own."""
    click.echo(orjson.dumps(document).decode())


@contextlib.contextmanager
def progress_bar(what: str, *, is_hidden: bool) -> Iterator[Callable[[float], None]]:
    """A bar on standard error; what it yields is told how far the work is, from 0 to 1."""
    from rich.console import Console  # noqa: PLC0415 - slow to import, and most commands need none
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=is_hidden) as progress:
        bar = progress.add_task(what, total=1.0)
        yield lambda fraction: progress.update(bar, completed=fraction)


@contextlib.contextmanager
def transfer_bar(what: str, *, total: int, is_hidden: bool) -> Iterator[Callable[[int, str], None]]:
    """A bar on standard error; what it yields is told how many of `total` are done, and a text.

    It shows how long the rest will take.
    """
    from rich.console import Console  # noqa: PLC0415 - slow to import, and most commands need none
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[text]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=is_hidden) as progress:
        bar = progress.add_task(what, total=total, text="")
        yield lambda done, text: progress.update(bar, completed=done, text=text)


class MusicPath(click.ParamType[Path]):
    """An existing file or folder; `~` is the home folder, also where no shell has replaced it."""

    name = "path"

    @override
    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path:
        """See `click.ParamType.convert`."""
        path = Path(str(value)).expanduser()
        if not os.access(path, os.R_OK):
            self.fail(f"`{path}` is not there, or may not be read", param, ctx)
        return path


def data_option(command: _CommandT) -> _CommandT:
    """`--data DIR`, or ATTACCA_DATA."""
    return click.option(
        "--data",
        envvar="ATTACCA_DATA",
        type=click.Path(file_okay=False),
        default="data",
        show_default=True,
        show_envvar=True,
        help="Folder that holds everything of a one-machine installation.",
    )(command)


def running_option(command: _CommandT) -> _CommandT:
    """`--config FILE`: what runs, for roles that run apart."""
    return click.option(
        "--config",
        "file",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Roles that run apart: a JSON file with their URLs and the operator's credential, "
        "in the form of DATA/run/attacca.json.",
    )(command)


def edge_admin_option(command: _CommandT) -> _CommandT:
    """`--edge URL`: an edge apart from what runs here."""
    return click.option(
        "--edge",
        "edge_url",
        metavar="URL",
        help="The admin listener of an edge that runs elsewhere, with the same operator.",
    )(command)


def origin_option(command: _CommandT) -> _CommandT:
    """`--config FILE`: the settings of an origin that runs apart."""
    return click.option(
        "--config",
        "file",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Roles that run apart: the origin's TOML file, instead of --data.",
    )(command)


def settings_option(command: _CommandT) -> _CommandT:
    """`--config FILE`: the settings of a role."""
    return click.option(
        "--config",
        "file",
        type=click.Path(dir_okay=False, path_type=Path),
        help="The role's TOML file; variables such as ATTACCA_EDGE__PORT win over it.",
    )(command)


def json_option(command: _CommandT) -> _CommandT:
    """`--json`: results as JSON lines."""
    return click.option("--json", "is_json", is_flag=True, help="Print JSON, one object a line.")(
        command
    )


@contextlib.contextmanager
def told_errors(*bases: type[Exception]) -> Iterator[None]:
    """Turn errors that say what to do into a failed command; others are faults of ours."""
    try:
        yield
    except bases as error:
        raise CommandError(describe(error)) from error


def describe(error: Exception) -> str:
    """What went wrong and, where the error knows it, what to do."""
    advice: str = getattr(error, "advice", "")
    text = str(error) or type(error).__name__
    return f"{text}. {advice}" if advice else text


def run(main: Coroutine[Any, Any, _ResultT]) -> _ResultT:
    """Run `main` on uvloop; Ctrl-C cancels it, and it may clean up."""
    import uvloop  # noqa: PLC0415  # `--help` and errors of use do not need it

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(main)
    except KeyboardInterrupt:
        raise click.exceptions.Exit(130) from None
