"""A node with a supervisor, put together: sockets, workers, one admin listener."""

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from typing import Final

from config.listener import open_listener_on, url_of_queue
from config.settings import SettingsError
from config.sockets import ListenerError, Queue
from config.tasks import Tasks, open_tasks
from edge.app import EdgeCredentials, media_url
from edge.settings import EdgeSettings
from edge.slot import Slot
from edge.supervisor.admin import NodeAdmin
from edge.supervisor.brief import Brief
from edge.supervisor.calls import WorkerCalls
from edge.supervisor.channel import Kind, Message
from edge.supervisor.errors import WorkerStartError
from edge.supervisor.holdings import Holdings, KeptWorker, as_held
from edge.supervisor.ledger import Ledger
from edge.supervisor.metrics import RestartReason, SupervisorCounts
from edge.supervisor.place import NodeConfig, Place
from edge.supervisor.reloading import taken_up
from edge.supervisor.run_folder import holding_run_folder
from edge.supervisor.supervisor import Supervisor
from edge.supervisor.upgrading import become, can_begin
from edge.supervisor.worker_process import WorkerProcess

logger = logging.getLogger(__name__)

# How long an address may be taken at the start.
_START_S_MAX: Final = 1.0
_RETRY_S: Final = 0.1

Load = Callable[[], NodeConfig]
"""Reads the settings and credentials of the node anew; raises SettingsError."""


class SupervisedEdge:
    """A node that runs. Made by `open_supervised_edge`.

    Attributes:
        url: of the listener for media.
        admin_url: of the admin listener.
        supervisor: of its workers.
    """

    def __init__(  # noqa: PLR0913 - each is a part of its own
        self,
        holdings: Holdings,
        supervisor: Supervisor,
        admin: NodeAdmin,
        *,
        load: Load,
        ledger: Ledger,
        counts: SupervisorCounts,
        clock: Callable[[], float],
    ) -> None:
        settings = supervisor.config.settings
        self.url = media_url(settings, holdings.media[0])
        self.admin_url = url_of_queue(settings.admin_host, holdings.admin)
        self.supervisor = supervisor
        self._holdings = holdings
        self._admin = admin
        self._admin_listener = _AdminListener(holdings.admin)
        self._load = load
        self._ledger = ledger
        self._counts = counts
        self._clock = clock
        self._changing = asyncio.Lock()

    async def serve_admin(self) -> None:
        """Answer the operator by the configuration as it is now."""
        await self._admin_listener.serve(self._admin, self.supervisor.config)

    async def close_admin(self) -> None:
        """No longer answer the operator."""
        await self._admin_listener.close()

    async def renew(self) -> None:
        """Have workers of the program before this one replaced, one after the other."""
        async with self._changing:
            try:
                await self.supervisor.roll(self.supervisor.config, RestartReason.UPGRADE)
            except WorkerStartError as error:
                logger.error("workers not replaced: %s", error)  # noqa: TRY400 - it is told

    async def reload(self) -> bool:
        """Read the settings anew and have all workers go by them, or by the old ones as before.

        Where nothing has changed no worker is replaced; certificates are read anew all the same.

        Returns:
            Whether they do.
        """
        async with self._changing:
            self._counts.is_reloaded = await self._reload()
            if self._counts.is_reloaded:
                self._counts.reloaded_s = self._clock()
            return self._counts.is_reloaded

    async def upgrade(self, command: Sequence[str], trial: Sequence[str]) -> None:
        """Become the program of `command`, unless it cannot begin; then everything is as before.

        Args:
            command: of the program, which takes over what is held.
            trial: the same with an option that has it end when it has its settings.
        """
        async with self._changing:
            if not await can_begin(trial):
                logger.error("no upgrade: the new program cannot begin")
                return
            async with self.supervisor.at_rest():
                logger.info("upgrade")
                become(command, self._holdings_now())

    def _holdings_now(self) -> Holdings:
        return replace(
            self._holdings,
            workers=[
                KeptWorker(
                    worker.slot,
                    worker.pid,
                    worker.channel.fileno(),
                    worker.admin_path,
                    is_draining=worker.is_draining,
                )
                for worker in self.supervisor.workers
            ],
            ledger=self._ledger.save(),
            counts=self._counts.save(),
        )

    def reopen_logs(self) -> None:
        """Log files were moved away."""
        self.supervisor.tell_all(Message(Kind.REOPEN))

    async def _reload(self) -> bool:
        running = self.supervisor.config
        try:
            new = self._load()
            settings, fixed = taken_up(new.settings, running.settings)
            config = NodeConfig(settings, new.credentials)
            if config == running:
                self.supervisor.tell_all(Message(Kind.CERTIFICATES))
            else:
                await self.supervisor.roll(config, RestartReason.RELOAD)
            await self.serve_admin()
        except (SettingsError, WorkerStartError, OSError) as error:
            logger.error("settings not taken up: %s", error)  # noqa: TRY400 - it is told
            return False
        if fixed:
            logger.warning("settings that only a restart changes: %s", ", ".join(fixed))
        logger.info("settings taken up")
        return True


class _AdminListener:
    """Serves one application after the other on the same sockets; nobody is refused between."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._serving = contextlib.AsyncExitStack()

    async def serve(self, admin: NodeAdmin, config: NodeConfig) -> None:
        """Serve by a configuration."""
        serving = contextlib.AsyncExitStack()
        copies = tuple(one.dup() for one in self._queue)
        listener = open_listener_on(admin.app(config), copies, shutdown_s=1.0)
        await serving.enter_async_context(listener)
        before, self._serving = self._serving, serving
        await before.aclose()

    async def close(self) -> None:
        """Serve no more."""
        await self._serving.aclose()


@contextlib.asynccontextmanager
async def open_supervised_edge(
    load: Load,
    *,
    command: Sequence[str],
    clock: Callable[[], float],
    holdings: Holdings | None = None,
) -> AsyncIterator[SupervisedEdge]:
    """Run a node until the block is left; requests under way then have a moment to end.

    Args:
        load: reads its settings and credentials.
        command: runs a worker; the number of a descriptor is added to it.
        clock: seconds since the epoch.
        holdings: of a node that runs already, and whose supervisor this one succeeds.

    Raises:
        SettingsError: the settings cannot be used.
        ListenerError: an address is taken or not of this machine.
        WorkerStartError: a worker cannot serve.
    """
    config = load()
    held = holdings or await _fresh(config.settings)
    if holdings is not None:
        config = replace(config, settings=as_held(config.settings, held))
    with contextlib.closing(held), holding_run_folder(held.run_dir, held.lock_fd):
        async with open_tasks() as tasks:
            node = _put_together(held, config, tasks, load=load, command=command, clock=clock)
            try:
                await node.serve_admin()
                if holdings is None:
                    await node.supervisor.start()
                else:
                    node.supervisor.adopt(holdings.workers)
                    tasks.keep(node.renew, "replacing the workers of the program before")
                yield node
            finally:
                await node.close_admin()
                await node.supervisor.stop(config.settings.limits.shutdown_s)


def _put_together(
    held: Holdings,
    config: NodeConfig,
    tasks: Tasks,
    *,
    load: Load,
    command: Sequence[str],
    clock: Callable[[], float],
) -> SupervisedEdge:
    calls = WorkerCalls(held.inner)
    ledger, counts = Ledger(), SupervisorCounts(reloaded_s=clock())
    if held.workers:
        ledger.restore(held.ledger)
        counts.restore(held.counts)
    spawn = _Spawner(held, command)
    supervisor = Supervisor(
        [Place(number, queues, config) for number, queues in enumerate(held.media)],
        spawn,
        tasks=tasks,
        ledger=ledger,
        counts=counts,
    )
    admin = NodeAdmin(supervisor, calls, ledger, counts)
    return SupervisedEdge(
        held, supervisor, admin, load=load, ledger=ledger, counts=counts, clock=clock
    )


async def _fresh(settings: EdgeSettings) -> Holdings:
    """Those of a new node; one that was just killed has its addresses for a moment."""
    end_s = time.monotonic() + _START_S_MAX
    while True:
        try:
            return Holdings.fresh(settings)
        except ListenerError:
            if time.monotonic() >= end_s:
                raise
            await asyncio.sleep(_RETRY_S)


class _Spawner:
    """Starts workers of a node."""

    def __init__(self, held: Holdings, command: Sequence[str]) -> None:
        self._held = held
        self._command = command

    def __call__(self, place: Place, config: NodeConfig, *, is_successor: bool) -> WorkerProcess:
        run_dir = self._held.run_dir
        brief = Brief(
            settings=config.settings,
            credentials=EdgeCredentials(config.credentials.edge, self._held.inner),
            slot=Slot(place.number, len(self._held.media), run_dir),
            admin_path=run_dir / f"admin-{place.number}-{secrets.token_hex(4)}",
            media={
                kind: tuple(one.fileno() for one in queue) for kind, queue in place.queues.items()
            },
            is_successor=is_successor,
            silence_s=config.settings.limits.worker_silence_s,
        )
        return WorkerProcess.start(brief, self._command)
