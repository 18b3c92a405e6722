"""`attacca play`: the reference player."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import click

from cli import console
from cli.clock import MONOTONIC_CLOCK_S
from cli.commands.token import issue_token
from cli.console import CommandError
from cli.installation import Installation, InstallationError, Running, find_running
from cli.node import NodeError, open_node_client
from packager.loudness import TARGET_LUFS
from player.edge_client import OnPackaging, Packaging
from player.errors import PlayerError
from player.playback_gain import GainChoice, GainMode
from player.report import PlayReport, PlayRequest
from player.session import play


@click.command(epilog="Example: attacca play 4fYq0vTlbJ9hUQwNzW2d3K --rendition aac-160")
@click.argument("track")
@click.option("--rendition", default="flac", show_default=True, help="Which rendition to play.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write what is heard to this WAV file.",
)
@click.option(
    "--gain",
    type=click.Choice([mode.value for mode in GainMode]),
    default=GainMode.TRACK.value,
    show_default=True,
    help="What is to be equally loud in the file that is written: tracks, albums, or nothing.",
)
@click.option(
    "--loudness",
    type=click.FloatRange(-40, 0),
    default=TARGET_LUFS,
    show_default=True,
    help="How loud, in LUFS; no peak is lifted above -1 dBTP.",
)
@click.option("--edge", help="URL of an edge that runs elsewhere; needs --token.")
@click.option("--token", envvar="ATTACCA_TOKEN", show_envvar=True, help="A playback token.")
@console.json_option
@console.running_option
@console.data_option
def play_command(
    track: str,
    rendition: str,
    out: Path | None,
    gain: str,
    loudness: float,
    edge: str | None,
    token: str | None,
    is_json: bool,
    file: Path | None,
    data: str,
) -> None:
    """Play TRACK through the edge as a player would, as fast as it comes, without sound.

    Fetches the track's record, its seek index and its licence, then range after range; decrypts,
    decodes, and prints the time to first audio, stalls, cache results, and the SHA-256 of the PCM.
    """
    if edge is not None and token is None:
        raise click.UsageError("an edge elsewhere needs --token")
    report = console.run(
        _play(
            lambda: find_running(Installation.at(data), file),
            PlayRequest(
                edge_url=edge or "",
                token=token or "",
                track_id=track,
                rendition=rendition,
                out=out,
                gain=GainChoice(GainMode(gain), target_lufs=loudness),
            ),
            on_packaging=None if is_json else _tell_packaging,
        )
    )
    if is_json:
        console.print_json(report.to_json())
    else:
        _print(report)


async def _play(
    find: Callable[[], Running], request: PlayRequest, *, on_packaging: OnPackaging | None
) -> PlayReport:
    """Play what is asked for; what the request leaves open is found where the node runs."""
    try:
        if not request.edge_url:
            running = find()
            request = replace(request, edge_url=running.urls_by_listener.get("edge", ""))
            if not request.token:
                async with open_node_client(running) as client:
                    wanted: dict[str, object] = {"tracks": [request.track_id], "ttl_s": 3600}
                    issued = await issue_token(client, wanted)
                request = replace(request, token=str(issued["token"]))
        return await play(request, clock=MONOTONIC_CLOCK_S, on_packaging=on_packaging)
    except (InstallationError, NodeError, PlayerError) as error:
        raise CommandError(console.describe(error)) from error


def _tell_packaging(packaging: Packaging) -> None:
    so_far = "" if packaging.progress is None else f": {packaging.progress:.0%}"
    click.echo(f"being packaged{so_far}", err=True)


def _print(report: PlayReport) -> None:
    seconds = report.samples / report.sample_rate_hz
    click.echo(f"{report.title} · {report.rendition} · {seconds:.3f} s")
    click.echo(f"  first audio   {report.first_audio_ms:.0f} ms")
    click.echo(f"  stalls        {report.stalls.count} ({report.stalls.total_ms:.0f} ms)")
    click.echo(f"  received      {report.bytes} bytes in {report.segments} segments")
    click.echo(f"  cache         {report.cache.hit} hits, {report.cache.miss} misses")
    click.echo(f"  gain          {report.gain_db:+.2f} dB, in the file that is written")
    click.echo(f"  PCM           {report.samples} samples, SHA-256 {report.pcm_sha256}")
