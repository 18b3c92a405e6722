"""One role in a process of its own: opened, announced, kept until it is asked to stop."""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import click

from cli import console
from cli.console import CommandError
from cli.stopping import stop_on_signals
from config.loop_watch import settle_collector
from config.observability import configure_logging
from config.settings import SettingsError
from config.sockets import ListenerError
from drm.errors import DrmError
from edge.errors import EdgeError
from edge.supervisor.errors import SupervisorError
from origin.errors import OriginError
from packager.errors import PackagerError

_TOLD: tuple[type[Exception], ...] = (
    SettingsError,
    ListenerError,
    EdgeError,
    SupervisorError,
    OriginError,
    DrmError,
    PackagerError,
)


class Service(Protocol):
    """A role that runs."""

    @property
    def url(self) -> str:
        """Of its listener."""
        ...

    @property
    def admin_url(self) -> str:
        """Of its admin listener."""
        ...


async def serve_role(
    role: str, opening: AbstractAsyncContextManager[Service], *, is_json: bool
) -> None:
    """Open a role, say where it listens, and keep it until it is asked to stop.

    Raises:
        CommandError: it cannot be opened.
    """
    configure_logging()
    try:
        async with stop_on_signals(), opening as service:
            settle_collector()
            if is_json:
                urls = {role: service.url, "admin": service.admin_url}
                console.print_json({"event": "ready", **urls})
            else:
                click.echo(f"ready: {role} at {service.url}, admin at {service.admin_url}")
            await asyncio.Event().wait()
    except _TOLD as error:
        raise CommandError(console.describe(error)) from error
