"""An edge under a supervisor, as the command line runs it: its workers, and signals to it."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from typing import Final

from cli.clock import WALL_CLOCK_S
from cli.stopping import reloading, reopening_logs
from config.tasks import open_tasks
from edge.supervisor.app import Load, SupervisedEdge, open_supervised_edge

# What is in the working folder is not taken for a part of this program (-P).
WORKER_COMMAND: Final = (sys.executable, "-P", "-m", "cli.edge_worker")


@contextlib.asynccontextmanager
async def open_edge_node(load: Load) -> AsyncIterator[SupervisedEdge]:
    """Run an edge: SIGHUP reloads, SIGUSR1 reopens log files.

    Raises:
        SettingsError, ListenerError, WorkerStartError: it cannot be run.
    """
    async with (
        open_supervised_edge(load, command=WORKER_COMMAND, clock=WALL_CLOCK_S) as node,
        open_tasks() as tasks,
    ):
        asked = asyncio.Event()
        tasks.start(_reload_when_asked(node, asked))
        with reloading(asked.set), reopening_logs(node.reopen_logs):
            yield node


async def _reload_when_asked(node: SupervisedEdge, asked: asyncio.Event) -> None:
    """One after the other; what is asked for meanwhile is done once more afterwards."""
    while True:
        await asked.wait()
        asked.clear()
        await node.reload()
