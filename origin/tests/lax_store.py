"""A server that speaks just enough S3, and keeps no promise: what a store of ours must notice."""

import contextlib
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from aiohttp import web

from config.listener import open_listener

_PARTS = "<R><UploadId>1</UploadId></R>"


@dataclass(slots=True)
class LaxStore:
    """Takes whatever is put, under whatever condition.

    Attributes:
        url: where it answers.
        answer: replaces the fields of an answer to GET by these; an empty value removes one.
        status: of an answer to GET.
        trouble: so many requests are answered by 503 before the others.
    """

    url: str = ""
    answer: dict[str, str] = field(default_factory=dict)
    status: int = 200
    trouble: int = 0
    objects: dict[str, tuple[bytes, dict[str, str]]] = field(default_factory=dict)

    async def handle(self, request: web.Request) -> web.Response:
        """Answer any request."""
        body = await request.read()
        if self.trouble:
            self.trouble -= 1
            return web.Response(status=503, text="<Error><Code>SlowDown</Code></Error>")
        match request.method:
            case "PUT":
                return self._put(request, body)
            case "POST":
                text = _PARTS if "uploads" in request.query else '<R><ETag>"1"</ETag></R>'
                return web.Response(text=text, content_type="application/xml")
            case "DELETE":
                self.objects.pop(request.path, None)
                return web.Response(status=204)
            case _:
                return self._get(request)

    def _put(self, request: web.Request, body: bytes) -> web.Response:
        fields = {
            name: value
            for name, value in request.headers.items()
            if name.lower().startswith("x-amz-meta-")
        }
        fields["ETag"] = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        self.objects[request.path] = (body, fields)
        return web.Response(headers={"ETag": fields["ETag"]})

    def _get(self, request: web.Request) -> web.Response:
        if request.path.count("/") < 2:
            return web.Response()
        if request.path not in self.objects:
            return web.Response(status=404, text="<Error><Code>NoSuchKey</Code></Error>")
        body, fields = self.objects[request.path]
        if request.method == "GET":
            fields = {**fields, **self.answer}
            fields = {name: value for name, value in fields.items() if value}
        status = self.status if request.method == "GET" else 200
        return web.Response(body=body, headers=fields, status=status)


@contextlib.asynccontextmanager
async def open_lax_store() -> AsyncIterator[LaxStore]:
    """A lax store on a free port."""
    store = LaxStore()
    app = web.Application(client_max_size=1 << 26)
    app.router.add_route("*", "/{path:.*}", store.handle)
    async with open_listener(app, host="127.0.0.1", port=0) as url:
        store.url = url
        yield store
