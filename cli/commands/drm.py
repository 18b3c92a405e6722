"""`attacca drm`: content keys, licences and tokens in a process of its own."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import click

from cli import console
from cli.clock import WALL_CLOCK_S
from cli.role import serve_role
from cli.role_credentials import drm_credentials
from config.settings import load_settings
from drm.app import DrmService, open_drm
from drm.settings import DrmSettings


@click.command(epilog="Example: attacca drm --config /etc/attacca/drm.toml")
@console.settings_option
@console.json_option
def drm_command(file: Path | None, is_json: bool) -> None:
    """Run drm: content keys, licences, playback tokens."""
    console.run(serve_role("drm", _opened(file), is_json=is_json))


@contextlib.asynccontextmanager
async def _opened(file: Path | None) -> AsyncIterator[DrmService]:
    settings = load_settings(DrmSettings, "drm", file=file)
    credentials = drm_credentials(settings)
    async with open_drm(settings, credentials, clock=WALL_CLOCK_S) as service:
        yield service
