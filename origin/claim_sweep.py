"""Removes the claims of processes that are gone and whose work nobody else wants.

A claim that somebody waits for is taken over by him. Of a job whose outcome was published, or that
nobody asked for again, the claim would stay for good.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Final

from config.tasks import open_tasks
from origin.claims import Claims
from origin.errors import StoreError
from origin.object_key import CLAIMS_PREFIX, parse_claim_key
from origin.ports import ObjectStore

logger = logging.getLogger(__name__)

# What stays longer hurts nobody, and costs a listing each time.
_INTERVAL_S: Final = 3600.0

# More than processes could leave; what is beyond comes when these are gone. `Claims` watches more.
_SWEPT_MAX: Final = 5_000
_PAGE: Final = 1_000

# Each is looked at a second time no sooner than a lease after the first.
_LEASES_WAITED: Final = 1.1


class ClaimSweep:
    """Looks through the claims of a store. Made by `open_claim_sweep`."""

    def __init__(self, store: ObjectStore, claims: Claims) -> None:
        self._store = store
        self._claims = claims

    async def sweep(self) -> int:
        """Watch every claim for a lease; returns how many were removed.

        Raises:
            StoreError: the claims cannot be listed.
        """
        names = await self._names()
        if not names:
            return 0
        await self._bury(names)
        await asyncio.sleep(self._claims.lease_s * _LEASES_WAITED)
        return await self._bury(names)

    async def run(self) -> None:
        """Sweep from time to time; does not return."""
        while True:
            try:
                count = await self.sweep()
            except StoreError as error:
                logger.warning("claims are not looked through", extra={"reason": error.reason})
            else:
                if count:
                    logger.info("claims of dead holders were removed", extra={"count": count})
            await asyncio.sleep(_INTERVAL_S)

    async def _bury(self, names: list[str]) -> int:
        count = 0
        for name in names:
            try:
                count += await self._claims.bury(name)
            except StoreError as error:
                extra = {"reason": error.reason, "claim": name}
                logger.warning("a claim is not looked at", extra=extra)
        return count

    async def _names(self) -> list[str]:
        names: list[str] = []
        after, has_more = "", True
        while has_more and len(names) < _SWEPT_MAX:
            page = await self._store.list_keys(CLAIMS_PREFIX, after=after, limit=_PAGE)
            found = map(parse_claim_key, page.keys)
            names += [name for name in found if name is not None]
            after, has_more = page.keys[-1] if page.keys else after, page.has_more
        return names


@contextlib.asynccontextmanager
async def open_claim_sweep(store: ObjectStore, claims: Claims) -> AsyncIterator[None]:
    """Sweep at once, and then from time to time until the block is left."""
    async with open_tasks() as tasks:
        tasks.start(ClaimSweep(store, claims).run())
        yield
