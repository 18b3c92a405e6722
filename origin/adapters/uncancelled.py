"""Work that a cancellation waits for, because half of it cannot be taken back."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

_Result = TypeVar("_Result")


async def finished(work: Coroutine[Any, Any, _Result]) -> _Result:
    """Do `work` to its end, which must come in bounded time, and only then be cancelled.

    A request that has been sent cannot be called back. If it went on behind the back of a caller
    who was cancelled and cleans up, it would write what the caller has just removed.
    """
    # Not of a group, which would cancel it; nobody leaves this function before it is done.
    task = asyncio.get_running_loop().create_task(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is None:
        return task.result()
    if not task.cancelled():
        task.exception()  # Nobody is left to be told of it.
    raise cancelled
