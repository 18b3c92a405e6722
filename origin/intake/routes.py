"""The ingest API over HTTP: tus 1.0 under `/v1/uploads`, and what it lacks, as JSON.

Core protocol and the extensions Creation, Creation With Upload, Checksum, Expiration and
Termination. Paths that end in `…/uploads` create and list, `…/uploads/{id}` is an upload,
`…/uploads/events` a stream of events.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

import orjson
from aiohttp import hdrs, web

from http_semantics.http_date import format_http_date
from origin.intake.errors import (
    TUS_VERSION,
    TusVersionError,
    UploadFieldError,
    UploadMissingError,
    UploadTypeError,
)
from origin.intake.intake import Intake
from origin.intake.labels import Label
from origin.intake.tus_fields import (
    CHECKSUM_ALGORITHMS,
    CONTENT_TYPE,
    EXTENSIONS,
    parse_checksum,
    parse_idempotency_key,
    parse_number,
)
from origin.intake.upload import State, Upload, is_upload_id
from origin.intake.upload_document import (
    UPLOADS_PATH,
    received_bytes,
    upload_document,
    upload_list_document,
    upload_url,
)
from origin.intake.upload_metadata import encode_metadata, parse_metadata
from origin.intake.upload_store import StoredUpload

Handler = Callable[[web.Request, Label], Awaitable[web.StreamResponse]]

PAGE_DEFAULT: Final = 50
PAGE_MAX: Final = 200

# A follower that takes nothing for so long is gone.
_SEND_S: Final = 30.0

_NO_STORE: Final = {"Cache-Control": "no-store"}
_ALLOWED_METHODS: Final = "GET, HEAD, POST, PATCH, DELETE, OPTIONS"
_ALLOWED_FIELDS: Final = (
    "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, Tus-Resumable, Upload-Checksum, "
    "Upload-Length, Upload-Metadata, Upload-Offset, X-HTTP-Method-Override, X-Requested-With"
)
_EXPOSED_FIELDS: Final = (
    "Location, Retry-After, Tus-Checksum-Algorithm, Tus-Extension, Tus-Max-Size, Tus-Resumable, "
    "Tus-Version, Upload-Expires, Upload-Length, Upload-Metadata, Upload-Offset"
)
_PREFLIGHT_S: Final = 600


def is_intake_path(path: str) -> bool:
    """Whether a path is of the ingest API, which checks by itself who asks."""
    return path == UPLOADS_PATH or path.startswith(f"{UPLOADS_PATH}/")


def add_intake(app: web.Application, intake: Intake) -> None:
    """Serve the ingest API in `app`."""
    _Routes(intake).add_to(app)


class _Routes:
    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    def add_to(self, app: web.Application) -> None:
        uploads = app.router.add_resource(UPLOADS_PATH, name="uploads")
        events = app.router.add_resource(f"{UPLOADS_PATH}/events", name="upload_events")
        upload = app.router.add_resource(f"{UPLOADS_PATH}/{{upload_id}}", name="upload")
        for resource in (uploads, events, upload):
            resource.add_route(hdrs.METH_OPTIONS, self._options)
        uploads.add_route(hdrs.METH_POST, self._guarded(self._create))
        uploads.add_route(hdrs.METH_GET, self._guarded(self._list))
        events.add_route(hdrs.METH_GET, self._guarded(self._follow))
        upload.add_route(hdrs.METH_HEAD, self._guarded(self._head))
        upload.add_route(hdrs.METH_GET, self._guarded(self._show))
        upload.add_route(hdrs.METH_PATCH, self._guarded(self._append))
        upload.add_route(hdrs.METH_DELETE, self._guarded(self._terminate))
        upload.add_route(hdrs.METH_POST, self._guarded(self._override))
        app.on_response_prepare.append(self._mark)
        app.on_shutdown.append(self._shut)

    def _guarded(self, handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def guarded(request: web.Request) -> web.StreamResponse:
            return await handler(request, self._intake.labels.find(request.headers))

        return guarded

    async def _mark(self, request: web.Request, response: web.StreamResponse) -> None:
        """Fields that all answers carry, refusals too."""
        if not is_intake_path(request.path):
            return
        if request.method != hdrs.METH_OPTIONS:
            response.headers["Tus-Resumable"] = TUS_VERSION
        web_origin = request.headers.get(hdrs.ORIGIN)
        if web_origin is not None and self._intake.labels.is_open_to(web_origin):
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = web_origin
            response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = _EXPOSED_FIELDS
            response.headers[hdrs.VARY] = hdrs.ORIGIN

    async def _shut(self, _: web.Application) -> None:
        self._intake.stop()

    async def _options(self, request: web.Request) -> web.Response:
        headers = {
            **_NO_STORE,
            "Tus-Version": TUS_VERSION,
            "Tus-Extension": EXTENSIONS,
            "Tus-Max-Size": str(self._intake.length_max),
            "Tus-Checksum-Algorithm": CHECKSUM_ALGORITHMS,
        }
        if hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers:
            # A browser asks so before it sends the credential.
            self._intake.labels.guard(request.headers, is_operator=False)
            headers[hdrs.ACCESS_CONTROL_ALLOW_METHODS] = _ALLOWED_METHODS
            headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = _ALLOWED_FIELDS
            headers[hdrs.ACCESS_CONTROL_MAX_AGE] = str(_PREFLIGHT_S)
        else:
            self._intake.labels.find(request.headers)
        return web.Response(status=204, headers=headers)

    async def _create(self, request: web.Request, label: Label) -> web.Response:
        _check_version(request)
        for field in ("Upload-Defer-Length", "Upload-Concat"):
            if field in request.headers:
                raise UploadFieldError(field, "this extension of tus is not spoken here")
        length = parse_number("Upload-Length", request.headers.get("Upload-Length"))
        metadata = parse_metadata(_joined(request, "Upload-Metadata"))
        key = parse_idempotency_key(request.headers.get("Idempotency-Key"))
        has_content = request.can_read_body
        if has_content:
            _check_content(request)
        stored, is_new = await self._intake.create(label, length, metadata, key)
        if has_content and not stored.upload.offset and stored.upload.state is State.RECEIVING:
            stored = await self._receive(request, label, stored, offset=0)
        status = 201 if is_new else 200
        headers = {**_fields_of(stored.upload), "Location": upload_url(stored.upload.upload_id)}
        return web.Response(status=status, headers=headers)

    async def _head(self, request: web.Request, label: Label) -> web.Response:
        _check_version(request)
        upload = (await self._find(request, label)).upload
        headers = {**_fields_of(upload), "Upload-Length": str(upload.length)}
        if upload.metadata:
            headers["Upload-Metadata"] = encode_metadata(upload.metadata)
        return web.Response(headers=headers)

    async def _append(self, request: web.Request, label: Label) -> web.Response:
        _check_version(request)
        _check_content(request)
        offset = parse_number("Upload-Offset", request.headers.get("Upload-Offset"))
        stored = await self._find(request, label)
        stored = await self._receive(request, label, stored, offset=offset)
        return web.Response(status=204, headers=_fields_of(stored.upload))

    async def _receive(
        self, request: web.Request, label: Label, stored: StoredUpload, *, offset: int
    ) -> StoredUpload:
        return await self._intake.append(
            label,
            stored.upload.upload_id,
            request.content,
            offset=offset,
            content_length=request.content_length,
            checksum=parse_checksum(request.headers.get("Upload-Checksum")),
        )

    async def _terminate(self, request: web.Request, label: Label) -> web.Response:
        _check_version(request)
        await self._intake.removal.terminate(label.name, _id_of(request))
        return web.Response(status=204, headers=_NO_STORE)

    async def _override(self, request: web.Request, label: Label) -> web.StreamResponse:
        """Clients behind proxies that know no PATCH send POST and name what they mean."""
        match request.headers.get("X-HTTP-Method-Override", "").upper():
            case hdrs.METH_PATCH:
                return await self._append(request, label)
            case hdrs.METH_DELETE:
                return await self._terminate(request, label)
            case hdrs.METH_HEAD:
                return await self._head(request, label)
            case _:
                pass
        raise web.HTTPMethodNotAllowed(request.method, _ALLOWED_METHODS.split(", "))

    async def _show(self, request: web.Request, label: Label) -> web.Response:
        upload = (await self._find(request, label)).upload
        progress = await self._intake.processor.progress_of(upload)
        waiting = self._intake.processor.waiting(upload.upload_id)
        return _json(upload_document(upload, progress=progress, waiting=waiting))

    async def _list(self, request: web.Request, label: Label) -> web.Response:
        after, limit = request.query.get("after", ""), _limit_of(request)
        if after and not is_upload_id(after):
            raise UploadFieldError("after", "it is no id of an upload")
        wanted = _state_of(request)
        page = await self._intake.uploads.page(label.name, after=after, limit=limit)
        found = [one for one in page.uploads if wanted is None or one.state is wanted]
        following = None
        if page.after is not None:
            query = {"limit": str(limit), "after": page.after}
            if wanted is not None:
                query["state"] = wanted
            following = str(request.rel_url.with_path(UPLOADS_PATH).with_query(query))
        return _json(upload_list_document(found, following))

    async def _follow(self, request: web.Request, label: Label) -> web.StreamResponse:
        last = request.headers.get("Last-Event-ID", request.query.get("after"))
        events = await self._intake.streams.open(label.name, last)
        async with contextlib.aclosing(events):
            greeting = await anext(events)  # There may be no room for it after all.
            response = web.StreamResponse(
                headers={
                    **_NO_STORE,
                    hdrs.CONTENT_TYPE: "text/event-stream",
                    "X-Accel-Buffering": "no",
                }
            )
            await response.prepare(request)
            with contextlib.suppress(ConnectionError, TimeoutError):
                await response.write(greeting)
                async for content in events:
                    async with asyncio.timeout(_SEND_S):
                        await response.write(content)
                await response.write_eof()
        return response

    async def _find(self, request: web.Request, label: Label) -> StoredUpload:
        return await self._intake.find(label, _id_of(request))


def _check_version(request: web.Request) -> None:
    if request.headers.get("Tus-Resumable") != TUS_VERSION:
        raise TusVersionError


def _check_content(request: web.Request) -> None:
    if request.content_type != CONTENT_TYPE:
        raise UploadTypeError(f"the content is {request.content_type}")
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
        raise UploadTypeError("the content is encoded (`Content-Encoding`)")


def _joined(request: web.Request, field: str) -> str | None:
    lines = request.headers.getall(field, [])
    return ",".join(lines) if lines else None


def _fields_of(upload: Upload) -> dict[str, str]:
    """How far an upload is."""
    fields = {**_NO_STORE, "Upload-Offset": str(received_bytes(upload))}
    if upload.state is State.RECEIVING:
        fields["Upload-Expires"] = format_http_date(upload.expires_s)
    return fields


def _id_of(request: web.Request) -> str:
    upload_id = request.match_info["upload_id"]
    if not is_upload_id(upload_id):
        raise UploadMissingError
    return upload_id


def _state_of(request: web.Request) -> State | None:
    text = request.query.get("state")
    if text is None:
        return None
    found = next((one for one in State if one.value == text), None)
    if found is None:
        raise UploadFieldError("state", f"the states are {', '.join(State)}")
    return found


def _limit_of(request: web.Request) -> int:
    text = request.query.get("limit", str(PAGE_DEFAULT))
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text) > 0):
        raise UploadFieldError("limit", "it is no number from 1 on")
    return min(int(text), PAGE_MAX)


def _json(document: object) -> web.Response:
    return web.Response(
        body=orjson.dumps(document), content_type="application/json", headers=_NO_STORE
    )
