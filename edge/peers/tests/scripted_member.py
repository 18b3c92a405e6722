"""A member by script, at the Unix sockets of a worker: real sockets, and everything is noted."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from edge.peers.wording import MET_FIELD

Behaviour = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@dataclass
class ScriptedMember:
    """What it does.

    Attributes:
        content: of what it owns.
        is_silent: it takes connections, and says nothing any more.
        lacks_everything: it says that it has no purge.
        on_purge: called with each purge, before it is answered.
        failed: who it says could not do what it was told.
        told: what it was told to do, by path.
    """

    content: bytes = b"of the owner"
    is_silent: bool = False
    met: str = "hit; age=0.000"
    status: int = 200
    lacks_everything: bool = False
    on_purge: Callable[[], Awaitable[None]] | None = None
    failed: object = field(default_factory=dict)
    seen: list[tuple[str, str]] = field(default_factory=list)
    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        content = await request.read()
        self.seen.append((request.method, request.raw_path))
        if self.is_silent:
            await asyncio.Event().wait()
        if request.method == "POST":
            self.told.append((request.path, orjson.loads(content)))
            if request.path == "/purge" and self.on_purge is not None:
                await self.on_purge()
            purges = orjson.loads(content).get("purges", []) if self.lacks_everything else []
            answers = {"/ping": {"ready": True, "lacks": purges}, "/missed": {"purges": []}}
            return web.Response(
                body=orjson.dumps(answers.get(request.path, {"failed": self.failed}))
            )
        headers = {MET_FIELD: self.met, "ETag": '"v"', "Cache-Control": "max-age=1000"}
        return web.Response(status=self.status, body=self.content, headers=headers)


@contextlib.asynccontextmanager
async def open_scripted_member(path: Path) -> AsyncIterator[ScriptedMember]:
    member = ScriptedMember()
    server = web.Server(member.handle, handler_cancellation=True)
    runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    try:
        own_path = path.with_name(f"w1-{os.getpid()}-00")
        for one in (path, own_path):
            await web.UnixSite(runner, str(one)).start()
        yield member
    finally:
        await runner.cleanup()
