"""Passing requests on: what is not stored goes through, streamed both ways, one by one."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Final

from aiohttp import HttpVersion11, web

from edge.answers import complete_fields, tell_status
from edge.connection import StreamAsGiven, pass_interim
from edge.errors import (
    ContentBrokenError,
    ContentStalledError,
    ContentTooLargeError,
    DownstreamError,
    UpstreamError,
)
from edge.exchange import Exchange
from edge.fields import Fields, pass_fields, passed_back_fields
from edge.metrics import EdgeCounts
from edge.ports import Upstream, UpstreamAnswer, UpstreamRequest

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class RequestContent:
    """The content of a listener's request, as it goes upstream.

    Args:
        request: whose content.
        bytes_max: longest that is taken.
        stall_s: longest pause within it.

    Attributes:
        error: why it ended early; who sends it on knows only that it did.
    """

    def __init__(self, request: web.BaseRequest, *, bytes_max: int, stall_s: float) -> None:
        self._request = request
        self._bytes_max = bytes_max
        self._stall_s = stall_s
        self.error: DownstreamError | None = None
        length = request.content_length
        if length is not None and length > bytes_max:
            raise ContentTooLargeError(bytes_max)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        received = 0
        if self._request.headers.get("Expect", "").lower() == "100-continue":
            await self._request.writer.write(_CONTINUE)
        while chunk := await self._read_some():
            received += len(chunk)
            if received > self._bytes_max:
                self.error = ContentTooLargeError(self._bytes_max)
                raise self.error
            yield chunk

    async def _read_some(self) -> bytes:
        try:
            async with asyncio.timeout(self._stall_s):
                return await self._request.content.readany()
        except TimeoutError:
            self.error = ContentStalledError(self._stall_s)
            raise self.error from None
        except web.RequestPayloadError:
            self.error = ContentBrokenError("it goes on as no content does")
            raise self.error from None


class Passer:
    """Passes requests on.

    Args:
        content_bytes_max: of a request.
        content_stall_s: longest pause within it.
        is_token_checked: decides which fields pass.
        counts: of this worker.
    """

    def __init__(
        self,
        *,
        content_bytes_max: int,
        content_stall_s: float,
        is_token_checked: bool,
        counts: EdgeCounts,
    ) -> None:
        self._content_bytes_max = content_bytes_max
        self._content_stall_s = content_stall_s
        self._is_token_checked = is_token_checked
        self._counts = counts

    async def forward(
        self,
        request: web.BaseRequest,
        exchange: Exchange,
        upstream: Upstream,
        target: str,
        *,
        authorization: str | None = None,
        is_session_told: bool = False,
    ) -> UpstreamAnswer:
        """Send a listener's request on.

        Args:
            request: of the listener.
            exchange: notes how long the upstream took.
            upstream: where to.
            target: what to send as the target.
            authorization: replaces the listener's own.
            is_session_told: the upstream learns what stands for the token's session.

        Raises:
            UpstreamError: there is no answer.
            DownstreamError: the content of the request is above the limit, or does not arrive.
        """
        session = exchange.session if is_session_told else None
        fields = self._fields_up(request, session)
        if authorization is not None:
            fields["Authorization"] = authorization
        content = None
        if request.can_read_body:
            content = RequestContent(
                request, bytes_max=self._content_bytes_max, stall_s=self._content_stall_s
            )
        sent_s = asyncio.get_running_loop().time()
        try:
            return await upstream.send(
                UpstreamRequest(
                    request.method,
                    target,
                    fields,
                    content,
                    on_interim=partial(pass_interim, request),
                )
            )
        except UpstreamError as error:
            if content is not None and content.error is not None:
                raise content.error from None
            self._counts.note_upstream_error(error)
            raise
        finally:
            exchange.upstream_s = asyncio.get_running_loop().time() - sent_s

    async def stream_back(
        self, request: web.BaseRequest, exchange: Exchange, answer: UpstreamAnswer
    ) -> web.StreamResponse:
        """Send an answer on to the listener as it arrives, at his pace.

        Raises:
            UpstreamError: the content ends early; the head may have been sent by then.
        """
        try:
            fields = self._fields(exchange, answer)
            response = StreamAsGiven(status=answer.status, headers=fields)
            if request.version < HttpVersion11:
                response.force_close()
            exchange.status = answer.status
            exchange.first_byte_s = asyncio.get_running_loop().time()
            await response.prepare(request)
            while data := await answer.read_some():
                await response.write(data)
                exchange.content_bytes += len(data)
            await response.write_eof()
        except UpstreamError as error:
            self._counts.note_upstream_error(error)
            raise
        else:
            return response
        finally:
            answer.close()

    def _fields_up(self, request: web.BaseRequest, session: str | None) -> Fields:
        return pass_fields(
            request.headers, is_token_checked=self._is_token_checked, session=session
        )

    def _fields(self, exchange: Exchange, answer: UpstreamAnswer) -> Fields:
        fields = passed_back_fields(answer.headers, is_token_checked=self._is_token_checked)
        complete_fields(fields, has_cors=self._is_token_checked)
        tell_status(fields, exchange, now_s=asyncio.get_running_loop().time())
        return fields
