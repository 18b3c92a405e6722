"""Listeners that ask without a pause and look at every byte: who loses a request is counted.

A request is lost when there is no connection, no whole answer, or none within a deadline. Half of
the listeners keep their connections for as long as the server does, half open one for each request.
"""

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from config.listener import open_listener
from config.tasks import open_tasks

_DEADLINE_S: Final = 10.0
_SIZES: Final = (4 << 10, 64 << 10, 700_000)


@dataclass(slots=True)
class Tally:
    """What became of requests.

    Attributes:
        answered: whole, and right.
        lost: by what went wrong.
        wrong: whole, and not what was asked for.
        slowest_s: of those that were answered.
    """

    answered: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    wrong: int = 0
    slowest_s: float = 0.0

    @property
    def lost_count(self) -> int:
        """How many were lost."""
        return sum(self.lost.values())


class SteadyListeners:
    """Ask until cancelled. Made by `open_listeners`.

    Attributes:
        tally: of now; whoever wants a new one puts it here.
    """

    def __init__(self, contents: Mapping[str, bytes]) -> None:
        self.tally = Tally()
        self._contents = contents
        self._targets = list(contents)

    async def listen(self, host: str, port: int, *, is_kept: bool, seed: int) -> None:
        """One listener."""
        chance = random.Random(seed)
        reader: asyncio.StreamReader | None = None
        writer: asyncio.StreamWriter | None = None
        while True:
            target = chance.choice(self._targets)
            tally, begin_s = self.tally, time.monotonic()
            try:
                async with asyncio.timeout(_DEADLINE_S):
                    if reader is None or writer is None:
                        reader, writer = await asyncio.open_connection(host, port)
                    may_go_on = await self._ask(reader, writer, target, tally, is_kept=is_kept)
                tally.slowest_s = max(tally.slowest_s, time.monotonic() - begin_s)
            except (OSError, EOFError, TimeoutError) as error:
                tally.lost[type(error).__name__] += 1
                may_go_on = False
            if not may_go_on and writer is not None:
                writer.close()
                reader = writer = None

    async def _ask(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        target: str,
        tally: Tally,
        *,
        is_kept: bool,
    ) -> bool:
        """Ask once; tell whether the connection may be used again."""
        ending = "" if is_kept else "Connection: close\r\n"
        writer.write(f"GET {target} HTTP/1.1\r\nHost: edge\r\n{ending}\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.partition("\r\ncontent-length:")[2].partition("\r\n")[0])
        body = await reader.readexactly(length)
        if head.startswith("http/1.1 200 ") and body == self._contents[target]:
            tally.answered += 1
        else:
            tally.wrong += 1
        return is_kept and "\r\nconnection: close\r\n" not in head


@contextlib.asynccontextmanager
async def open_origin() -> AsyncIterator[tuple[str, Mapping[str, bytes]]]:
    """An origin; yields its URL, and what it serves."""
    chance = random.Random(11)
    contents = {
        f"/{number}": chance.randbytes(_SIZES[number % len(_SIZES)]) for number in range(24)
    }

    async def serve(request: web.Request) -> web.StreamResponse:
        body = contents[request.path]
        headers = {"ETag": f'"{request.path[1:]}"', "Cache-Control": "public, max-age=86400"}
        http_range = request.http_range
        start, stop = http_range.start or 0, min(http_range.stop or len(body), len(body))
        if start == 0 and stop == len(body):
            return web.Response(body=body, headers=headers)
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(body)}"
        return web.Response(status=206, body=body[start:stop], headers=headers)

    app = web.Application()
    app.router.add_get("/{rest:.*}", serve)
    async with open_listener(app, host="127.0.0.1", port=0, shutdown_s=0.1) as url:
        yield url, contents


@contextlib.asynccontextmanager
async def open_listeners(
    url: str, contents: Mapping[str, bytes], *, count: int
) -> AsyncIterator[SteadyListeners]:
    """Have `count` listeners ask until the block is left."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    listeners = SteadyListeners(contents)
    async with open_tasks() as tasks:
        for number in range(count):
            is_kept = number % 2 == 0
            tasks.start(listeners.listen(host, int(port), is_kept=is_kept, seed=number))
        yield listeners
