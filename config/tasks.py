"""Tasks with an owner: none outlives the block that it was started in.

A plain `asyncio.TaskGroup` makes an ExceptionGroup of an error of its block; here it stays itself.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine


class Tasks:
    """Starts tasks that live no longer than the block of `open_tasks`."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self._running: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[None, None, None]) -> None:
        """Run `work` apart from whoever asks for it."""
        task = self._group.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def cancel(self) -> None:
        """End all tasks; the block waits for them."""
        for task in self._running:
            task.cancel()


@contextlib.asynccontextmanager
async def open_tasks() -> AsyncIterator[Tasks]:
    """Tasks that are cancelled and waited for when the block is left.

    An error of the block comes out as itself, one of a task as an ExceptionGroup.
    """
    failure: Exception | None = None
    async with asyncio.TaskGroup() as group:
        tasks = Tasks(group)
        try:
            yield tasks
        except Exception as error:  # noqa: BLE001 - raised again outside of the group
            failure = error
        tasks.cancel()
    if failure is not None:
        raise failure
