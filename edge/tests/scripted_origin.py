"""An origin of the tests: real sockets, behaviour by script, everything that arrived is noted."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from http_semantics.byte_range import parse_range, resolve, unsatisfied_range

FOREVER = "public, max-age=31536000, immutable"

Behaviour = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@dataclass
class Resource:
    """What is served under a path.

    Attributes:
        gate: heads wait for it.
        pause_at: contents stop after this many of their bytes until `resume` is set.
    """

    content: bytes
    etag: str | None = '"v1"'
    cache_control: str | None = FOREVER
    fields: dict[str, str] = field(default_factory=dict)
    gate: asyncio.Event | None = None
    pause_at: int | None = None
    resume: asyncio.Event = field(default_factory=asyncio.Event)
    ignores_ranges: bool = False
    truncate_at: int | None = None


@dataclass(frozen=True)
class Seen:
    method: str
    target: str
    headers: CIMultiDictProxy[str]
    content: bytes


@dataclass
class ScriptedOrigin:
    url: str = ""
    resources: dict[str, Resource] = field(default_factory=dict)
    behaviours: dict[str, Behaviour] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    content_bytes: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def ranges(self) -> list[str | None]:
        return [one.headers.get("Range") for one in self.seen]

    async def wait_for_requests(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.seen) < count:
                self.arrived.clear()
                await self.arrived.wait()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        content = await request.read()
        self.seen.append(Seen(request.method, request.raw_path, request.headers, content))
        self.arrived.set()
        path = request.raw_path.partition("?")[0]
        behaviour = self.behaviours.get(path)
        if behaviour is not None:
            return await behaviour(request)
        resource = self.resources.get(path)
        if resource is None:
            return web.Response(status=404, text="nothing here")
        return await self.serve(request, resource)

    async def serve(self, request: web.BaseRequest, resource: Resource) -> web.StreamResponse:
        if resource.gate is not None:
            await resource.gate.wait()
        fields = CIMultiDict(resource.fields)
        if resource.etag is not None:
            fields["ETag"] = resource.etag
        if resource.cache_control is not None:
            fields["Cache-Control"] = resource.cache_control
        if resource.etag and request.headers.get("If-None-Match") == resource.etag:
            return web.Response(status=304, headers=fields)
        content, status = resource.content, 200
        specs = parse_range(request.headers.get("Range", ""))
        if specs is not None and not resource.ignores_ranges:
            slices = resolve(specs, len(content))
            if not slices:
                fields["Content-Range"] = unsatisfied_range(len(content))
                return web.Response(status=416, headers=fields)
            fields["Content-Range"] = slices[0].content_range(len(content))
            content, status = content[slices[0].start : slices[0].stop], 206
        return await self.send(request, resource, content, status, fields)

    async def send(
        self,
        request: web.BaseRequest,
        resource: Resource,
        content: bytes,
        status: int,
        fields: CIMultiDict[str],
    ) -> web.StreamResponse:
        fields["Content-Length"] = str(len(content))
        response = web.StreamResponse(status=status, headers=fields)
        await response.prepare(request)
        if request.method == "HEAD":
            return response
        position = 0
        while position < len(content):
            stop = min(position + 16 * 1024, len(content))
            if resource.pause_at is not None and position < resource.pause_at:
                stop = min(stop, resource.pause_at)
            if resource.truncate_at is not None:
                stop = min(stop, resource.truncate_at)
            await response.write(content[position:stop])
            self.content_bytes += stop - position
            position = stop
            if position == resource.truncate_at:
                assert request.transport is not None
                request.transport.close()
                break
            if position == resource.pause_at:
                await resource.resume.wait()
        return response


@contextlib.asynccontextmanager
async def open_scripted_origin(
    origin: ScriptedOrigin | None = None,
) -> AsyncIterator[ScriptedOrigin]:
    origin = origin or ScriptedOrigin()
    server = web.Server(
        origin.handle, handler_cancellation=True, access_log=None, auto_decompress=False
    )
    runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=0.2)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        origin.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield origin
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def open_raw_origin(answer: bytes) -> AsyncIterator[ScriptedOrigin]:
    """An origin that sends the same bytes to each connection, whatever is asked, and closes it."""

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            writer.write_eof()
            await reader.read()  # A close with something unread would take the answer with it.

    server = await asyncio.start_server(respond, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield ScriptedOrigin(url=f"http://127.0.0.1:{port}")
