"""Whether drm can do its work, looked at again and again."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping

from config.tasks import open_tasks
from drm.errors import VaultError
from drm.key_vault import KeyVault


class Readiness:
    """Reasons why drm is not ready. Made by `open_readiness`."""

    def __init__(self, vault: KeyVault, *, limit_s: float) -> None:
        self._vault = vault
        self._limit_s = limit_s
        self._reasons: Mapping[str, str] = {}

    def reasons(self) -> Mapping[str, str]:
        """By slug, as of the last look; empty when it was ready."""
        return self._reasons

    async def look(self) -> None:
        """Read from the vault once."""
        try:
            async with asyncio.timeout(self._limit_s):
                await self._vault.ping()
        except VaultError as error:
            self._reasons = {error.reason.replace("_", "-"): str(error)}
        except TimeoutError:
            self._reasons = {"vault-slow": f"no answer within {self._limit_s} s"}
        else:
            self._reasons = {}

    async def watch(self, interval_s: float) -> None:
        """Read from the vault until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(interval_s)


@contextlib.asynccontextmanager
async def open_readiness(vault: KeyVault, *, interval_s: float) -> AsyncIterator[Readiness]:
    """Look at the vault every `interval_s` until the block is left."""
    readiness = Readiness(vault, limit_s=interval_s)
    async with open_tasks() as tasks:
        tasks.start(readiness.watch(interval_s))
        yield readiness
