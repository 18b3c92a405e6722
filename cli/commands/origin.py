"""`attacca origin`: a packaging origin in a process of its own."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import click

from cli import console
from cli.clock import WALL_CLOCK_S
from cli.one_machine import open_content_keys
from cli.role import serve_role
from cli.role_credentials import operators_of_edges, origin_credentials
from config.settings import load_settings
from origin.app import OriginService, open_origin
from origin.settings import OriginSettings


@click.command(epilog="Example: attacca origin --config /etc/attacca/origin.toml")
@console.settings_option
@console.json_option
def origin_command(file: Path | None, is_json: bool) -> None:
    """Run an origin: takes masters in, packages them, serves edges."""
    console.run(serve_role("origin", _opened(file), is_json=is_json))


@contextlib.asynccontextmanager
async def _opened(file: Path | None) -> AsyncIterator[OriginService]:
    settings = load_settings(OriginSettings, "origin", file=file)
    credentials = origin_credentials(settings)
    async with (
        open_content_keys(settings) as content_keys,
        open_origin(
            settings, content_keys=content_keys, credentials=credentials, clock=WALL_CLOCK_S
        ) as service,
        service.telling(operators_of_edges(settings)),
    ):
        yield service
