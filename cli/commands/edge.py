"""`attacca edge`: a cache node in a process of its own."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import click
from typing_extensions import override

from cli import console
from cli.edge_node import TRIAL_OPTION, open_edge_node
from cli.role import serve_role
from cli.role_credentials import edge_credentials
from config.settings import SettingsError, load_settings
from edge.settings import EdgeSettings
from edge.supervisor.errors import SupervisorError
from edge.supervisor.place import NodeConfig
from edge.supervisor.upgrading import check_form

_HostAndPort = tuple[str, int]


class HostAndPort(click.ParamType[_HostAndPort]):
    """`HOST:PORT`; an IPv6 address stands in brackets."""

    name = "host:port"

    @override
    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> _HostAndPort:
        """See `click.ParamType.convert`."""
        host, _, port = str(value).rpartition(":")
        if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
            self.fail(f"`{value}` is not HOST:PORT", param, ctx)
        return host.removeprefix("[").removesuffix("]"), int(port)


@click.command(
    epilog="Example: attacca edge --upstream http://127.0.0.1:8000 --listen 127.0.0.1:8080 "
    "--token-check off"
)
@console.settings_option
@click.option("--upstream", help="URL of the origin; any HTTP server when --token-check is off.")
@click.option("--listen", type=HostAndPort(), help="HOST:PORT for listeners; port 0 picks one.")
@click.option(
    "--token-check",
    "check",
    type=click.Choice(["on", "off"]),
    help="Off: a cache that knows nothing of tracks and tokens.",
)
@click.option(TRIAL_OPTION, "is_trial", is_flag=True, hidden=True)
@console.json_option
def edge_command(
    file: Path | None,
    upstream: str | None,
    listen: _HostAndPort | None,
    check: str | None,
    is_trial: bool,
    is_json: bool,
) -> None:
    """Run an edge node: a cache in front of an origin.

    The admin listener is at the next port.
    """
    overrides: dict[str, object] = {}
    if upstream is not None:
        overrides["upstream"] = upstream
    if listen is not None:
        host, port = listen
        admin_port = 0 if port in {0, 65535} else port + 1
        overrides |= {"host": host, "port": port, "admin_port": admin_port}
    if check is not None:
        overrides["token_check"] = check == "on"
    if is_trial:
        with console.told_errors(SettingsError, SupervisorError):
            _load(file, overrides)
            check_form()
        return
    node = open_edge_node(partial(_load, file, overrides))
    console.run(serve_role("edge", node, is_json=is_json))


def _load(file: Path | None, overrides: Mapping[str, object]) -> NodeConfig:
    settings = load_settings(EdgeSettings, "edge", file=file, overrides=overrides)
    return NodeConfig(settings, edge_credentials(settings))
