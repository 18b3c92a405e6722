"""The origin of all of them, in a thread of its own: files with strong tags, and drm's keys."""

import asyncio
import contextlib
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from typing_extensions import override

from benchmarks.hits.shapes import Shape
from loadtest.behaviours.origin import Origin, open_origin
from loadtest.behaviours.resource import Resource

_CACHE_CONTROL: Final = "public, max-age=86400, immutable"
_START_S_MAX: Final = 10.0


@dataclass(frozen=True, slots=True)
class RunningOrigin:
    """The origin, and the keys' server."""

    origin: Origin
    keys_url: str

    @property
    def requests(self) -> int:
        """How many have arrived at the origin."""
        return len(self.origin.seen)


@contextlib.contextmanager
def running_origin(shapes: Iterable[Shape], key_set: bytes) -> Iterator[RunningOrigin]:
    """Serve the objects of `shapes` until the block is left."""
    resources = {
        path: Resource(shape.object_bytes, cache_control=_CACHE_CONTROL)
        for shape in shapes
        for path in shape.paths()
    }
    loop, ready, done = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    told: list[Origin] = []

    async def serve() -> None:
        async with open_origin() as origin:
            origin.resources.update(resources)
            told.append(origin)
            ready.set()
            await done.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    ready.wait(_START_S_MAX)
    try:
        with _running_key_server(key_set) as keys_url:
            yield RunningOrigin(told[0], keys_url)
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join(_START_S_MAX)
        loop.close()


@contextlib.contextmanager
def _running_key_server(key_set: bytes) -> Iterator[str]:
    class KeyHandler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(key_set)))
            self.end_headers()
            self.wfile.write(key_set)

        @override
        def log_message(self, format: str, *args: object) -> None:
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), KeyHandler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(_START_S_MAX)
        server.server_close()
