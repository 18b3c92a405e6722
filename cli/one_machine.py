"""Everything on one machine: the roles' settings from one data folder, opened in their order.

drm first, since origin asks it for keys; origin next, which the edge fetches from; edge last.
"""

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp

from cli.edge_node import WORKER_COMMAND
from cli.installation import Installation, Running
from cli.role_credentials import label_credentials
from cli.stopping import reopening_logs
from config.credential_settings import need_credential
from config.credentials import Credential
from config.settings import load_settings
from drm.adapters.http_content_keys import HttpContentKeys
from drm.app import DrmCredentials, open_drm, open_vault
from drm.ports import ContentKeys
from drm.settings import DrmSettings
from edge.app import EdgeCredentials, EdgeService, open_edge
from edge.settings import EdgeSettings
from edge.supervisor.app import SupervisedEdge, open_supervised_edge
from edge.supervisor.holdings import workers_of
from edge.supervisor.place import NodeConfig
from origin.app import OriginCredentials, open_library, open_origin
from origin.library import Library
from origin.settings import OriginSettings

# Where the listeners stand from the edge's own port on.
_ADMIN: Final = 1
_ORIGIN: Final = 10
_DRM: Final = 15


@dataclass(frozen=True, slots=True)
class Everything:
    """All roles of one machine, running."""

    running: Running
    library: Library


def drm_settings(installation: Installation, **overrides: object) -> DrmSettings:
    """Settings of drm in a data folder.

    Raises:
        SettingsError: a variable names no setting, or its value is wrong.
    """
    folder = {"database": installation.drm_database, "kek_file": installation.kek}
    return load_settings(DrmSettings, "drm", overrides={**folder, **overrides})


def origin_settings(installation: Installation, **overrides: object) -> OriginSettings:
    """Settings of the origin in a data folder.

    Raises:
        SettingsError: a variable names no setting, or its value is wrong.
    """
    folders = {"store": {"folder": installation.store}, "scratch": installation.scratch}
    return load_settings(OriginSettings, "origin", overrides={**folders, **overrides})


@contextlib.asynccontextmanager
async def open_library_of(
    installation: Installation, origin_file: Path | None, *, clock: Callable[[], float]
) -> AsyncIterator[Library]:
    """The library of a data folder, without listeners; `up` may run on it at the same time.

    Args:
        installation: where it is.
        origin_file: settings of an origin that runs apart; its library instead, with keys from
            the drm that it names.
        clock: seconds since the epoch.

    Raises:
        SettingsError, DrmError, OriginError, PackagerError: it cannot be opened.
    """
    async with contextlib.AsyncExitStack() as stack:
        keys: ContentKeys
        if origin_file is None:
            settings = origin_settings(installation)
            vault = open_vault(drm_settings(installation), clock=clock)
            keys = await stack.enter_async_context(vault)
        else:
            settings = load_settings(OriginSettings, "origin", file=origin_file)
            keys = await stack.enter_async_context(open_content_keys(settings))
        yield await stack.enter_async_context(
            open_library(settings, content_keys=keys, clock=clock)
        )


@contextlib.asynccontextmanager
async def open_content_keys(settings: OriginSettings) -> AsyncIterator[ContentKeys]:
    """Content keys from the drm that an origin's settings name.

    Raises:
        SettingsError: there is no credential for it.
    """
    credential = need_credential(
        "drm_credential", settings.drm_credential, settings.drm_credential_file
    )
    async with aiohttp.ClientSession() as session:
        yield HttpContentKeys(settings.drm_url, credential, session)


@contextlib.asynccontextmanager
async def open_everything(
    installation: Installation, *, port: int, clock: Callable[[], float]
) -> AsyncIterator[Everything]:
    """Run all roles on the data folder until the block is left.

    Args:
        installation: its folders exist and are held.
        port: the edge's; the others stand at their distances from it. 0 picks free ones.
        clock: seconds since the epoch.

    Raises:
        SettingsError, ListenerError, DrmError, OriginError, PackagerError, EdgeError: a role
            cannot be opened.
    """
    operator, edge, origin = (Credential.generate() for _ in range(3))
    async with contextlib.AsyncExitStack() as stack:
        drm_service = await stack.enter_async_context(
            open_drm(
                drm_settings(installation, **ports_from(port, _DRM)),
                DrmCredentials(operator=operator, edge=edge, origin=origin),
                clock=clock,
            )
        )
        settings = origin_settings(installation, **ports_from(port, _ORIGIN))
        origin_service = await stack.enter_async_context(
            open_origin(
                settings,
                content_keys=drm_service.content_keys,
                credentials=OriginCredentials(operator, edge, label_credentials(settings)),
                clock=clock,
            )
        )
        upstreams = {"upstream": origin_service.url, "drm": drm_service.url}
        edge_settings = load_settings(
            EdgeSettings, "edge", overrides={**upstreams, **ports_from(port, 0)}
        )
        edge_service = await stack.enter_async_context(
            _open_edge(edge_settings, EdgeCredentials(operator=operator, edge=edge), clock=clock)
        )
        await stack.enter_async_context(origin_service.telling({edge_service.admin_url: operator}))
        urls = {
            "edge": edge_service.url,
            "admin": edge_service.admin_url,
            "origin": origin_service.url,
            "origin_admin": origin_service.admin_url,
            "drm": drm_service.url,
            "drm_admin": drm_service.admin_url,
        }
        yield Everything(Running(urls, operator), origin_service.library)


@contextlib.asynccontextmanager
async def _open_edge(
    settings: EdgeSettings, credentials: EdgeCredentials, *, clock: Callable[[], float]
) -> AsyncIterator[EdgeService | SupervisedEdge]:
    """The edge in this process; several workers are processes under a supervisor in this one."""
    if workers_of(settings) == 1:
        async with open_edge(settings, credentials=credentials, clock=clock) as service:
            with reopening_logs(service.log.reopen):
                yield service
        return

    def load() -> NodeConfig:
        return NodeConfig(settings, credentials)

    async with open_supervised_edge(load, command=WORKER_COMMAND, clock=clock) as node:
        with reopening_logs(node.reopen_logs):
            yield node


def ports_from(port: int, distance: int) -> dict[str, object]:
    """Ports of a role that stands `distance` from the edge; 0 stays 0 and picks free ones."""
    if port == 0:
        return {"port": 0, "admin_port": 0}
    return {"port": port + distance, "admin_port": port + distance + _ADMIN}
