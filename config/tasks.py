"""Tasks with an owner: none outlives the block that it was started in.

A plain `asyncio.TaskGroup` makes an ExceptionGroup of an error of its block; here it stays itself.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Coroutine

from config.backoff import Backoff

logger = logging.getLogger(__name__)

Work = Callable[[], Coroutine[None, None, None]]
"""Begins some work."""


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

    def keep(self, work: Work, name: str) -> None:
        """Run work apart until it is done: whenever it fails it is begun anew, after a pause.

        Args:
            work: begins it; it has to bear being begun again after an error anywhere in it.
            name: of the work, for the log.
        """
        self.start(_go_on(work, name))

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


async def _go_on(work: Work, name: str) -> None:
    backoff = Backoff()
    now = asyncio.get_running_loop().time
    while True:
        begun_s = now()
        try:
            await work()
        except Exception:  # The task's boundary: what else the process does goes on.
            pause_s = backoff.note_end(lived_s=now() - begun_s)
            logger.exception("a task failed", extra={"task": name, "again_in_s": pause_s})
            await asyncio.sleep(pause_s)
        else:
            return
