import asyncio
import logging
import os
import signal

import pytest
from typing_extensions import override

from cli import stopping
from cli.stopping import reloading, reopening_logs, stop_on_signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_the_block_after_its_cleaning_up(number: signal.Signals):
    steps: list[str] = []
    async with stop_on_signals():
        try:
            os.kill(os.getpid(), number)
            os.kill(os.getpid(), number)
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            steps.append("cleaned up")
    steps.append("left")
    assert steps == ["cleaned up", "left"]


class Listener(logging.Handler):
    """Waits for a line in the log."""

    def __init__(self) -> None:
        super().__init__()
        self.told = asyncio.Event()
        self.text = ""

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self.text = record.getMessage()
        self.told.set()


async def test_a_hang_up_is_explained_and_does_not_end_the_block():
    listener = Listener()
    stopping.logger.addHandler(listener)
    try:
        async with stop_on_signals(), asyncio.timeout(10):
            os.kill(os.getpid(), signal.SIGHUP)
            await listener.told.wait()
    finally:
        stopping.logger.removeHandler(listener)
    assert "restart" in listener.text


async def test_logs_are_reopened_on_a_signal():
    reopened = asyncio.Event()
    with reopening_logs(reopened.set):
        os.kill(os.getpid(), signal.SIGUSR1)
        async with asyncio.timeout(10):
            await reopened.wait()
    assert signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL


async def test_a_hang_up_reloads_what_can_be_read_again():
    reloaded = asyncio.Event()
    async with stop_on_signals():
        with reloading(reloaded.set):
            os.kill(os.getpid(), signal.SIGHUP)
            async with asyncio.timeout(10):
                await reloaded.wait()


async def test_a_cancellation_by_others_passes_through():
    async def wait() -> None:
        async with stop_on_signals():
            await asyncio.Event().wait()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(wait())
        await asyncio.sleep(0)
        task.cancel()
    assert task.cancelled()
