"""`attacca edge`, `attacca origin`, `attacca drm`: one role in a process of its own."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import aiohttp
import click

from cli import console
from cli.clock import WALL_CLOCK_S
from cli.console import CommandError
from cli.stopping import stop_on_signals
from config.credential_settings import need_credential, read_credential
from config.listener import ListenerError
from config.observability import configure_logging
from config.settings import SettingsError, load_settings

_ListenAt = tuple[str, int]

_config = click.option(
    "--config",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="TOML file; variables such as ATTACCA_EDGE__PORT win over it.",
)


class HostAndPort(click.ParamType):
    """`HOST:PORT`; an IPv6 address stands in brackets."""

    name = "host:port"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> _ListenAt:
        """See `click.ParamType.convert`."""
        host, _, port = str(value).rpartition(":")
        if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
            self.fail(f"`{value}` is not HOST:PORT", param, ctx)
        return host.removeprefix("[").removesuffix("]"), int(port)


@click.command(
    epilog="Example: attacca edge --upstream http://127.0.0.1:8000 --listen 127.0.0.1:8080 "
    "--token-check off"
)
@_config
@click.option("--upstream", help="URL of the origin; any HTTP server when --token-check is off.")
@click.option("--listen", type=HostAndPort(), help="HOST:PORT for listeners; port 0 picks one.")
@click.option(
    "--token-check",
    type=click.Choice(["on", "off"]),
    help="Off: a cache that knows nothing of tracks and tokens.",
)
@console.json_option
def edge_command(
    file: Path | None,
    upstream: str | None,
    listen: _ListenAt | None,
    token_check: str | None,
    is_json: bool,
) -> None:
    """Run an edge node: a cache in front of an origin."""
    overrides: dict[str, object] = {}
    if upstream is not None:
        overrides["upstream"] = upstream
    if listen is not None:
        overrides["host"], overrides["port"] = listen
        overrides["admin_port"] = 0 if listen[1] == 0 else listen[1] + 1
    if token_check is not None:
        overrides["token_check"] = token_check == "on"
    console.run(_serve("edge", lambda: _open_edge(file, overrides), is_json=is_json))


@click.command(epilog="Example: attacca origin --config /etc/attacca/origin.toml")
@_config
@console.json_option
def origin_command(file: Path | None, is_json: bool) -> None:
    """Run an origin: takes masters in, packages them, serves edges."""
    console.run(_serve("origin", lambda: _open_origin(file), is_json=is_json))


@click.command(epilog="Example: attacca drm --config /etc/attacca/drm.toml")
@_config
@console.json_option
def drm_command(file: Path | None, is_json: bool) -> None:
    """Run drm: content keys, licences, playback tokens."""
    console.run(_serve("drm", lambda: _open_drm(file), is_json=is_json))


async def _serve(
    role: str, open_role: Callable[[], AbstractAsyncContextManager[Any]], *, is_json: bool
) -> None:
    """Open a role, say where it listens, and keep it until it is asked to stop."""
    from drm.errors import DrmError  # noqa: PLC0415  # heavy, and of no use to `--help`
    from edge.errors import EdgeError  # noqa: PLC0415
    from origin.errors import OriginError  # noqa: PLC0415
    from packager.errors import PackagerError  # noqa: PLC0415

    configure_logging()
    try:
        async with stop_on_signals(), open_role() as service:
            urls = {role: service.url, "admin": service.admin_url}
            if is_json:
                console.print_json({"event": "ready", **urls})
            else:
                click.echo(f"ready: {role} at {service.url}, admin at {service.admin_url}")
            await asyncio.Event().wait()
    except (SettingsError, ListenerError, EdgeError, OriginError, DrmError, PackagerError) as error:
        raise CommandError(console.describe(error)) from error


@contextlib.asynccontextmanager
async def _open_edge(file: Path | None, overrides: dict[str, object]) -> AsyncIterator[Any]:
    from edge.app import EdgeCredentials, open_edge  # noqa: PLC0415
    from edge.settings import EdgeSettings  # noqa: PLC0415

    settings = load_settings(EdgeSettings, "edge", file=file, overrides=overrides)
    credentials = EdgeCredentials(
        operator=read_credential(
            "operator_credential", settings.operator_credential, settings.operator_credential_file
        ),
        edge=read_credential(
            "edge_credential", settings.edge_credential, settings.edge_credential_file
        ),
    )
    async with open_edge(settings, credentials=credentials, clock=WALL_CLOCK_S) as service:
        yield service


@contextlib.asynccontextmanager
async def _open_origin(file: Path | None) -> AsyncIterator[Any]:
    from drm.adapters.http_content_keys import HttpContentKeys  # noqa: PLC0415
    from origin.app import OriginCredentials, open_origin  # noqa: PLC0415
    from origin.settings import OriginSettings  # noqa: PLC0415

    settings = load_settings(OriginSettings, "origin", file=file)
    credentials = OriginCredentials(
        operator=need_credential(
            "operator_credential", settings.operator_credential, settings.operator_credential_file
        ),
        edge=need_credential(
            "edge_credential", settings.edge_credential, settings.edge_credential_file
        ),
    )
    own = need_credential("drm_credential", settings.drm_credential, settings.drm_credential_file)
    async with (
        aiohttp.ClientSession() as session,
        open_origin(
            settings,
            content_keys=HttpContentKeys(settings.drm_url, own, session),
            credentials=credentials,
            clock=WALL_CLOCK_S,
        ) as service,
    ):
        yield service


@contextlib.asynccontextmanager
async def _open_drm(file: Path | None) -> AsyncIterator[Any]:
    from drm.app import DrmCredentials, open_drm  # noqa: PLC0415
    from drm.settings import DrmSettings  # noqa: PLC0415

    settings = load_settings(DrmSettings, "drm", file=file)
    credentials = DrmCredentials(
        operator=need_credential(
            "operator_credential", settings.operator_credential, settings.operator_credential_file
        ),
        edge=need_credential(
            "edge_credential", settings.edge_credential, settings.edge_credential_file
        ),
        origin=need_credential(
            "origin_credential", settings.origin_credential, settings.origin_credential_file
        ),
    )
    async with open_drm(settings, credentials, clock=WALL_CLOCK_S) as service:
        yield service
