"""What edges ask: an origin and a drm whose answers follow from the path and the time.

`/v1/audio/TRACK/DIGEST/KIND-SIZE-NUMBER.mp4` exists for each kind, size and number, so that there
is always one that nobody has asked for yet.
"""

import contextlib
import random
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web
from multidict import CIMultiDict

from config.listener import start_site
from drm.tokens import SigningKey, encode_key_set, key_set_of
from http_semantics.byte_range import ByteSlice, parse_range, resolve, unsatisfied_range
from http_semantics.http_date import format_http_date

KEY: Final = SigningKey(bytes(range(32)))
MODIFIED: Final = "Mon, 01 Jan 2024 00:00:00 GMT"
ETAG: Final = '"v1"'

_STRONG: Final = {"ETag": ETAG, "Last-Modified": MODIFIED}
# Fields of the answer, by kind.
KINDS: Final[dict[str, dict[str, str]]] = {
    "long": {**_STRONG, "Cache-Control": "public, max-age=31536000, immutable"},
    "audio": {**_STRONG, "Cache-Control": "public, max-age=86400", "Content-Type": "audio/mp4"},
    "short": {**_STRONG, "Cache-Control": "max-age=60"},
    "must": {**_STRONG, "Cache-Control": "max-age=10, must-revalidate"},
    "swr": {**_STRONG, "Cache-Control": "max-age=10, stale-while-revalidate=1000"},
    "shared": {**_STRONG, "Cache-Control": "max-age=5, s-maxage=3600", "Surrogate-Key": "a b"},
    "weak": {"ETag": 'W/"v1"', "Cache-Control": "max-age=600"},
    "dated": {"Last-Modified": MODIFIED, "Cache-Control": "max-age=600"},
    "bare": {"Cache-Control": "max-age=600"},
    "guess": _STRONG,
    "none": {**_STRONG, "Cache-Control": "no-cache"},
    "nostore": {**_STRONG, "Cache-Control": "no-store"},
    "private": {**_STRONG, "Cache-Control": "private, max-age=600"},
    "vary": {**_STRONG, "Cache-Control": "max-age=600", "Vary": "Accept-Language, X-B"},
    "star": {**_STRONG, "Cache-Control": "max-age=600", "Vary": "*"},
    "coded": {**_STRONG, "Cache-Control": "max-age=600", "Content-Encoding": "gzip"},
    "aged": {**_STRONG, "Cache-Control": "max-age=600", "Age": "30"},
    "rich": {
        **_STRONG,
        "Cache-Control": "max-age=600",
        "Content-Language": "en",
        "Link": '</next>; rel="next"',
        "X-B": "caf\xe9",
        "Server": "theirs",
        "Via": "1.0 theirs",
        "Cache-Status": "theirs; hit",
        "Access-Control-Allow-Origin": "https://a.example",
    },
    "cookie": {**_STRONG, "Cache-Control": "max-age=600", "Set-Cookie": "a=b"},
    "stream": {**_STRONG, "Cache-Control": "max-age=600"},
    "gone": {"Cache-Control": "max-age=60"},
    "moved": {"Cache-Control": "max-age=600", "Location": "/v1/elsewhere"},
}
_STATUSES: Final = {"gone": 404, "moved": 301}

_NAME: Final = re.compile(r".*/([a-z]+)-([0-9]{1,7})-[0-9]+\.mp4")
_BYTES_MAX: Final = 4 << 20
# Of longer content of unknown length it is a matter of time whether an edge knows it all.
_READ_AT_ONCE_MAX: Final = 16_385
_BYTES: Final = random.Random(7).randbytes(_BYTES_MAX)

# Of the node that asks, and of the place that it asks at.
_OF_ONE_NODE: Final = frozenset({"cdn-loop", "host"})


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that has arrived.

    Attributes:
        method: of it.
        target: as received.
        fields: those that do not say which edge asks, in their order.
        content: of it.
    """

    method: str
    target: str
    fields: tuple[tuple[bytes, bytes], ...]
    content: bytes


@dataclass(slots=True)
class Backend:
    """A running origin and drm in one.

    Attributes:
        clock: seconds since the epoch.
        url: of it.
        seen: what has arrived since somebody looked.
        under_way: requests that are not answered yet.
    """

    clock: Callable[[], float]
    url: str = ""
    seen: list[Seen] = field(default_factory=list)
    under_way: int = 0

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        self.under_way += 1
        try:
            return await self._answer(request)
        except ConnectionError:  # The edge has given up, as its client had.
            return web.Response(status=400)
        finally:
            self.under_way -= 1

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/v1/token-keys":
            return web.Response(body=encode_key_set(key_set_of([KEY.verification_key])))
        content = await request.read()
        fields = tuple(
            (name, value)
            for name, value in request.raw_headers
            if name.decode("ascii", "replace").lower() not in _OF_ONE_NODE
        )
        self.seen.append(Seen(request.method, request.raw_path, fields, content))
        own = {"Date": format_http_date(self.clock())}
        match = _NAME.fullmatch(request.raw_path.partition("?")[0])
        if match is None or match[1] not in KINDS:
            return web.Response(status=404, text="nothing here", headers=own)
        if request.method not in {"GET", "HEAD"}:
            return web.Response(text=f"{len(content)} bytes taken", headers=own)
        return _serve(request, match[1], min(int(match[2]), _BYTES_MAX), own)


def _serve(
    request: web.BaseRequest, kind: str, size: int, own: dict[str, str]
) -> web.StreamResponse:
    fields = CIMultiDict({**own, **KINDS[kind]})
    if _is_known(request, kind):
        return web.Response(status=304, headers=fields)
    status, part = _STATUSES.get(kind, 200), ByteSlice(0, size) if size else None
    specs = parse_range(request.headers.get("Range", "")) if kind != "stream" else None
    if status == 200 and specs is not None:
        parts = resolve(specs, size)
        if not parts:
            return web.Response(status=416, headers={"Content-Range": unsatisfied_range(size)})
        status, part = 206, parts[0]
        fields["Content-Range"] = part.content_range(size)
    content = b"" if part is None else _BYTES[part.start : part.stop]
    if kind == "stream":
        response = web.Response(status=status, headers=fields, body=content[:_READ_AT_ONCE_MAX])
        response.enable_chunked_encoding()
        return response
    return web.Response(status=status, headers=fields, body=content)


def _is_known(request: web.BaseRequest, kind: str) -> bool:
    etag = KINDS[kind].get("ETag")
    if "If-None-Match" in request.headers:
        return request.headers["If-None-Match"] == etag
    return request.headers.get("If-Modified-Since") == KINDS[kind].get("Last-Modified", "")


@contextlib.asynccontextmanager
async def open_backend(clock: Callable[[], float]) -> AsyncIterator[Backend]:
    """Serve on a free port until the block is left."""
    backend = Backend(clock)
    server = web.Server(backend.handle, access_log=None, auto_decompress=False)
    runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    try:
        backend.url = await start_site(runner, host="127.0.0.1", port=0)
        yield backend
    finally:
        await runner.cleanup()
