"""Serving GET and HEAD through the cache: from memory, from fills, from a first contact."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from aiohttp import web

from edge.answers import (
    complete_fields,
    lay_out,
    not_modified_fields,
    representation_fields,
    tell_age,
    tell_status,
)
from edge.connection import ResponseAsGiven, StreamAsGiven
from edge.contacts import ContactRequest, Contacts, personal_key, range_key, whole_key
from edge.errors import SliceGoneError, UpstreamBusyError, UpstreamChangedError
from edge.exchange import Exchange
from edge.fields import Fields, fill_fields
from edge.lookup import Ask, NotModified, Part, Whole, select
from edge.outcomes import Learned, Outcome, Told, Uncacheable
from edge.passing import Passer
from edge.ports import Upstream, UpstreamAnswer
from edge.reading import Reading
from edge.representation import Representation
from edge.slices import SliceStore
from edge.target import Target
from edge.uncacheables import Uncacheables
from edge.upstream_answers import Unfit
from http_semantics.byte_range import ByteSlice
from http_semantics.cache_status import Forward

# A version may change under a request; an origin that changes it each time is sick.
_RESTARTS_MAX: Final = 2

# Whoever has followed so many who were told that their own sessions ask for too much asks alone.
_FOLLOWED_MAX: Final = 8

# Copying as much costs less than a second write.
_COALESCED_BYTES_MAX: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class _Request:
    """A GET or HEAD on its way through the cache."""

    raw: web.BaseRequest
    target: Target
    ask: Ask
    exchange: Exchange


class Serving:
    """Serves GET and HEAD.

    Args:
        store: what is known.
        reading: the way to content.
        contacts: the way to what is not known.
        uncacheables: what there is no use in asking for together.
        passer: the way past the cache.
        origin: where all of it comes from.
        whole_bytes_max: longer representations are kept and served in parts only.
        is_token_checked: decides which fields pass.
        clock: seconds since the epoch.
    """

    def __init__(  # noqa: PLR0913 - each is a part of its own
        self,
        *,
        store: SliceStore,
        reading: Reading,
        contacts: Contacts,
        uncacheables: Uncacheables,
        passer: Passer,
        origin: Upstream,
        whole_bytes_max: int,
        is_token_checked: bool,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._reading = reading
        self._contacts = contacts
        self._uncacheables = uncacheables
        self._passer = passer
        self._origin = origin
        self._whole_bytes_max = whole_bytes_max
        self._is_token_checked = is_token_checked
        self._clock = clock
        self._monotonic = asyncio.get_running_loop().time

    def invalidate(self, key: str) -> None:
        """Ask the upstream before what is stored under `key` is used again."""
        found = self._store.current(key)
        if found is not None:
            self._store.retire(found)

    async def serve(
        self, raw: web.BaseRequest, exchange: Exchange, target: Target
    ) -> web.StreamResponse:
        """Answer a request out of the cache, or through it.

        Raises:
            EdgeError: it cannot be answered, or the answer cannot be completed.
        """
        exchange.is_refused = False
        ask = Ask.from_headers(raw.method, raw.headers)
        return await self._serve(_Request(raw, target, ask, exchange))

    async def _serve(self, request: _Request) -> web.StreamResponse:
        """Out of the cache, or through it."""
        for restarts in range(_RESTARTS_MAX + 1):
            representation = self._store.current(request.target.upstream)
            try:
                if representation is not None and representation.is_fresh(now_s=self._clock()):
                    return await self._send(request, representation)
                return await self._ask_upstream(request, representation)
            except UpstreamBusyError as error:
                if request.exchange.status:
                    raise
                request.exchange.is_stored = False
                return await self._send_told(request, Told(503, error.fields, error.content))
            except (UpstreamChangedError, SliceGoneError):
                if request.exchange.status or restarts == _RESTARTS_MAX:
                    raise
        raise AssertionError

    async def _ask_upstream(
        self, request: _Request, stale: Representation | None
    ) -> web.StreamResponse:
        exchange = request.exchange
        exchange.forward = Forward.URI_MISS if stale is None else Forward.STALE
        first = ContactRequest(
            request.target.upstream, self._fill_fields(request), request.ask.only_range, stale
        )
        reason = self._why_uncacheable(first)
        if reason is not None:
            exchange.forward, exchange.detail = Forward.BYPASS, reason
            return await self._pass_through(request)
        if request.ask.method == "HEAD":
            return await self._pass_through(request)
        asked_s = self._monotonic()
        outcome, is_leader = await self._make_contact(first)
        exchange.upstream_s = self._monotonic() - asked_s
        exchange.is_collapsed = not is_leader
        match outcome:
            case Learned(representation=found, upstream_status=status):
                exchange.forward_status = status
                exchange.is_stored = status != 304
                return await self._send(request, found)
            case Told():
                return await self._send_told(request, outcome)
            case Uncacheable(reason=reason):
                exchange.detail = reason
                answer = outcome.take() if is_leader else None
                exchange.is_collapsed = False
                return await self._pass_through(request, answer)

    async def _make_contact(
        self, first: ContactRequest, *, followed: int = 0
    ) -> tuple[Outcome, bool]:
        """What the upstream says, and whether it was asked for this request.

        Args:
            first: the request.
            followed: contacts that came to something for other sessions alone.
        """
        if followed == _FOLLOWED_MAX:
            return await self._contacts.begin_alone(first).outcome_for_leader(), True
        contact, is_leader = self._contacts.join(first)
        if is_leader:
            return await contact.outcome_for_leader(), True
        outcome = await contact.outcome()
        if isinstance(outcome, Told) and not outcome.is_for(first.session):
            # Of all who followed, one leads the others now.
            return await self._make_contact(first, followed=followed + 1)
        if isinstance(outcome, Learned):
            found = outcome.representation
            # What has to be validated before each use was so for the leader's: RFC 9111 section 4.
            if not found.is_fresh(now_s=self._clock()):
                own = self._contacts.begin_alone(replace(first, stale=found))
                return await own.outcome_for_leader(), True
        return outcome, False

    def _why_uncacheable(self, first: ContactRequest) -> str | None:
        keys = [first.key]
        if first.is_personal:
            keys.append(personal_key(first.key))
        narrower = whole_key if first.range_spec is None else range_key
        keys += [narrower(key) for key in keys]
        now_s = self._monotonic()
        reasons = (self._uncacheables.reason_of(key, now_s=now_s) for key in keys)
        return next((reason for reason in reasons if reason is not None), None)

    def _part_fields(self, request: _Request, found: Representation) -> Fields:
        """Fields for parts of what is stored: they have to be as storable as the rest of it."""
        fields = self._fill_fields(request)
        if "Authorization" in fields and not found.may_come_authorized:
            del fields["Authorization"]
        return fields

    def _fill_fields(self, request: _Request) -> Fields:
        return fill_fields(
            request.raw.headers,
            is_token_checked=self._is_token_checked,
            session=request.exchange.session,
        )

    async def _pass_through(
        self, request: _Request, answer: UpstreamAnswer | None = None
    ) -> web.StreamResponse:
        if answer is None:
            answer = await self._passer.forward(
                request.raw,
                request.exchange,
                self._origin,
                request.target.upstream,
                is_session_told=True,
            )
        request.exchange.forward_status = answer.status
        return await self._passer.stream_back(request.raw, request.exchange, answer)

    async def _pass_whole(self, request: _Request) -> web.StreamResponse:
        """Of what is known by its parts: all of it would take the place of everything else."""
        request.exchange.forward = request.exchange.forward or Forward.BYPASS
        request.exchange.is_stored = request.exchange.is_collapsed = False
        request.exchange.detail = Unfit.TOO_LARGE
        return await self._pass_through(request)

    async def _send_told(self, request: _Request, told: Told) -> web.StreamResponse:
        fields = complete_fields(told.fields.copy(), has_cors=self._is_token_checked)
        request.exchange.forward_status = told.status
        tell_status(fields, request.exchange, now_s=self._monotonic())
        fields["Content-Length"] = str(len(told.content))
        return await self._send_content(request, told.status, fields, told.content)

    async def _send(self, request: _Request, found: Representation) -> web.StreamResponse:
        """Send what a request gets of a representation that may be used."""
        now_s = self._clock()
        part: ByteSlice | None
        status = 200
        match select(found, request.ask, now_s=now_s):
            case NotModified():
                fields = not_modified_fields(found, has_cors=self._is_token_checked)
                ttl_s = tell_age(fields, found, request.exchange, now_s=now_s)
                tell_status(fields, request.exchange, ttl_s=ttl_s, now_s=self._monotonic())
                return await self._send_content(request, 304, fields, b"")
            case Whole():
                length = found.complete_length
                if length > self._whole_bytes_max and request.ask.method == "GET":
                    return await self._pass_whole(request)
                part = ByteSlice(0, length) if length else None
            case Part(part=part):
                status = 206
        if part is None or request.ask.method == "HEAD":
            fields = self._fields(request, found, part, status)
            return await self._send_content(request, status, fields, b"")
        content = self._reading.content_at_once(found, part)
        if content is None:
            return await self._follow(request, found, part, status)
        fields = self._fields(request, found, part, status)
        return await self._send_content(request, status, fields, content)

    async def _follow(
        self, request: _Request, found: Representation, part: ByteSlice, status: int
    ) -> web.StreamResponse:
        """Send a part that is not in one piece here: in many slices, or still to come."""
        exchange = request.exchange
        self._note_presence(exchange, found, part)
        asked_s = self._monotonic()
        chunks = self._reading.read(found, part, self._part_fields(request, found))
        async with contextlib.aclosing(chunks):
            # Nothing is said before the first bytes are here: until then all may be taken back.
            chunk = await anext(chunks)
            if exchange.forward is not None and exchange.upstream_s is None:
                exchange.upstream_s = self._monotonic() - asked_s
            fields = self._fields(request, found, part, status)
            response = await self._begin(request, status, fields)
            await response.write(chunk)
            exchange.content_bytes += len(chunk)
            async for more in chunks:
                await response.write(more)
                exchange.content_bytes += len(more)
        await response.write_eof()
        return response

    def _note_presence(self, exchange: Exchange, found: Representation, part: ByteSlice) -> None:
        if exchange.forward is not None:
            return  # The first contact has said it already.
        presence = self._reading.presence(found, part)
        if presence.filling or presence.missing:
            exchange.forward = Forward.PARTIAL if presence.stored else Forward.MISS
            exchange.is_collapsed = presence.missing == 0
            exchange.is_stored = True

    def _fields(
        self, request: _Request, found: Representation, part: ByteSlice | None, status: int
    ) -> Fields:
        fields = representation_fields(found, has_cors=self._is_token_checked).copy()
        lay_out(fields, found, part, is_part=status == 206)
        ttl_s = tell_age(fields, found, request.exchange, now_s=self._clock())
        tell_status(fields, request.exchange, ttl_s=ttl_s, now_s=self._monotonic())
        return fields

    async def _send_content(
        self,
        request: _Request,
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
        self, request: _Request, status: int, fields: Fields, *, is_short: bool = False
    ) -> web.StreamResponse:
        # The former holds its head back until the first content: one write, and one copy of it.
        kind = ResponseAsGiven if is_short else StreamAsGiven
        response = kind(status=status, headers=fields)
        request.exchange.status = status
        request.exchange.first_byte_s = self._monotonic()
        await response.prepare(request.raw)
        return response
