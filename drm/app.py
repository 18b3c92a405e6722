"""Puts drm together: the vault, the service over it, and its two listeners."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from aiohttp import web
from prometheus_client import CollectorRegistry

from config.credentials import Credential
from config.listener import admin_app, open_listener
from drm.http_api import DrmHttpApi
from drm.kek_file import read_kek, read_or_create_kek
from drm.key_vault import KeyVault, open_key_vault
from drm.key_wrap import KeyEncryptionKey, decode_kek
from drm.metrics import DrmMetrics
from drm.readiness import Readiness, open_readiness
from drm.service import DrmAnswers, DrmCredentials, DrmService
from drm.settings import DrmSettings, TokenSettings
from drm.signing_key_store import SigningKeyStore
from drm.token_desk import open_token_desk
from drm.token_request import TokenLimits

__all__ = ["DrmCredentials", "DrmService", "open_drm", "open_vault"]


@contextlib.asynccontextmanager
async def open_drm(
    settings: DrmSettings, credentials: DrmCredentials, *, clock: Callable[[], float]
) -> AsyncIterator[DrmService]:
    """Run drm until the block is left.

    Args:
        settings: where the vault is and where to listen.
        credentials: who may call.
        clock: seconds since the epoch.

    Raises:
        KekError: the key-encryption key is missing or not that of the vault.
        VaultError: the vault cannot be used.
        ListenerError: an address cannot be listened on.
    """
    async with contextlib.AsyncExitStack() as stack:
        vault = await stack.enter_async_context(open_vault(settings, clock=clock))
        desk = await open_token_desk(
            SigningKeyStore(vault, clock=clock),
            limits=_limits_of(settings.tokens),
            remembered_max=settings.tokens.remembered_max,
            clock=clock,
        )
        metrics = DrmMetrics()
        answers = DrmAnswers(vault, desk, metrics=metrics, kids_max=settings.licenses.kids_max)
        api = DrmHttpApi(answers, credentials, allowed_hosts=settings.allowed_hosts)
        readiness = await stack.enter_async_context(
            open_readiness(vault, interval_s=settings.probe_interval_s)
        )
        admin = _admin_app(settings, credentials.operator, readiness=readiness, metrics=metrics)
        admin_url = await stack.enter_async_context(
            open_listener(admin, host=settings.admin_host, port=settings.admin_port)
        )
        url = await stack.enter_async_context(
            open_listener(api.application(), host=settings.host, port=settings.port)
        )
        yield DrmService(url=url, admin_url=admin_url, vault=vault, answers=answers)


@contextlib.asynccontextmanager
async def open_vault(
    settings: DrmSettings, *, clock: Callable[[], float]
) -> AsyncIterator[KeyVault]:
    """Open the key vault alone, beside a drm that may be running: it is a `ContentKeys`.

    Raises:
        KekError: the key-encryption key is missing or not that of the vault.
        VaultError: the vault cannot be used.
    """
    kek = await asyncio.to_thread(_kek_of, settings)
    async with open_key_vault(
        settings.database, kek, busy_s=settings.database_busy_s, clock=clock
    ) as vault:
        yield vault


def _kek_of(settings: DrmSettings) -> KeyEncryptionKey:
    if settings.kek is not None:
        return decode_kek(settings.kek.get_secret_value())
    path = settings.kek_file or settings.database.with_name("kek")
    if settings.is_kek_created:
        return read_or_create_kek(path, database=settings.database)
    return read_kek(path)


def _limits_of(settings: TokenSettings) -> TokenLimits:
    return TokenLimits(
        ttl_s=settings.ttl_s,
        ttl_s_max=settings.ttl_s_max,
        key_lead_s=settings.key_lead_s,
    )


def _admin_app(
    settings: DrmSettings, operator: Credential, *, readiness: Readiness, metrics: DrmMetrics
) -> web.Application:
    registry = CollectorRegistry()
    registry.register(metrics)
    return admin_app(
        registry=registry,
        readiness=readiness.reasons,
        operator=operator,
        is_metrics_open=settings.is_metrics_open,
        allowed_hosts=frozenset(settings.allowed_hosts),
    )
