"""Sending what a request gets of a stored response, as its bytes come to hand."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncGenerator, Callable
from typing import Final

from aiohttp import HttpVersion11, web

from edge.answers import (
    complete_fields,
    lay_out,
    not_modified_fields,
    representation_fields,
    tell_age,
    tell_status,
)
from edge.cache_request import CacheRequest
from edge.connection import ResponseAsGiven, StreamAsGiven
from edge.coverage import Presence
from edge.errors import NotStoredError, OriginBudgetError
from edge.exchange import Exchange
from edge.fields import BITRATE_FIELD, Fields
from edge.filling import UNKNOWN_STOP
from edge.lookup import NotModified, Part, Parts, Whole
from edge.origin_budget import OriginBudget
from edge.outcomes import Told
from edge.pacing import UNPACED, AnswerPacing
from edge.reading import Reading
from edge.representation import Representation
from http_semantics import multipart
from http_semantics.byte_range import ByteSlice
from http_semantics.cache_status import Forward

# Copying as much costs less than a second write.
_COALESCED_BYTES_MAX: Final = 64 * 1024

_WITHOUT_CONTENT: Final = frozenset({204, 205, 304})


class Sender:
    """Sends answers from stored responses.

    Args:
        reading: the way to content.
        budget: of what clients make the edge fetch.
        is_token_checked: decides which fields are sent.
        clock: seconds since the epoch.
        pacing: of long answers.
    """

    def __init__(
        self,
        reading: Reading,
        *,
        budget: OriginBudget,
        is_token_checked: bool,
        clock: Callable[[], float],
        pacing: AnswerPacing = UNPACED,
    ) -> None:
        self._reading = reading
        self._pacing = pacing
        self._budget = budget
        self._is_token_checked = is_token_checked
        self._clock = clock
        self._monotonic = asyncio.get_running_loop().time

    async def send(
        self,
        request: CacheRequest,
        found: Representation,
        selection: NotModified | Whole | Part | Parts,
    ) -> web.StreamResponse:
        """Send what was selected of a stored response.

        Raises:
            OriginBudgetError: nothing was sent; the request is to go past the cache.
            EdgeError: bytes are missing and will not come.
        """
        found.requests += 1
        match selection:
            case NotModified():
                return await self._send_not_modified(request, found)
            case Parts(parts=parts):
                return await self._send_parts(request, found, parts)
            case Part(part=part):
                return await self._send_part(request, found, part, 206)
            case Whole():
                length = found.complete_length
                whole = None if length == 0 else ByteSlice(0, length or UNKNOWN_STOP)
                return await self._send_part(request, found, whole, found.status)

    async def send_told(self, request: CacheRequest, told: Told) -> web.StreamResponse:
        """Send an error of the upstream."""
        request.exchange.forward_status = told.status
        fields = self._told_fields(told, request.exchange)
        fields["Content-Length"] = str(len(told.content))
        return await self._send_content(request, told.status, fields, told.content)

    async def _send_not_modified(
        self, request: CacheRequest, found: Representation
    ) -> web.StreamResponse:
        fields = self._not_modified_fields(found)
        self._tell(fields, found, request.exchange)
        return await self._send_content(request, 304, fields, b"")

    async def _send_part(
        self, request: CacheRequest, found: Representation, part: ByteSlice | None, status: int
    ) -> web.StreamResponse:
        if part is None or request.ask.method == "HEAD" or status in _WITHOUT_CONTENT:
            fields = self._fields(request, found, part, status)
            return await self._send_content(request, status, fields, b"")
        is_first = request.exchange.forward is not None
        content = self._reading.content_at_once(found, part, is_first=is_first)
        if content is not None:
            fields = self._fields(request, found, part, status)
            return await self._send_content(request, status, fields, content)
        if status == 206:
            self._charge(request, found, part)
        part_fields = self._part_fields(request, found)
        if self._note_presence(request, found, part) in {Presence.SOME, Presence.COMING}:
            await self._confirm(found, part, part_fields)
        chunks = self._reading.read(found, part, part_fields, is_first=is_first)
        return await self._follow(request, found, status, (part, chunks))

    async def _follow(
        self,
        request: CacheRequest,
        found: Representation,
        status: int,
        source: tuple[ByteSlice, AsyncGenerator[memoryview, None]],
    ) -> web.StreamResponse:
        """Send content that is not in one piece here: in many slices, or still to come."""
        exchange = request.exchange
        asked_s = self._monotonic()
        part, chunks = source
        async with contextlib.aclosing(chunks):
            # Nothing is said before the first bytes are here: until then all may be taken back.
            chunk = await anext(chunks, None)
            if exchange.forward is not None and exchange.upstream_s is None:
                exchange.upstream_s = self._monotonic() - asked_s
            fields = self._fields(request, found, part, status)
            response = await self._begin(request, status, fields)
            begun_s, bitrate = self._monotonic(), found.fields.get(BITRATE_FIELD)
            while chunk is not None:
                elapsed_s = self._monotonic() - begun_s
                wait_s = self._pacing.wait_s(bitrate, exchange.content_bytes, elapsed_s=elapsed_s)
                if wait_s > 0:
                    await asyncio.sleep(wait_s)
                await response.write(chunk)
                exchange.content_bytes += len(chunk)
                chunk = await anext(chunks, None)
        await response.write_eof()
        return response

    async def _send_parts(
        self, request: CacheRequest, found: Representation, parts: tuple[ByteSlice, ...]
    ) -> web.StreamResponse:
        assert found.complete_length is not None
        layout = multipart.lay_out(
            parts,
            content_type=found.fields.get("Content-Type"),
            complete_length=found.complete_length,
            boundary=secrets.token_hex(16),
        )
        exchange = request.exchange
        self._charge(request, found, *parts)
        part_fields = self._part_fields(request, found)
        for part in parts:
            if self._note_presence(request, found, part) is not Presence.ALL:
                await self._confirm(found, part, part_fields)
        fields = self._whole_fields(found)
        fields["Content-Type"] = layout.content_type
        fields.popall("Content-Range", None)
        fields["Content-Length"] = str(layout.length)
        self._tell(fields, found, exchange)
        content = self._multipart(found, layout, part_fields)
        async with contextlib.aclosing(content):
            first = [await anext(content), await anext(content)]  # The second may not come.
            response = await self._begin(request, 206, fields)
            for chunk in first:
                await response.write(chunk)
                exchange.content_bytes += len(chunk)
            async for chunk in content:
                await response.write(chunk)
                exchange.content_bytes += len(chunk)
        await response.write_eof()
        return response

    async def _multipart(
        self, found: Representation, layout: multipart.Multipart, fields: Fields
    ) -> AsyncGenerator[bytes | memoryview, None]:
        for head, part in zip(layout.heads, layout.parts, strict=True):
            yield head
            async with contextlib.aclosing(self._reading.read(found, part, fields)) as chunks:
                async for chunk in chunks:
                    yield chunk
        yield layout.tail

    def _charge(self, request: CacheRequest, found: Representation, *parts: ByteSlice) -> None:
        """Note what is fetched beyond what is asked for.

        Raises:
            OriginBudgetError: it is too much.
        """
        extra_bytes = sum(self._reading.extra_bytes(found, part) for part in parts)
        if not extra_bytes:
            return
        payer, now_s = request.exchange.payer, self._monotonic()
        if self._budget.is_spent(payer, now_s=now_s):
            raise OriginBudgetError("much more was fetched for this client than it was sent")
        self._budget.note_fetched(payer, extra_bytes, now_s=now_s)

    def _part_fields(self, request: CacheRequest, found: Representation) -> Fields:
        """Fields for parts of what is stored: they have to be as storable as the rest of it."""
        fields = request.fill_fields
        if "Authorization" in fields and not found.policy.is_authorization_lifted:
            fields = fields.copy()
            del fields["Authorization"]
        return fields

    def _note_presence(
        self, request: CacheRequest, found: Representation, part: ByteSlice
    ) -> Presence:
        exchange = request.exchange
        presence = self._reading.presence(found, part)
        if request.limits.is_only_if_cached and presence in {Presence.SOME, Presence.NONE}:
            raise NotStoredError("not all of what is asked for is stored")
        if exchange.forward is None and presence is not Presence.ALL:
            exchange.forward = Forward.MISS if presence is Presence.NONE else Forward.PARTIAL
            exchange.is_collapsed = presence is Presence.COMING
            exchange.is_stored = True
        return presence

    async def _confirm(self, found: Representation, part: ByteSlice, fields: Fields) -> None:
        """If the version has changed meanwhile, nothing has been said of this one yet."""
        if not found.policy.is_immutable and found.complete_length is not None:
            await self._reading.confirm(found, part, fields)

    def _fields(
        self, request: CacheRequest, found: Representation, part: ByteSlice | None, status: int
    ) -> Fields:
        fields = self._whole_fields(found)
        lay_out(fields, found, part, is_part=status == 206)
        self._tell(fields, found, request.exchange)
        return fields

    def _whole_fields(self, found: Representation) -> Fields:
        """Fields of all answers from a stored response, to be added to."""
        return representation_fields(found, has_cors=self._is_token_checked).copy()

    def _not_modified_fields(self, found: Representation) -> Fields:
        return not_modified_fields(found, has_cors=self._is_token_checked)

    def _told_fields(self, told: Told, exchange: Exchange) -> Fields:
        fields = complete_fields(told.fields.copy(), has_cors=self._is_token_checked)
        tell_status(fields, exchange, now_s=self._monotonic())
        return fields

    def _tell(self, fields: Fields, found: Representation, exchange: Exchange) -> None:
        """Say how old the answer is, and how it came about."""
        ttl_s = tell_age(fields, found, exchange, now_s=self._clock())
        tell_status(fields, exchange, ttl_s=ttl_s, now_s=self._monotonic())

    async def _send_content(
        self,
        request: CacheRequest,
        status: int,
        fields: Fields,
        content: bytes | bytearray | memoryview,
    ) -> web.StreamResponse:
        is_short = len(content) <= _COALESCED_BYTES_MAX
        response = await self._begin(request, status, fields, is_short=is_short)
        if content and request.ask.method != "HEAD":
            await response.write(content)
            request.exchange.content_bytes = len(content)
        await response.write_eof()
        return response

    async def _begin(
        self, request: CacheRequest, status: int, fields: Fields, *, is_short: bool = False
    ) -> web.StreamResponse:
        # The former holds its head back until the first content: one write, and one copy of it.
        kind = ResponseAsGiven if is_short else StreamAsGiven
        response = kind(status=status, headers=fields)
        if "Content-Length" not in fields and status not in _WITHOUT_CONTENT:
            if request.raw.version < HttpVersion11:
                response.force_close()
            elif request.ask.method != "HEAD":
                response.enable_chunked_encoding()
        request.exchange.status = status
        request.exchange.first_byte_s = self._monotonic()
        await response.prepare(request.raw)
        return response
