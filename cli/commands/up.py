"""`attacca up`: everything on one machine."""

import asyncio
import contextlib
import logging
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import click

from cli import console
from cli.clock import WALL_CLOCK_S
from cli.commands.ingest import find_masters, ingest_all, shown
from cli.commands.token import issue_token
from cli.console import CommandError
from cli.installation import Installation, InstallationError, Running
from cli.node import open_node_client
from cli.one_machine import Everything, open_everything
from cli.stopping import stop_on_signals
from config.descriptors import raise_descriptor_limit
from config.loop_watch import settle_collector
from config.observability import configure_logging
from config.settings import SettingsError
from config.sockets import ListenerError
from demonstration.album import ALBUM, write_album
from demonstration.score import TITLES
from drm.errors import DrmError
from edge.allocator import keep_freed_memory
from edge.errors import EdgeError
from edge.supervisor.errors import SupervisorError
from origin.errors import OriginError
from origin.ingest import IngestOrder
from origin.library import Library
from packager.errors import PackagerError

logger = logging.getLogger(__name__)

_TOKEN_TTL_S: Final = 12 * 3600
# More would scroll the rest away.
_LINKS_MAX: Final = 3


@click.command(epilog="Example: attacca up --data /srv/attacca --music ~/Music")
@click.option(
    "--port",
    type=click.IntRange(0, 65519),
    default=8080,
    show_default=True,
    help="The edge's port; admin, origin and drm follow at +1, +10 and +15. 0 picks free ones.",
)
@click.option("--demo", is_flag=True, help="Take in the demonstration album at the first start.")
@click.option(
    "--music",
    type=console.MusicPath(),
    help="Take in this file or folder once everything runs.",
)
@console.json_option
@console.data_option
def up_command(port: int, demo: bool, music: Path | None, is_json: bool, data: str) -> None:
    """Start edge, origin and drm on this machine, and serve until Ctrl-C.

    Keeps everything in the data folder: a second start finds it all again.
    """
    configure_logging(level="WARNING" if not is_json else "INFO")
    keep_freed_memory()
    raise_descriptor_limit()
    console.run(_up(Installation.at(data), port=port, demo=demo, music=music, is_json=is_json))


async def _up(
    installation: Installation, *, port: int, demo: bool, music: Path | None, is_json: bool
) -> None:
    try:
        async with stop_on_signals(), _opened(installation, port) as everything:
            library = everything.library
            settle_collector()
            taken = await _take_in_demonstration(library) if demo else ()
            _tell_ready(everything.running, is_json=is_json)
            if music is not None:
                orders = [IngestOrder(path, renditions=()) for path in find_masters((music,))]
                taken += (await ingest_all(library, orders, is_json=is_json)).track_ids
            if not is_json:
                await _tell_links(everything)
            await _package(library, taken)
            await asyncio.Event().wait()
    except (
        InstallationError,
        SettingsError,
        ListenerError,
        DrmError,
        OriginError,
        EdgeError,
        SupervisorError,
        PackagerError,
    ) as error:
        raise CommandError(console.describe(error)) from error


@contextlib.asynccontextmanager
async def _opened(installation: Installation, port: int) -> AsyncIterator[Everything]:
    installation.create()
    with installation.held():
        async with open_everything(installation, port=port, clock=WALL_CLOCK_S) as everything:
            with installation.announced(everything.running):
                yield everything


async def _package(library: Library, track_ids: tuple[str, ...]) -> None:
    """Package what was taken in, behind whatever listeners ask for."""
    for track_id in track_ids:
        try:
            await library.package(track_id)
        except (DrmError, OriginError, PackagerError) as error:
            click.echo(f"attacca: {track_id}: {console.describe(error)}", err=True)


async def _take_in_demonstration(library: Library) -> tuple[str, ...]:
    """Compose and ingest the album of the first start, unless there is other music already.

    A start that was cut short has taken in a part of it; this completes it. Nothing of it is
    packaged yet.
    """
    there = (await library.tracks(limit=len(TITLES))).tracks
    if len(there) == len(TITLES) or any(track.tags.album != ALBUM for track in there):
        return ()
    with tempfile.TemporaryDirectory(prefix="attacca-") as folder:
        click.echo("composing the demonstration album …", err=True)
        masters = await asyncio.to_thread(write_album, Path(folder))
        orders = [IngestOrder(path, renditions=()) for path in masters]
        taken = await ingest_all(library, orders, is_json=False, is_result=False)
        if taken.refused:
            raise CommandError("the demonstration album was refused")
        return taken.track_ids


def _tell_ready(running: Running, *, is_json: bool) -> None:
    if is_json:
        console.print_json({"event": "ready", **running.urls_by_listener})
    else:
        click.echo(f"ready: listen at {running.urls_by_listener['edge']}")


async def _tell_links(everything: Everything) -> None:
    """What there is to play, with a token that plays it."""
    edge = everything.running.urls_by_listener["edge"]
    async with open_node_client(everything.running) as client:
        page = await everything.library.tracks(limit=_LINKS_MAX)
        for track in sorted(page.tracks, key=lambda one: one.file_name):
            request: dict[str, object] = {"tracks": [track.track_id], "ttl_s": _TOKEN_TTL_S}
            token = (await issue_token(client, request))["token"]
            path = f"/v1/audio/{track.track_id}/{track.current_version}/manifest.mpd"
            click.echo(f"\n{shown(track.tags.title)}  {track.track_id}")
            click.echo(f"  {edge}/~{token}{path}")
        token = (await issue_token(client, {"ttl_s": _TOKEN_TTL_S}))["token"]
    click.echo(f"\ntoken (Authorization: Bearer …), good for 12 hours:\n{token}")
    click.echo("\nin another terminal: attacca play TRACK · attacca ingest MUSIC · Ctrl-C stops")
