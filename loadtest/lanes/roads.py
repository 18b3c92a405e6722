"""Two edges that differ in one setting, asked the same at the same time."""

import asyncio
import contextlib
import ipaddress
import re
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import aiohttp
import orjson

from config.credentials import Credential
from edge.app import EdgeCredentials, EdgeService, open_edge
from edge.fronts import Telling
from edge.settings import EdgeSettings
from http_semantics.request_framing import BadRequest, RequestFraming
from loadtest.lanes.answers import Answers
from loadtest.lanes.backend import Backend, Seen, open_backend
from loadtest.lanes.scripts import Script
from loadtest.lanes.tokens import NOW_S

_CREDENTIALS: Final = EdgeCredentials(Credential("a" * 32), Credential("b" * 32))
PATIENCE_S: Final = 20.0
# Until what is not due, but comes, has come.
_AFTERTHOUGHT_S: Final = 0.003
_ROUNDS_OF_LOOP: Final = 6
_READ_BYTES: Final = 1 << 20

# What differs between two answers to one request: when, how long it took, and what is drawn by lot.
_MASKS: Final = (
    (re.compile(rb"\r\nDate: [^\r\n]*"), rb"\r\nDate: -"),
    (re.compile(rb";dur=[0-9.]+"), rb";dur=-"),
    (re.compile(rb"\r\nRetry-After: [0-9]{4,}"), rb"\r\nRetry-After: -"),
    (re.compile(rb"wait [0-9]{4,} s before"), rb"wait - s before"),
)
_PARTS: Final = re.compile(rb"[^\n]*\n|[^\n]+")
_BOUNDARY: Final = re.compile(rb"multipart/byteranges; ?boundary=\"?([0-9a-f]{32})")
_TOLD: Final = re.compile(r"edge_")
_NOT_COMPARED: Final = re.compile(
    r".*(?:seconds_(?:bucket|sum)|_created|fast_lane|log_lines|loop_)"
)
_OF_TIME: Final = ("time", "timestamp", "first_byte_ms", "duration_ms", "upstream_ms")


@dataclass(slots=True)
class Clock:
    """Seconds since the epoch, which stand still until somebody moves them."""

    now_s: float = NOW_S

    def __call__(self) -> float:
        """The time."""
        return self.now_s


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one road made of a script.

    Attributes:
        answers: all bytes that came back, masked.
        count: answers among them that are complete, as far as their requests are known.
        is_ended: the edge ended the connection.
        is_stuck: an answer that was due did not come.
        seen: what its origin was asked, sorted: what runs in the background has no order.
    """

    answers: bytes
    count: int = field(compare=False)
    is_ended: bool
    is_stuck: bool
    seen: tuple[Seen, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Road:
    """One edge and what stands behind it."""

    edge: EdgeService
    backend: Backend
    log: Path
    settings: EdgeSettings

    async def play(self, script: Script) -> Outcome:
        """Send a script, each piece when all that was due before has come back."""
        async with _connected(self.edge.url, script.client) as connection:
            framing = RequestFraming(head_bytes_max=1 << 20)
            is_stuck = False
            hello = self._hello(script.client)
            for piece in script.pieces():
                due = _due(framing, piece, connection.answers)
                is_stuck = not await connection.send(hello + piece, due)
                hello = b""
                if connection.is_ended or is_stuck:
                    break
            if not connection.is_ended:
                await asyncio.sleep(_AFTERTHOUGHT_S)
                await connection.end()
            answers = connection.answers
            return Outcome(
                masked(bytes(answers.data)), answers.count, connection.is_ended, is_stuck
            )

    def _hello(self, client: str) -> bytes:
        """What a server in front says of a client before anything else."""
        front = self.settings.front
        is_believed = any(ipaddress.ip_address(client) in network for network in front.networks)
        if not is_believed or front.telling is not Telling.PROXY:
            return b""
        return b"PROXY TCP4 10.0.0.%b 127.0.0.1 1 2\r\n" % client[-1:].encode()

    def take_seen(self) -> tuple[Seen, ...]:
        """What has arrived at the origin since the last time."""
        seen = tuple(sorted(self.backend.seen, key=repr))
        self.backend.seen.clear()
        return seen

    def log_lines(self) -> list[dict[str, Any]]:
        """The access log, but for times."""
        lines = [orjson.loads(line) for line in self.log.read_bytes().splitlines()]
        return [
            {name: fact for name, fact in line.items() if name not in _OF_TIME} for line in lines
        ]

    async def metrics(self) -> list[str]:
        """What it tells of itself, but for times, and for how often a road was taken."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self.edge.admin_url}/metrics") as answer,
        ):
            lines = (await answer.text()).splitlines()
        return [line for line in lines if _TOLD.match(line) and not _NOT_COMPARED.match(line)]


@dataclass(slots=True)
class _Connection:
    """A client's end of a connection."""

    socket: socket.socket
    answers: Answers = field(default_factory=Answers)
    is_ended: bool = False
    progress: asyncio.Event = field(default_factory=asyncio.Event)

    def read(self) -> None:
        """Take what has arrived."""
        try:
            data = self.socket.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        if data:
            self.answers.feed(data)
        else:
            self.is_ended = True
            asyncio.get_running_loop().remove_reader(self.socket)
        self.progress.set()

    async def send(self, piece: bytes, due: int) -> bool:
        """Send a piece; return whether as many answers as are due have come in time."""
        try:
            await asyncio.get_running_loop().sock_sendall(self.socket, piece)
        except ConnectionError:
            self.is_ended = True
            return True
        try:
            async with asyncio.timeout(PATIENCE_S):
                while self.answers.count < due and not self.is_ended:
                    self.progress.clear()
                    await self.progress.wait()
        except TimeoutError:
            return False
        await _rest()
        return True

    async def end(self) -> None:
        """Say that nothing more is coming, and take what comes all the same."""
        if self.is_ended:
            return
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                while not self.is_ended:
                    self.progress.clear()
                    await self.progress.wait()
        self.is_ended = False


@contextlib.asynccontextmanager
async def _connected(url: str, client: str) -> AsyncIterator[_Connection]:
    loop = asyncio.get_running_loop()
    host, _, port = url.removeprefix("http://").rpartition(":")
    with socket.socket() as raw:
        raw.setblocking(False)  # noqa: FBT003 - its own interface
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        raw.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
        raw.bind((client, 0))
        await loop.sock_connect(raw, (host, int(port)))
        await _rest()
        connection = _Connection(raw)
        loop.add_reader(raw, connection.read)
        try:
            yield connection
        finally:
            loop.remove_reader(raw)


async def _rest() -> None:
    """Let the edge read what is there before more is, and come to rest when all is answered."""
    for _ in range(_ROUNDS_OF_LOOP):
        await asyncio.sleep(0)


def _due(framing: RequestFraming, piece: bytes, answers: Answers) -> int:
    """How many answers are due when a piece has been read."""
    for part in _PARTS.findall(piece):  # A head can only end where its part does.
        heads = framing.heads
        found = framing.feed(part)
        if framing.heads > heads:
            head = found[-1]
            assert isinstance(head, bytes)
            answers.methods.append(head[: head.find(b" ")])
        elif found and isinstance(found[-1], BadRequest):
            answers.methods.append(b"")
    is_whole = framing.is_at_boundary or framing.is_over
    return len(answers.methods) if is_whole else max(0, len(answers.methods) - 1)


def masked(answers: bytes) -> bytes:
    """Answers without what may differ from road to road."""
    for pattern, mask in _MASKS:
        answers = pattern.sub(mask, answers)
    for boundary in dict.fromkeys(_BOUNDARY.findall(answers)):
        answers = answers.replace(boundary, b"-" * 32)
    return answers


@dataclass(frozen=True, slots=True)
class Pair:
    """Both roads, and the clock they go by.

    Attributes:
        idle: tasks that there are when nothing is under way.
    """

    ordinary: Road
    fast: Road
    clock: Clock
    idle: frozenset[asyncio.Task[Any]]

    async def play(self, script: Script) -> tuple[Outcome, Outcome]:
        """What both make of one script."""
        self.clock.now_s += script.wait_s
        outcomes = await asyncio.gather(self.ordinary.play(script), self.fast.play(script))
        await self._settle()
        ordinary, fast = (
            replace(outcome, seen=road.take_seen())
            for outcome, road in zip(outcomes, (self.ordinary, self.fast), strict=True)
        )
        return ordinary, fast

    async def _settle(self) -> None:
        """Wait until nothing is under way any more."""
        async with asyncio.timeout(PATIENCE_S):
            while any(map(_is_busy, asyncio.all_tasks() - self.idle)):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0)


def _is_busy(task: asyncio.Task[Any]) -> bool:
    """Whether a task is another one than this, and than one that waits for a request."""
    name = getattr(task.get_coro(), "__qualname__", "")
    return task is not asyncio.current_task() and name != "RequestHandler.start"


@contextlib.asynccontextmanager
async def open_pair(
    folder: Path, *, is_token_checked: bool, changes: Sequence[Sequence[dict[str, object]]]
) -> AsyncIterator[Pair]:
    """Open two edges until the block is left.

    Args:
        folder: for their access logs.
        is_token_checked: whether they check tokens.
        changes: of settings, for each of them; later ones win.
    """
    clock = Clock()
    roads = []
    async with AsyncExitStack() as stack:
        for number, change in enumerate(changes):
            backend = await stack.enter_async_context(open_backend(clock))
            log = folder / f"access-{number}.log"
            settings = _settings(backend.url, log, *change, is_token_checked=is_token_checked)
            edge = await stack.enter_async_context(
                open_edge(settings, credentials=_CREDENTIALS, clock=clock)
            )
            roads.append(Road(edge, backend, log, settings))
        yield Pair(roads[0], roads[1], clock, frozenset(asyncio.all_tasks()))


def _settings(
    url: str, log: Path, *changes: dict[str, object], is_token_checked: bool
) -> EdgeSettings:
    """Nothing in them goes by the time of the machine as far as that can be."""
    values: dict[str, Any] = {
        "port": 0,
        "admin_port": 0,
        "upstream": url,
        "drm": url,
        "token_check": is_token_checked,
        "access_log": str(log),
        "cache": {
            "slice_bytes": 16 << 10,
            "memory_bytes": 64 << 20,
            "told_s": 0,
            "uncacheable_s": 1e6,
            "stale_patience_s": PATIENCE_S,
        },
        "tokens": {"refusals_burst": 10**9, "early_refresh_s": 1e6},
        "limits": {"shutdown_s": 0.1, "origin_debt_bytes_max": 1 << 50},
    }
    for change in changes:
        for name, value in change.items():
            values[name] = {**values.get(name, {}), **value} if isinstance(value, dict) else value
    return EdgeSettings.model_validate(values)
