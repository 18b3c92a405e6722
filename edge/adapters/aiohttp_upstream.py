"""An upstream over aiohttp's client: raw targets, raw content, no redirects, no cookies."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import Any, Final

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import HttpProcessingError
from multidict import CIMultiDictProxy
from typing_extensions import override
from yarl import URL

from config.credentials import EDGE_CREDENTIAL_HEADER, Credential
from edge.errors import (
    UpstreamConnectError,
    UpstreamError,
    UpstreamLostError,
    UpstreamProtocolError,
    UpstreamStalledError,
    UpstreamTimeoutError,
    UpstreamTruncatedError,
    UpstreamUnreachableError,
)
from edge.fields import CACHE_NAME, LOOP_FIELD, is_field_value
from edge.ports import OnInterim, Upstream, UpstreamAnswer, UpstreamRequest
from edge.settings import LimitSettings

# aiohttp adds these of its own accord; what goes upstream is for the edge alone to say.
_NOT_ADDED: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
_ASKING_FOR_304: Final = ("If-None-Match", "If-Modified-Since")
_KEEP_ALIVE_S: Final = 4.0
_READ_BUFFER_BYTES: Final = 256 * 1024


_ON_INTERIM: ContextVar[OnInterim | None] = ContextVar("on_interim", default=None)


class _Response(aiohttp.ClientResponse):
    """A response that tells of the interim ones before it, which the library passes over.

    It touches `protocol.read`, which is not part of the library's interface;
    `tests/test_interim.py` fails when an upgrade changes it.
    """

    @override
    async def start(self, connection: Any) -> aiohttp.ClientResponse:
        tell, protocol = _ON_INTERIM.get(), connection.protocol
        if tell is None:
            return await super().start(connection)
        read = protocol.read

        async def read_and_tell() -> Any:  # noqa: ANN401 - as the library has it
            message, payload = await read()
            if 100 <= message.code < 200:
                tell(message.code, message.headers)
            return message, payload

        protocol.read = read_and_tell
        try:
            return await super().start(connection)
        finally:
            del protocol.read


class _Protocol(ResponseHandler):
    """A connection that tells also those who read content when what arrives is not HTTP.

    The library tells only who waits for a head. What is left of the content never comes then.
    """

    @override
    def set_exception(self, exc: BaseException, *causes: BaseException) -> None:
        super().set_exception(exc, *causes)
        if isinstance(exc, HttpProcessingError) and self._payload is not None:
            self._payload.set_exception(exc)


class AiohttpAnswer(UpstreamAnswer):
    """See `edge.ports.UpstreamAnswer`."""

    def __init__(
        self,
        response: aiohttp.ClientResponse,
        *,
        request_s: float,
        response_s: float,
        stall_s: float,
    ) -> None:
        self._response = response
        self._request_s = request_s
        self._response_s = response_s
        self._stall_s = stall_s
        self._received = 0

    @property
    @override
    def status(self) -> int:
        return self._response.status

    @property
    @override
    def headers(self) -> CIMultiDictProxy[str]:
        return self._response.headers

    @property
    @override
    def request_s(self) -> float:
        return self._request_s

    @property
    @override
    def response_s(self) -> float:
        return self._response_s

    @override
    async def read_some(self) -> bytes:
        try:
            async with asyncio.timeout(self._stall_s):
                data = await self._response.content.readany()
        except TimeoutError:
            raise UpstreamStalledError(f"nothing arrived for {self._stall_s} s") from None
        except (aiohttp.ClientPayloadError, aiohttp.ClientConnectionError) as error:
            expected = self._response.content_length
            if expected is not None:
                raise UpstreamTruncatedError(self._received, expected) from error
            raise UpstreamProtocolError("the content ended in the middle") from error
        except (aiohttp.ClientError, HttpProcessingError, ValueError) as error:
            raise UpstreamProtocolError("the content is not HTTP") from error
        self._received += len(data)
        return data

    @override
    def close(self) -> None:
        # After the end of the content the connection is back in the pool, and this does nothing.
        self._response.close()


class AiohttpUpstream(Upstream):
    """One server; made by `open_upstream`.

    Args:
        session: configured by `open_upstream`.
        url: scheme and authority, no path.
        credential: shown with each request.
        node_id: told with each request, in `CDN-Loop`.
        limits: how long to wait.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        *,
        credential: Credential | None,
        node_id: str,
        limits: LimitSettings,
        clock: Callable[[], float],
    ) -> None:
        self._session = session
        self._url = url
        self._credential = credential
        self._loop_mark = f"{CACHE_NAME};id={node_id}"
        self._limits = limits
        self._clock = clock

    @override
    async def send(self, request: UpstreamRequest) -> AiohttpAnswer:
        # `encoded` keeps yarl from decoding, encoding or resolving anything.
        url = URL(self._url + request.target, encoded=True)
        if url.raw_path_qs != request.target:
            raise UpstreamProtocolError("the target cannot be sent as it is")
        fields = request.fields.copy()
        if self._credential is not None:
            fields[EDGE_CREDENTIAL_HEADER] = self._credential.reveal()
        fields.add(LOOP_FIELD, self._loop_mark)
        request_s = self._clock()
        try:
            async with asyncio.timeout(self._limits.upstream_head_s) as deadline:
                content = request.content
                _ON_INTERIM.set(request.on_interim)
                response = await self._session.request(
                    request.method,
                    url,
                    headers=fields,
                    data=None if content is None else self._timed(content, deadline),
                    allow_redirects=False,
                )
        except aiohttp.ConnectionTimeoutError:
            raise UpstreamConnectError("no connection in time") from None
        except TimeoutError:
            raise UpstreamTimeoutError("no answer in time") from None
        except aiohttp.ClientError as error:
            raise _translated(error) from error
        if response.status < 200:  # Nobody asked for another protocol: RFC 9110 section 7.8.
            response.close()
            raise UpstreamProtocolError("an interim answer where the final one was due")
        if not all(is_field_value(value) for value in response.headers.values()):
            response.close()  # Nobody could be sent this.
            raise UpstreamProtocolError("a field value with a control character")
        if response.status == 304 and not any(name in fields for name in _ASKING_FOR_304):
            response.close()  # RFC 9110 section 15.4.5: there is nothing that it could be about.
            raise UpstreamProtocolError("304 to a request without a condition")
        return AiohttpAnswer(
            response,
            request_s=request_s,
            response_s=self._clock(),
            stall_s=self._limits.upstream_stall_s,
        )

    async def _timed(
        self, content: AsyncIterable[bytes], deadline: asyncio.Timeout
    ) -> AsyncIterator[bytes]:
        """Content on its way up; the upstream's time runs only while it is the upstream's turn."""
        now = asyncio.get_running_loop().time
        _reschedule(deadline, None)
        async for chunk in content:
            _reschedule(deadline, now() + self._limits.upstream_head_s)
            yield chunk
            _reschedule(deadline, None)
        _reschedule(deadline, now() + self._limits.upstream_head_s)


def _reschedule(deadline: asyncio.Timeout, when_s: float | None) -> None:
    with contextlib.suppress(RuntimeError):  # Its block was left: the answer came before the end.
        deadline.reschedule(when_s)


@contextlib.asynccontextmanager
async def open_upstream(  # noqa: PLR0913 - each says another thing of the way
    url: str,
    *,
    credential: Credential | None,
    node_id: str,
    limits: LimitSettings,
    clock: Callable[[], float],
    unix_path: Path | None = None,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[AiohttpUpstream]:
    """A pool of connections to one server, closed when the block is left.

    Args:
        url: scheme and authority, no path.
        credential: shown with each request.
        node_id: told with each request.
        limits: how long to wait, and how many connections there may be.
        clock: seconds since the epoch.
        unix_path: of the socket where it listens; None for TCP.
        tls: how to talk to it; None for what everybody trusts.
    """
    connector = _connector(limits, unix_path=unix_path, tls=tls)
    make = partial(_Protocol, loop=asyncio.get_running_loop())
    connector._factory = make  # type: ignore[assignment]  # noqa: SLF001 - no other way
    async with aiohttp.ClientSession(
        connector=connector,
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=_NOT_ADDED,
        requote_redirect_url=False,
        response_class=_Response,
        read_bufsize=_READ_BUFFER_BYTES,
        max_line_size=limits.header_bytes_max,
        max_field_size=limits.header_bytes_max,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=limits.upstream_connect_s),
    ) as session:
        session._retry_connection = False  # noqa: SLF001 - whether to ask again is for the edge to say
        yield AiohttpUpstream(
            session, url, credential=credential, node_id=node_id, limits=limits, clock=clock
        )


def _connector(
    limits: LimitSettings, *, unix_path: Path | None, tls: ssl.SSLContext | None
) -> aiohttp.BaseConnector:
    options: dict[str, Any] = {
        "limit": limits.upstream_connections_max,
        "limit_per_host": limits.upstream_connections_max,
        # Many servers close what was idle for 5 s, perhaps just when a request is on its way.
        "keepalive_timeout": _KEEP_ALIVE_S,
    }
    if unix_path is not None:
        return aiohttp.UnixConnector(str(unix_path), **options)
    return aiohttp.TCPConnector(ssl=True if tls is None else tls, **options)


def _translated(error: aiohttp.ClientError) -> UpstreamError:
    # The message of the library may show the credential's header: it stays in the chain only.
    if isinstance(error, aiohttp.ClientConnectorError):
        return UpstreamUnreachableError("no connection")
    if isinstance(error, aiohttp.ClientConnectionError):
        return UpstreamLostError("the connection was lost")
    return UpstreamProtocolError("the answer is not HTTP")
