"""How many requests to the upstream may be under way at once for fills.

A slot stands for content in flight. A request whose answer has not begun has none: an origin that
packages what is asked for takes its time, and meanwhile the slot is lent to others.
"""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from edge.errors import OverloadedError
from edge.ports import UpstreamAnswer

_AnswerT = TypeVar("_AnswerT", bound=UpstreamAnswer)


class FillSlots:
    """Bounds the fills under way, and with them the bytes in flight: one slice each.

    Args:
        slots_max: fills at once.
        wait_s: how long a fill waits for its turn.
        lent_after_s: how long an answer may take to begin before its slot is lent.
        lent_max: slots that may be lent at once; a request behind one of them holds a connection.
    """

    def __init__(
        self, *, slots_max: int, wait_s: float, lent_after_s: float = 1.0, lent_max: int = 0
    ) -> None:
        assert slots_max > 0
        self._semaphore = asyncio.Semaphore(slots_max)
        self._crowd = max(1, slots_max // 2)
        self._wait_s = wait_s
        self.lent_after_s = lent_after_s
        self.lent_max = lent_max
        self.taken = 0
        self.lent = 0

    @property
    def is_crowded(self) -> bool:
        """Whether there are so many fills that what nobody waits for is better left."""
        return self.taken >= self._crowd

    async def take(self) -> "FillSlot":
        """Wait for a slot.

        Raises:
            OverloadedError: none came free in time.
        """
        await self.acquire()
        return FillSlot(self)

    async def acquire(self) -> None:
        """For slots alone: count one more as taken when it is its turn.

        Raises:
            OverloadedError: none came free in time.
        """
        try:
            async with asyncio.timeout(self._wait_s):
                await self._semaphore.acquire()
        except TimeoutError:
            raise OverloadedError("too many fills are under way") from None
        self.taken += 1

    def release(self) -> None:
        """For slots alone: count one less."""
        self.taken -= 1
        self._semaphore.release()


class FillSlot:
    """One fill's place. Made by `FillSlots.take`."""

    def __init__(self, slots: FillSlots) -> None:
        self._slots = slots
        self._is_held = True

    def give_back(self) -> None:
        """Let somebody else have it; a second time does nothing."""
        if self._is_held:
            self._is_held = False
            self._slots.release()

    async def wait_for_answer(self, sending: Awaitable[_AnswerT]) -> _AnswerT:
        """The answer to a request; while it takes long to begin, the slot is lent.

        Raises:
            OverloadedError: the answer is there, and no slot for it.
            EdgeError: what `sending` raises.
        """
        loop = asyncio.get_running_loop()
        lending = loop.call_later(self._slots.lent_after_s, self._lend)
        try:
            answer = await sending
        finally:
            lending.cancel()
            is_lent = not self._is_held
            self._slots.lent -= is_lent
        if is_lent:
            await self._take_again(answer)
        return answer

    def _lend(self) -> None:
        if self._slots.lent < self._slots.lent_max:
            self._slots.lent += 1
            self.give_back()

    async def _take_again(self, answer: UpstreamAnswer) -> None:
        try:
            await self._slots.acquire()
        except BaseException:
            answer.close()
            raise
        self._is_held = True
