"""Whether the origin can do its work, looked at again and again."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping

from config.tasks import open_tasks
from origin.errors import StoreError
from origin.ports import ObjectStore


class Readiness:
    """Reasons why the origin is not ready. Made by `open_readiness`."""

    def __init__(
        self, store: ObjectStore, *, packager_problem: Callable[[], str], limit_s: float
    ) -> None:
        self._store = store
        self._packager_problem = packager_problem
        self._limit_s = limit_s
        self._store_reasons: Mapping[str, str] = {}

    def reasons(self) -> Mapping[str, str]:
        """By slug; empty when it is ready."""
        problem = self._packager_problem()
        return {**self._store_reasons, **({"packager": problem} if problem else {})}

    async def look(self) -> None:
        """Ask the store once."""
        try:
            async with asyncio.timeout(self._limit_s):
                await self._store.check()
        except StoreError as error:
            self._store_reasons = {error.reason.replace("_", "-"): f"{error}. {error.advice}"}
        except TimeoutError:
            self._store_reasons = {"store-slow": f"no answer within {self._limit_s} s"}
        else:
            self._store_reasons = {}

    async def watch(self, interval_s: float) -> None:
        """Ask the store until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(interval_s)


@contextlib.asynccontextmanager
async def open_readiness(
    store: ObjectStore, *, packager_problem: Callable[[], str], interval_s: float
) -> AsyncIterator[Readiness]:
    """Look at the store every `interval_s` until the block is left."""
    readiness = Readiness(store, packager_problem=packager_problem, limit_s=interval_s)
    async with open_tasks() as tasks:
        tasks.start(readiness.watch(interval_s))
        yield readiness
