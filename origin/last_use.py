"""Notes in the store when a rendition was last asked for: its objects are touched.

So both `attacca gc --unused-days` and a bucket's own rule that lets objects expire go by the last
use, to a day, and nothing has to be written when somebody listens.
"""

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from typing import Final

from config.tasks import open_tasks
from origin.errors import StoreError
from origin.ports import ObjectStore

logger = logging.getLogger(__name__)

# What is dropped has not been heard for weeks: a day more or less is nothing, and S3 wants money
# for each copy.
TOUCHED_AFTER_S: Final = 86_400.0

# Renditions that are remembered as noted. One that falls out costs a look at its objects.
_NOTED_MAX: Final = 20_000

# Renditions that wait to be touched. One that finds no room is noted at its next use.
_WAITING_MAX: Final = 1_000


class LastUse:
    """Touches what is used, in the background. Made by `open_last_use`.

    Args:
        store: where the objects are.
        clock: seconds since the epoch, to compare with the store's.
        monotonic: seconds since any moment.
    """

    def __init__(
        self, store: ObjectStore, *, clock: Callable[[], float], monotonic: Callable[[], float]
    ) -> None:
        self._store = store
        self._clock = clock
        self._monotonic = monotonic
        # By the first of its keys, when a rendition was noted; the oldest first.
        self._noted: OrderedDict[str, float] = OrderedDict()
        self._waiting: asyncio.Queue[tuple[str, ...]] = asyncio.Queue(_WAITING_MAX)

    def note(self, keys: tuple[str, ...]) -> None:
        """Note that the objects of a rendition are used; the first key names it."""
        now_s = self._monotonic()
        noted_s = self._noted.get(keys[0])
        is_noted = noted_s is not None and now_s - noted_s < TOUCHED_AFTER_S
        if is_noted or self._waiting.full():
            return
        self._noted[keys[0]] = now_s
        self._noted.move_to_end(keys[0])
        if len(self._noted) > _NOTED_MAX:
            self._noted.popitem(last=False)
        self._waiting.put_nowait(keys)

    async def run(self) -> None:
        """Touch what was noted, one object after another; does not return."""
        while True:
            for key in await self._waiting.get():
                await self._touch(key)
            self._waiting.task_done()

    async def settle(self) -> None:
        """Wait until all that was noted has been looked at."""
        await self._waiting.join()

    async def _touch(self, key: str) -> None:
        """Touch an object unless it is new, or somebody else has touched it today."""
        try:
            head = await self._store.head(key)
            if head is not None and self._clock() - head.modified_s > TOUCHED_AFTER_S:
                await self._store.touch(key)
        except StoreError as error:
            # It counts as used at an earlier day: at worst it is packaged again.
            logger.warning("a last use is not noted", extra={"reason": error.reason, "object": key})


@contextlib.asynccontextmanager
async def open_last_use(
    store: ObjectStore, *, clock: Callable[[], float], monotonic: Callable[[], float]
) -> AsyncIterator[LastUse]:
    """Note last uses until the block is left; what waits then is noted another day."""
    last_use = LastUse(store, clock=clock, monotonic=monotonic)
    async with open_tasks() as tasks:
        tasks.start(last_use.run())
        yield last_use
