"""The border to aiohttp's server: what it says of its own accord, said as the edge says it.

All that touches names of aiohttp which are not part of its interface is in this module, and
`tests/test_connection.py` fails when an upgrade changes them.
"""

import http
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import hdrs, web
from multidict import CIMultiDictProxy
from typing_extensions import override

from edge.fields import is_field_value
from http_semantics.hop_by_hop import end_to_end_fields
from http_semantics.interim import is_passed_on

_UNREADABLE: Final = 400
_KNOWN_STATUSES: Final = frozenset(http.HTTPStatus)

# Its tracebacks show requests that it cannot parse, and their targets may hold tokens.
_http_logger = logging.getLogger("edge.http")

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

# Answers a request that cannot be read (True), or one that ended in a mistake of ours.
Refuse = Callable[[web.BaseRequest, bool], web.Response]


class EdgeServer(web.Server):
    """Makes the connections of a listener.

    Args:
        handler: of each request.
        refuse: makes the answer where aiohttp would make one.
        options: of `aiohttp.web.Server`.
    """

    def __init__(self, handler: Handler, *, refuse: Refuse, **options: Any) -> None:  # noqa: ANN401
        super().__init__(
            handler,
            logger=_http_logger,
            access_log=None,
            handler_cancellation=True,
            auto_decompress=False,
            **options,
        )
        _http_logger.addFilter(_without_request_text)
        self._refuse = refuse

    @override
    def __call__(self) -> web.RequestHandler:
        return _Connection(self, self._refuse, **self._kwargs)


class _Connection(web.RequestHandler):
    """A connection whose errors are problem documents; nothing of the request is repeated."""

    __slots__ = ("_refuse",)

    def __init__(self, server: EdgeServer, refuse: Refuse, **options: Any) -> None:  # noqa: ANN401
        super().__init__(server, loop=server._loop, **options)  # noqa: SLF001
        self._refuse = refuse

    @override
    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun")
        if status != _UNREADABLE:
            _http_logger.error("a request failed", extra={"error": type(exc).__name__})
        response = self._refuse(request, status == _UNREADABLE)
        response.force_close()
        return response


def pass_interim(request: web.BaseRequest, status: int, fields: CIMultiDictProxy[str]) -> None:
    """Send an interim response to a client that understands it, before its final one."""
    version = request.version.major, request.version.minor
    if request.transport is None or not is_passed_on(status, version=version):
        return
    # A phrase may be left out: RFC 9112 section 4.
    phrase = http.HTTPStatus(status).phrase if status in _KNOWN_STATUSES else ""
    lines = [f"HTTP/1.1 {status} {phrase}"]
    for name, value in end_to_end_fields(fields).items():
        if is_field_value(value):
            lines.append(f"{name}: {value}")
    text = "\r\n".join((*lines, "", ""))
    request.transport.write(text.encode("utf-8", "surrogateescape"))


class StreamAsGiven(web.StreamResponse):
    """A response without the `Content-Type` that aiohttp makes up.

    Where the origin says nothing of it, it is for the listener to find out (RFC 9110 section 8.3).
    """

    @override
    async def _prepare_headers(self) -> None:
        headers = self.headers
        is_given = hdrs.CONTENT_TYPE in headers
        await super()._prepare_headers()
        if not is_given:
            headers.pop(hdrs.CONTENT_TYPE, None)


class ResponseAsGiven(StreamAsGiven, web.Response):
    """The same for one that holds its head back until its first content."""


def _without_request_text(record: logging.LogRecord) -> bool:
    record.exc_info = record.exc_text = None
    return True
