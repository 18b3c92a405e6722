"""A slot of the supervisor: its queues, and whoever serves them."""

import asyncio
from dataclasses import dataclass, field

from config.backoff import Backoff
from edge.app import EdgeCredentials
from edge.listening import Queues
from edge.settings import EdgeSettings
from edge.supervisor.worker_process import WorkerProcess


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """What all workers of a node are told.

    Attributes:
        settings: of the node.
        credentials: that it shows and is shown.
    """

    settings: EdgeSettings
    credentials: EdgeCredentials = field(repr=False)


@dataclass(slots=True)
class Place:
    """A slot.

    Attributes:
        number: of the slot.
        queues: that are its own; they stay open as long as the node runs.
        config: of its worker.
        current: serves it now; None while there is nobody.
        starting: will serve it.
        draining: have served it, and end what they began.
        helper: a worker of another slot that takes what arrives here, while there is nobody.
        backoff: how long to wait before the next worker is started.
        changing: held while its worker is being replaced.
    """

    number: int
    queues: Queues
    config: NodeConfig
    current: WorkerProcess | None = None
    starting: WorkerProcess | None = None
    draining: set[WorkerProcess] = field(default_factory=set)
    helper: WorkerProcess | None = None
    backoff: Backoff = field(default_factory=Backoff)
    changing: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def workers(self) -> list[WorkerProcess]:
        """All that have not ended, the one that serves first."""
        known = (self.current, self.starting, *self.draining)
        return [worker for worker in known if worker is not None and worker.status is None]
