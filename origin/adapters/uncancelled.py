"""Work that a cancellation waits for, because half of it cannot be taken back."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

_Result = TypeVar("_Result")


async def finished(
    work: Coroutine[Any, Any, _Result], *, patience_s: float | None = None
) -> _Result:
    """Do `work` to its end, which must come in bounded time, and only then be cancelled.

    A request that has been sent cannot be called back. If it went on behind the back of a caller
    who was cancelled and cleans up, it would write what the caller has just removed.

    Args:
        work: what to do.
        patience_s: after being cancelled for this long, `work` is cancelled, too; None for work
            that a cancellation would not end.
    """
    loop = asyncio.get_running_loop()
    # Not of a group, which would cancel it; nobody leaves this function before it is done.
    task = loop.create_task(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError as error:
            if cancelled is None and patience_s is not None:
                loop.call_later(patience_s, task.cancel)
            cancelled = error
    if cancelled is None:
        return task.result()
    if not task.cancelled():
        task.exception()  # Nobody is left to be told of it.
    raise cancelled
