"""Whether the key vault answers, for `/readyz`."""

import asyncio
from collections.abc import Mapping
from typing import Final

from drm.errors import VaultError
from drm.key_vault import KeyVault

_DEADLINE_S: Final = 2.0


class VaultProbe:
    """Reads from the vault when asked to, and tells what came of it."""

    def __init__(self, vault: KeyVault, *, deadline_s: float = _DEADLINE_S) -> None:
        self._vault = vault
        self._deadline_s = deadline_s
        self._reasons: Mapping[str, str] = {}

    async def check(self) -> None:
        """Read from the vault."""
        try:
            async with asyncio.timeout(self._deadline_s):
                await self._vault.ping()
        except VaultError as error:
            self._reasons = {error.reason.replace("_", "-"): str(error)}
        except TimeoutError:
            self._reasons = {"vault-slow": f"no answer within {self._deadline_s} s"}
        else:
            self._reasons = {}

    def reasons(self) -> Mapping[str, str]:
        """Why drm was not ready at the last check; empty when it was."""
        return self._reasons
