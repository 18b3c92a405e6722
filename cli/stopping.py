"""Ctrl-C and `SIGTERM` end a role in order: what runs is cancelled, and cleans up.

`SIGHUP` does not end it: what can be read again is, and a line in the log tells of it.
"""

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Callable, Iterator

logger = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def stop_on_signals() -> AsyncIterator[None]:
    """Leave the block quietly when this process is asked to stop."""
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None
    stopped: list[signal.Signals] = []

    def stop(number: signal.Signals) -> None:
        # Once: a second Ctrl-C must not cut the cleaning up short.
        if not stopped:
            task.cancel()
        stopped.append(number)

    stopping = (signal.SIGINT, signal.SIGTERM)
    for number in stopping:
        loop.add_signal_handler(number, stop, number)
    loop.add_signal_handler(signal.SIGHUP, _explain_hang_up)
    try:
        yield
    except asyncio.CancelledError:
        if not stopped:
            raise
        task.uncancel()
        logger.info("stopped", extra={"signal": stopped[0].name})
    finally:
        for number in (*stopping, signal.SIGHUP):
            loop.remove_signal_handler(number)


@contextlib.contextmanager
def reopening_logs(reopen: Callable[[], None]) -> Iterator[None]:
    """Call `reopen` on `SIGUSR1`, which says that log files were moved away."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, reopen)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGUSR1)


@contextlib.contextmanager
def reloading(reload: Callable[[], None]) -> Iterator[None]:
    """Call `reload` on `SIGHUP`: something that was read at the start can be read again."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, reload)
    try:
        yield
    finally:
        loop.add_signal_handler(signal.SIGHUP, _explain_hang_up)


def _explain_hang_up() -> None:
    logger.warning("nothing is reloaded: settings are read at the start; restart to change them")
