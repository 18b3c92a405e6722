"""An edge under a supervisor, as the command line runs it: its workers, and signals to it."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from typing import Final

from cli.clock import WALL_CLOCK_S
from cli.stopping import reloading, reopening_logs
from config.service_manager import notify_ready, notify_reloading, notify_stopping
from config.tasks import open_tasks
from edge.supervisor.app import Load, SupervisedEdge, open_supervised_edge
from edge.supervisor.upgrading import heed_signals, taken_over, this_command

# What is in the working folder is not taken for a part of this program (-P).
WORKER_COMMAND: Final = (sys.executable, "-P", "-m", "cli.edge_worker")

# Has `attacca edge` end as soon as it has its settings.
TRIAL_OPTION: Final = "--trial"


@contextlib.asynccontextmanager
async def open_edge_node(load: Load) -> AsyncIterator[SupervisedEdge]:
    """Run an edge: SIGHUP reloads, SIGUSR1 reopens log files, SIGUSR2 upgrades.

    Raises:
        SettingsError, ListenerError, SupervisorError: it cannot be run.
    """
    # Whoever began this process may have had it ignored, and nobody could wait for workers.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    held = taken_over()
    opening = open_supervised_edge(load, command=WORKER_COMMAND, clock=WALL_CLOCK_S, holdings=held)
    async with opening as node, open_tasks() as tasks:
        reload, upgrade = asyncio.Event(), asyncio.Event()
        command = this_command()
        become = partial(node.upgrade, command, [*command, TRIAL_OPTION])
        tasks.keep(partial(_do_when_asked, partial(_reload, node), reload), "reloading")
        tasks.keep(partial(_do_when_asked, become, upgrade), "upgrading")
        with reloading(reload.set), reopening_logs(node.reopen_logs), _upgrading(upgrade.set):
            heed_signals()
            notify_ready()
            try:
                yield node
            finally:
                notify_stopping()


@contextlib.contextmanager
def _upgrading(upgrade: Callable[[], None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR2, upgrade)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGUSR2)


async def _reload(node: SupervisedEdge) -> None:
    notify_reloading()
    try:
        await node.reload()
    finally:
        notify_ready()


async def _do_when_asked(do: Callable[[], Awaitable[object]], asked: asyncio.Event) -> None:
    """One after the other; what is asked for meanwhile is done once more afterwards."""
    while True:
        await asked.wait()
        asked.clear()
        await do()
