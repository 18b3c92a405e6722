"""How many requests to the upstream may be under way at once for fills."""

import asyncio
from collections.abc import Callable

from edge.errors import OverloadedError


class FillSlots:
    """Bounds the fills under way, and with them the bytes in flight: one slice each.

    Args:
        slots_max: fills at once.
        wait_s: how long a fill waits for its turn.
    """

    def __init__(self, *, slots_max: int, wait_s: float) -> None:
        assert slots_max > 0
        self._semaphore = asyncio.Semaphore(slots_max)
        self._wait_s = wait_s
        self.taken = 0

    async def take(self) -> Callable[[], None]:
        """Wait for a slot; the result gives it back.

        Raises:
            OverloadedError: none came free in time.
        """
        try:
            async with asyncio.timeout(self._wait_s):
                await self._semaphore.acquire()
        except TimeoutError:
            raise OverloadedError("too many fills are under way") from None
        self.taken += 1
        is_taken = True

        def give_back() -> None:
            nonlocal is_taken
            if is_taken:
                is_taken = False
                self.taken -= 1
                self._semaphore.release()

        return give_back
