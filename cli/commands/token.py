"""`attacca token`: a playback token for players and tests, issued by the running drm."""

import re
from pathlib import Path
from typing import Any, Final

import click
from typing_extensions import override

from cli import console
from cli.clock import WALL_CLOCK_S
from cli.console import CommandError
from cli.installation import Installation, InstallationError, find_running
from cli.node import NodeClient, NodeError, open_node_client

_TTL: Final = re.compile(r"(\d{1,9})([smhd]?)", re.ASCII)
# Between asking and looking at the clock.
_CLOCK_SLACK_S: Final = 5
_SECONDS_BY_UNIT: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


class Ttl(click.ParamType[int]):
    """A lifetime such as `90`, `15m`, `1h` or `2d`, in seconds."""

    name = "duration"

    @override
    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """See `click.ParamType.convert`."""
        match = _TTL.fullmatch(str(value))
        if match is None or int(match[1]) == 0:
            self.fail(f"`{value}` is not a lifetime such as 90, 15m, 1h or 2d", param, ctx)
        return int(match[1]) * _SECONDS_BY_UNIT[match[2]]


@click.command(
    epilog='Example: curl -H "Authorization: Bearer $(attacca token)" '
    "http://127.0.0.1:8080/v1/library"
)
@click.option(
    "--track",
    "tracks",
    multiple=True,
    help="Good for this track alone; repeatable. "
    "Such a token may also stand in a path: /~TOKEN/v1/…",
)
@click.option(
    "--album", help="Good for this album and its tracks alone: its manifests, and all they name."
)
@click.option(
    "--rendition", "renditions", multiple=True, help="Good for this rendition alone; repeatable."
)
@click.option("--ttl", type=Ttl(), default="1h", show_default=True, help="How long it is good.")
@click.option("--session", help="Name of the playback session; made up when absent.")
@console.json_option
@console.running_option
@console.data_option
def token_command(
    tracks: tuple[str, ...],
    album: str | None,
    renditions: tuple[str, ...],
    ttl: int,
    session: str | None,
    is_json: bool,
    file: Path | None,
    data: str,
) -> None:
    """Issue a playback token and print it."""
    if album and tracks:
        raise click.UsageError("an album's token names its tracks already: choose one")
    request: dict[str, object] = {"ttl_s": ttl}
    if album:
        request["album"] = album
    if tracks:
        request["tracks"] = list(tracks)
    if renditions:
        request["renditions"] = list(renditions)
    if session:
        request["session"] = session
    answer = console.run(_issue(Installation.at(data), file, request))
    lifetime_s = int(answer["expires_s"]) - int(WALL_CLOCK_S())
    if lifetime_s < ttl - _CLOCK_SLACK_S:
        click.echo(f"attacca: the token lives for {lifetime_s} s, no longer", err=True)
    if is_json:
        console.print_json(answer)
    else:
        click.echo(answer["token"])


async def _issue(
    installation: Installation, file: Path | None, request: dict[str, object]
) -> dict[str, Any]:
    try:
        async with open_node_client(find_running(installation, file)) as client:
            return await issue_token(client, request)
    except (InstallationError, NodeError) as error:
        raise CommandError(console.describe(error)) from error


async def issue_token(client: NodeClient, request: dict[str, object]) -> dict[str, Any]:
    """Issue a token; one for single tracks or an album lives as long as their length allows.

    Raises:
        NodeError: a track or album is unknown, or drm refuses.
    """
    album = request.get("album")
    if isinstance(album, str):
        request = {**request, "tracks": await client.album_tracks(album)}
    tracks = request.get("tracks")
    if isinstance(tracks, list):
        durations_s = [await client.duration_s(track) for track in tracks]
        request = {**request, "duration_s": sum(durations_s)}
    return await client.issue_token(request)
