"""`attacca drm`: content keys, licences and tokens in a process of its own."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import click

from cli import console
from cli.clock import WALL_CLOCK_S
from cli.role import serve_role
from config.credential_settings import need_credential
from config.settings import load_settings
from drm.app import DrmCredentials, DrmService, open_drm
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
