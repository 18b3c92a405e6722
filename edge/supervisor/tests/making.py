"""Makes workers for tests of what surrounds them."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Final

from aiohttp import web

from config.listener import open_listener_on
from config.sockets import bind_tcp, bind_unix
from config.tasks import open_tasks
from edge.app import EdgeCredentials
from edge.listening import ListenerKind
from edge.settings import EdgeSettings
from edge.slot import Slot
from edge.supervisor.brief import Brief
from edge.supervisor.channel import Channel
from edge.supervisor.ledger import Ledger
from edge.supervisor.metrics import SupervisorCounts
from edge.supervisor.place import NodeConfig, Place
from edge.supervisor.supervisor import Supervisor
from edge.supervisor.worker_process import WorkerProcess

# A process that does what a worker is told, but serves nobody. Its behaviour is the name of the
# edge's upstream: "sound", "unable", "mortal" (ends at once), "garbled" (says
# what nobody understands), "hanging" (says once that it lives).
_SCRIPT: Final = """
import json, os, select, signal, socket, sys
told = json.load(sys.stdin)
way = told["settings"]["upstream"].rpartition("/")[2]
side = socket.socket(fileno=int(sys.argv[1]))
def say(kind, text=""):
    side.send(json.dumps({"kind": kind, "text": text}).encode())
def leave(*_):
    say("asked")
signal.signal(signal.SIGTERM, leave)
# A signal that comes just before there is waiting must not wait, too.
woken, waking = socket.socketpair()
waking.setblocking(False)
signal.set_wakeup_fd(waking.fileno())
signal.signal(signal.SIGQUIT, signal.SIG_IGN)
if way == "unable":
    say("failed", "it is not able to")
    sys.exit(1)
say("ready")
if way == "garbled":
    side.send(b"{")
    fd = os.memfd_create("metrics")
    os.write(fd, bytes([255]))
    socket.send_fds(side, [b'{"kind": "ended", "names": ["metrics"]}'], [fd])
if way == "hanging":
    side.send(b'{"kind": "alive", "within_s": 0.2}')
if way == "mortal":
    sys.exit(3)
taken = []
while True:
    ready, _, _ = select.select([side, woken], [], [])
    if woken in ready:
        woken.recv(100)
    if side not in ready:
        continue
    data = side.recv(1 << 16)
    if not data:
        break
    order = json.loads(data)
    if order["kind"] in {"accept", "release"}:
        taken.append([order["kind"], order["slot"]])
        path = told["admin_path"] + ".taken"
        with open(path + "-new", "w") as file:
            json.dump(taken, file)
        os.replace(path + "-new", path)
    if order["kind"] == "reopen" and way == "hanging":
        side.send(b'{"kind": "alive", "within_s": 0.2}')
    if order["kind"] in {"drain", "stop"}:
        break
"""
COMMAND: Final = (sys.executable, "-S", "-c", _SCRIPT)


def config_of(way: str = "sound", **changes: object) -> NodeConfig:
    values = {"upstream": f"http://{way}", "limits": {"drain_s": 5.0}, **changes}
    return NodeConfig(EdgeSettings.model_validate(values), EdgeCredentials())


class Spawner:
    """Starts the script; a worker's taken orders stand beside its path."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: list[WorkerProcess] = []
        self.successors: list[bool] = []

    def __call__(self, place: Place, config: NodeConfig, *, is_successor: bool) -> WorkerProcess:
        self.successors.append(is_successor)
        brief = Brief(
            settings=config.settings,
            credentials=config.credentials,
            slot=Slot(place.number, 8, self.folder),
            admin_path=self.folder / f"admin-{len(self.started)}",
            media={
                kind: tuple(one.fileno() for one in queue) for kind, queue in place.queues.items()
            },
            is_successor=is_successor,
        )
        self.started.append(WorkerProcess.start(brief, COMMAND))
        return self.started[-1]


@contextlib.asynccontextmanager
async def open_supervisor(
    folder: Path, count: int, config: NodeConfig | None = None
) -> AsyncIterator[tuple[Supervisor, Spawner, SupervisorCounts]]:
    """A supervisor of scripts, not started yet."""
    spawner, counts = Spawner(folder), SupervisorCounts()
    queues = bind_tcp("127.0.0.1", 0, count=count)
    places = [
        Place(number, {ListenerKind.MEDIA: queue}, config or config_of())
        for number, queue in enumerate(queues)
    ]
    async with asyncio.timeout(60), open_tasks() as tasks:
        supervisor = Supervisor(places, spawner, tasks=tasks, ledger=Ledger(), counts=counts)
        try:
            yield supervisor, spawner, counts
        finally:
            await supervisor.stop(1.0)
            for one in (one for queue in queues for one in queue):
                one.close()


@contextlib.asynccontextmanager
async def open_worker_like(
    path: Path, answer: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> AsyncIterator[WorkerProcess]:
    """What looks like a worker from outside: an admin listener, and a channel."""
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", answer)
    channel, theirs = Channel.pair()
    async with open_listener_on(app, bind_unix(path), shutdown_s=0.1):
        worker = WorkerProcess(slot=0, pid=0, channel=channel, admin_path=path)
        worker.is_ready = True
        worker.settled.set()
        yield worker
    channel.close()
    theirs.close()
