"""An origin on a raw socket, so that it can misbehave; it notes all that arrives.

async with open_origin() as origin:
    origin.resources["/a"] = Resource(1 << 20, head_delay_s=0.3)
"""

import asyncio
import contextlib
import socket
import struct
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from loadtest.behaviours.content import content_of
from loadtest.behaviours.mischief import Fault, Mischief
from loadtest.behaviours.resource import LIE_BYTES, Plan, Resource, plan_answer

_PIECE_BYTES: Final = 16 << 10
# What the kernel takes beyond what the cache has read counts as sent: little is better.
_SEND_BUFFER_BYTES: Final = 32 << 10
_HEAD_BYTES_MAX: Final = 64 << 10
_ENDLESS_FIELDS_MAX: Final = 200_000
_ENDS_A_CONNECTION: Final = (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError)


@dataclass(slots=True)
class Seen:
    """A request that arrived, and what became of it.

    Attributes:
        method: of the request.
        path: its target.
        fields: by names in lower case.
        arrived_s: on the monotonic clock.
        status: of the answer; 0 before there is one.
        first_byte_s: when the first content was handed to the system.
        content_bytes: sent so far.
        is_open: whether it is still being answered.
    """

    method: str
    path: str
    fields: Mapping[str, str]
    arrived_s: float
    status: int = 0
    first_byte_s: float | None = None
    content_bytes: int = 0
    is_open: bool = True

    @property
    def is_conditional(self) -> bool:
        """Whether it asks if something has changed."""
        return "if-none-match" in self.fields or "if-modified-since" in self.fields


@dataclass(slots=True)
class Origin:
    """A running origin. Made by `open_origin`.

    Attributes:
        url: where it listens.
        resources: what it serves, by path.
        seen: all requests, in the order in which they arrived.
        concurrent_max: how many requests for a path it was answering at once, at most.
    """

    url: str = ""
    resources: dict[str, Resource] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    concurrent_max: Counter[str] = field(default_factory=Counter)
    _concurrent: Counter[str] = field(default_factory=Counter)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def requests_for(self, path: str) -> list[Seen]:
        """What has arrived for a path."""
        return [one for one in self.seen if one.path == path]

    def content_bytes_of(self, path: str) -> int:
        """How much of the content of a path was sent."""
        return sum(one.content_bytes for one in self.requests_for(path))

    def forget(self) -> None:
        """Drop what was noted, for runs that last."""
        self.seen = [one for one in self.seen if one.is_open]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        opened: socket.socket = writer.get_extra_info("socket")
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        writer.transport.set_write_buffer_limits(high=_PIECE_BYTES)
        try:
            with contextlib.suppress(*_ENDS_A_CONNECTION):
                while await self._answer_one(reader, writer):
                    pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _answer_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; tell whether the connection can take another."""
        seen = _parse_head(await reader.readuntil(b"\r\n\r\n"))
        await reader.readexactly(int(seen.fields.get("content-length", "0")))
        self.seen.append(seen)
        self._concurrent[seen.path] += 1
        now = self._concurrent[seen.path]
        self.concurrent_max[seen.path] = max(self.concurrent_max[seen.path], now)
        try:
            return await self._answer(seen, reader, writer)
        finally:
            seen.is_open = False
            self._concurrent[seen.path] -= 1

    async def _answer(
        self, seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        resource = self.resources.get(seen.path.partition("?")[0])
        if resource is None:
            resource = Resource(0, status=404, cache_control="no-store")
        fault = resource.take_fault()
        if resource.head_delay_s:
            await asyncio.sleep(resource.head_delay_s)
        if fault is not None and fault.kind in {Mischief.HANG, Mischief.RESET_EARLY}:
            return await _say_nothing(fault, reader, writer)
        plan = plan_answer(
            seen.path.partition("?")[0], resource, seen.fields, fault=fault, now_s=_wall_clock_s()
        )
        seen.status = plan.status
        is_chunked = resource.is_chunked or (
            fault is not None and fault.kind is Mischief.CHUNKED_GARBAGE
        )
        writer.write(_head_of(plan, fault, is_chunked=is_chunked and plan.text is None))
        if fault is not None and fault.kind is Mischief.ENDLESS_HEAD:
            return await _never_end(reader, writer)
        writer.write(b"\r\n")
        if seen.method == "HEAD" or plan.status == 304:
            await writer.drain()
            return True
        is_sound = await _send_content(seen, resource, plan, fault, writer)
        if fault is not None and fault.kind is Mischief.STALL:
            await reader.read()  # Until the other side has had enough.
        return is_sound

    async def close(self) -> None:
        """End all connections."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def open_origin(port: int = 0, host: str = "127.0.0.1") -> AsyncIterator[Origin]:
    """Serve until the block is left."""
    origin = Origin()
    server = await asyncio.start_server(
        origin.serve, host, port, limit=_HEAD_BYTES_MAX, backlog=1024
    )
    origin.url = f"http://{host}:{server.sockets[0].getsockname()[1]}"
    try:
        yield origin
    finally:
        server.close()
        await origin.close()


def _parse_head(head: bytes) -> Seen:
    request_line, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = request_line.split(" ", 2)
    fields: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            known = fields.get(name.lower())
            fields[name.lower()] = value.strip() if known is None else f"{known}, {value.strip()}"
    return Seen(method, path, fields, time.monotonic())


def _head_of(plan: Plan, fault: Fault | None, *, is_chunked: bool) -> bytes:
    """The head, without the empty line that ends it."""
    fields = list(plan.fields)
    length = plan.stop - plan.start if plan.text is None else len(plan.text)
    if fault is not None and fault.kind is Mischief.LENGTH_LONG:
        length += LIE_BYTES
    if fault is not None and fault.kind is Mischief.LENGTH_SHORT:
        length = max(0, length - LIE_BYTES)
    if is_chunked:
        fields.append(("Transfer-Encoding", "chunked"))
    elif plan.status != 304:
        fields.append(("Content-Length", str(length)))
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return f"HTTP/1.1 {plan.status} Said\r\n{lines}".encode("latin-1")


async def _send_content(
    seen: Seen, resource: Resource, plan: Plan, fault: Fault | None, writer: asyncio.StreamWriter
) -> bool:
    """Send what `plan` says; tell whether the connection can take another request."""
    if plan.text is not None:
        writer.write(plan.text)
        await writer.drain()
        return True
    stop = plan.stop
    if fault is not None and fault.kind in _WITHIN_THE_CONTENT:
        stop = min(stop, plan.start + fault.after_bytes)
    is_chunked = resource.is_chunked
    if fault is not None and fault.kind is Mischief.CHUNKED_GARBAGE:
        is_chunked = True
    begun_s = time.monotonic()
    for start in range(plan.start, stop, _PIECE_BYTES):
        piece = content_of(
            plan.content_path, plan.version, start=start, stop=min(stop, start + _PIECE_BYTES)
        )
        if resource.bytes_per_s:
            due_s = begun_s + (start - plan.start) / resource.bytes_per_s
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
        if seen.first_byte_s is None:
            seen.first_byte_s = time.monotonic()
        writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if is_chunked else piece)
        await writer.drain()
        seen.content_bytes += len(piece)
    if fault is not None and fault.kind in _SPOILS_THE_END:
        return await _spoil_the_end(fault, writer)
    if is_chunked:
        writer.write(b"0\r\n\r\n")
        await writer.drain()
    return True


_WITHIN_THE_CONTENT: Final = frozenset(
    {Mischief.RESET, Mischief.TRUNCATE, Mischief.STALL, Mischief.CHUNKED_GARBAGE}
)
_SPOILS_THE_END: Final = _WITHIN_THE_CONTENT | {Mischief.LENGTH_LONG, Mischief.LENGTH_SHORT}


async def _spoil_the_end(fault: Fault, writer: asyncio.StreamWriter) -> bool:
    match fault.kind:
        case Mischief.RESET:
            _reset(writer)
        case Mischief.CHUNKED_GARBAGE:
            writer.write(b"zebra\r\nthis is no chunk\r\n")
            await writer.drain()
        case _:
            pass
    return False


async def _say_nothing(
    fault: Fault, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> bool:
    if fault.kind is Mischief.HANG:
        await reader.read()
    _reset(writer)
    return False


async def _never_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    for number in range(_ENDLESS_FIELDS_MAX):
        writer.write(b"X-Field-%d: %b\r\n" % (number, b"x" * 100))
        if number % 100 == 0:
            await writer.drain()
    await reader.read()
    return False


def _reset(writer: asyncio.StreamWriter) -> None:
    opened: socket.socket = writer.get_extra_info("socket")
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def _wall_clock_s() -> float:
    return time.time()
