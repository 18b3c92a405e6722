"""Serving GET and HEAD through the cache: from what is stored, or with the upstream's help."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from aiohttp import web

from edge.cache_request import CacheRequest
from edge.contacts import ContactRequest, Contacts
from edge.errors import (
    NotStoredError,
    OriginBudgetError,
    OverloadedError,
    SliceGoneError,
    UpstreamBusyError,
    UpstreamChangedError,
    UpstreamError,
    UpstreamLostError,
    UpstreamTimeoutError,
    UpstreamUnreachableError,
)
from edge.exchange import Exchange
from edge.lookup import ForOrigin, Whole, select
from edge.origin_budget import OriginBudget
from edge.outcomes import Learned, Outcome, Told, Uncacheable, abandon
from edge.past_cache import PastCache
from edge.representation import Representation
from edge.sending import Sender
from edge.slices import SliceStore
from edge.target import Target
from edge.uncacheables import Uncacheables, personal_key, range_key, whole_key
from edge.upstream_answers import LengthLimits, Unfit
from http_semantics.byte_range import IntRange
from http_semantics.cache_control import NO_DIRECTIVES, Directives
from http_semantics.cache_status import Forward
from http_semantics.reuse import ERROR_STATUSES, Reuse, decide, may_answer_error
from http_semantics.vary import matches

# A version may change under a request; an origin that changes it each time is sick.
_RESTARTS_MAX: Final = 2

# Whoever has followed so many who were told that their own sessions ask for too much asks alone.
_FOLLOWED_MAX: Final = 8

# There was nobody to say that the stored response no longer holds.
_NO_ANSWER: Final = (UpstreamUnreachableError, UpstreamLostError, UpstreamTimeoutError)

_ORIGIN_BUDGET: Final = "origin-budget"

_NO_STORE: Final[Directives] = {"no-store": None}


@dataclass(frozen=True, slots=True)
class StaleLimits:
    """When stale content is sent in place of an answer that does not come.

    Attributes:
        patience_s: how long an answer is waited for while stale content may be sent instead.
        disconnected_s: how long content may have been stale that is sent when the upstream cannot
            be reached, although it was not asked for; 0 sends none.
    """

    patience_s: float
    disconnected_s: float


class Serving:
    """Serves GET and HEAD.

    Args:
        store: what is known.
        sender: sends it.
        contacts: the way to what is not known.
        uncacheables: what there is no use in asking for together.
        past: the way past the cache.
        lengths: longer representations are kept and served in parts only.
        stale: when stale content is sent.
        budget: of what clients make the edge fetch.
        is_token_checked: decides which fields pass.
        clock: seconds since the epoch.
    """

    def __init__(  # noqa: PLR0913 - each is a part of its own
        self,
        *,
        store: SliceStore,
        sender: Sender,
        contacts: Contacts,
        uncacheables: Uncacheables,
        past: PastCache,
        lengths: LengthLimits,
        stale: StaleLimits,
        budget: OriginBudget,
        is_token_checked: bool,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._sender = sender
        self._contacts = contacts
        self._uncacheables = uncacheables
        self._past = past
        self._lengths = lengths
        self._stale = stale
        self._budget = budget
        self._is_token_checked = is_token_checked
        self._clock = clock
        self._monotonic = asyncio.get_running_loop().time

    async def serve(
        self, raw: web.BaseRequest, exchange: Exchange, target: Target
    ) -> web.StreamResponse:
        """Answer a request out of the cache, or through it.

        Raises:
            EdgeError: it cannot be answered, or the answer cannot be completed.
        """
        request = CacheRequest.read(raw, target, exchange, is_token_checked=self._is_token_checked)
        return await self.answer(request)

    async def answer(self, request: CacheRequest) -> web.StreamResponse:
        """The same for a request that was read.

        Raises:
            EdgeError: see `serve`.
        """
        exchange = request.exchange
        exchange.is_refused = False
        try:
            return await self._serve_current(request)
        finally:
            self._budget.note_sent(exchange.payer, exchange.content_bytes)

    async def _serve_current(self, request: CacheRequest) -> web.StreamResponse:
        """Serve the version that is current, again if it changes before anything was sent."""
        exchange = request.exchange
        for restarts in range(_RESTARTS_MAX + 1):
            try:
                return await self._serve(request)
            except UpstreamBusyError as error:
                if exchange.status:
                    raise
                exchange.is_stored = False
                told = Told(503, error.fields, error.content)
                return await self._sender.send_told(request, told)
            except (UpstreamChangedError, SliceGoneError):
                if exchange.status or restarts == _RESTARTS_MAX:
                    raise
        raise AssertionError

    async def _serve(self, request: CacheRequest) -> web.StreamResponse:
        target = request.target.upstream
        if self._store.may_recall(target):
            await self._store.recall(target)
        found = self._store.select(target, request.selecting_fields)
        if found is None:
            is_known = bool(self._store.offered(target))
            request.exchange.forward = Forward.VARY_MISS if is_known else Forward.URI_MISS
            return await self._ask_upstream(request, None)
        match self._decide(request, found):
            case Reuse.FRESH | Reuse.STALE:
                return await self._send(request, found)
            case Reuse.STALE_WHILE_REVALIDATE:
                self._contacts.refresh(self._refreshing(request, found))
                return await self._send(request, found)
            case Reuse.VALIDATE:
                is_fresh = found.age_s(now_s=self._clock()) < found.policy.lifetime_s
                is_fresh = is_fresh and not found.is_purged_softly
                request.exchange.forward = Forward.REQUEST if is_fresh else Forward.STALE
                return await self._validate(request, found)

    def _decide(self, request: CacheRequest, found: Representation) -> Reuse:
        age_s = found.age_s(now_s=self._clock())
        return decide(
            found.policy, request.limits, age_s=age_s, is_purged_softly=found.is_purged_softly
        )

    async def _validate(self, request: CacheRequest, stale: Representation) -> web.StreamResponse:
        """Ask whether what is stored still holds; without an answer it may do all the same."""
        may_be_sent = self._may_answer_error(request, stale, is_disconnected=False)
        try:
            return await self._ask_upstream(request, stale, is_stale_good=may_be_sent)
        except TimeoutError:
            detail = "stale-if-error"
        except (UpstreamError, OverloadedError) as error:
            is_disconnected = isinstance(error, _NO_ANSWER)
            is_good = self._may_answer_error(request, stale, is_disconnected=is_disconnected)
            if request.exchange.status or not is_good:
                raise
            detail = error.reason
        request.exchange.is_stored = False
        request.exchange.detail = detail
        return await self._send(request, stale)

    def _may_answer_error(
        self, request: CacheRequest, stale: Representation, *, is_disconnected: bool
    ) -> bool:
        return may_answer_error(
            stale.policy,
            request.limits,
            age_s=stale.age_s(now_s=self._clock()),
            is_disconnected=is_disconnected,
            # What the origin allows for its errors is what it allows for its absence.
            disconnected_max_s=0 if stale.policy.stale_if_error_s else self._stale.disconnected_s,
            is_purged_softly=stale.is_purged_softly,
        )

    async def _ask_upstream(
        self, request: CacheRequest, stale: Representation | None, *, is_stale_good: bool = False
    ) -> web.StreamResponse:
        exchange = request.exchange
        if request.limits.is_only_if_cached:
            raise NotStoredError("nothing is stored that may be sent without asking")
        first = self._contact_request(request, stale)
        reason = self._why_passed(request, first)
        if reason is not None:
            exchange.forward, exchange.detail = Forward.BYPASS, reason
        if request.ask.method == "HEAD" and stale is not None and is_stale_good:
            return await self._pass_head_through(request, stale)
        if reason is not None or request.ask.method == "HEAD":
            return await self._past.answer(request)
        told = self._contacts.recently_told(first)
        if told is None:
            asked_s = self._monotonic()
            outcome, is_leader = await self._make_contact(
                request, first, patience_s=self._stale.patience_s if is_stale_good else None
            )
            exchange.upstream_s = self._monotonic() - asked_s
        else:
            outcome, is_leader = told, False
        exchange.is_collapsed = not is_leader
        match outcome:
            case Learned(representation=found, upstream_status=status):
                exchange.forward_status = status
                exchange.is_stored = status != 304
                exchange.detail = outcome.detail
                return await self._send(request, found)
            case Told(status=status) | Uncacheable(upstream_status=status) if (
                is_stale_good and stale is not None and status in ERROR_STATUSES
            ):
                abandon(outcome)
                exchange.forward_status, exchange.detail = status, "stale-if-error"
                return await self._send(request, stale)
            case Told():
                return await self._sender.send_told(request, outcome)
            case Uncacheable(reason=reason):
                exchange.detail = reason
                answer = outcome.take() if is_leader else None
                exchange.is_collapsed = False
                return await self._past.answer(request, answer)

    async def _make_contact(
        self,
        request: CacheRequest,
        first: ContactRequest,
        *,
        patience_s: float | None,
        followed: int = 0,
    ) -> tuple[Outcome, bool]:
        """What the upstream says, and whether it was asked for this request.

        Args:
            request: whose contact.
            first: the same as it goes upstream.
            patience_s: how long to wait; None for as long as it takes.
            followed: contacts that came to something for others alone.

        Raises:
            TimeoutError: it took longer.
        """
        if followed == _FOLLOWED_MAX:
            return await self._contacts.begin_alone(first).outcome_for_leader(), True
        contact, is_leader = self._contacts.join(first)
        if contact.is_late and patience_s is not None:
            raise TimeoutError
        try:
            async with asyncio.timeout(patience_s):
                with contact.heard_by(request.pass_interim):
                    outcome = await (
                        contact.outcome_for_leader() if is_leader else contact.outcome()
                    )
        except TimeoutError:
            contact.is_late = True
            raise
        if is_leader:
            self._note_extra(request, contact.extra_bytes)
            return outcome, True
        if self._is_for_others(request, first, outcome):
            # Of all who followed, one leads the others now.
            return await self._make_contact(
                request, first, patience_s=patience_s, followed=followed + 1
            )
        if isinstance(outcome, Learned):
            found = outcome.representation
            # What has to be validated before each use was so for the leader's: RFC 9111 section 4.
            if self._decide(request, found) is Reuse.VALIDATE:
                own = self._contacts.begin_alone(replace(first, stale=found))
                return await own.outcome_for_leader(), True
        return outcome, False

    def _is_for_others(
        self, request: CacheRequest, first: ContactRequest, outcome: Outcome
    ) -> bool:
        """Whether a contact that was followed says nothing of what this request asks for."""
        match outcome:
            case Told():
                return not outcome.is_for(first.session)
            case Learned(representation=found):
                fields = request.selecting_fields
                return fields is not None and not matches(found.selecting, fields)
            case Uncacheable():
                return False

    def _contact_request(
        self, request: CacheRequest, stale: Representation | None
    ) -> ContactRequest:
        directives = _NO_STORE if request.limits.is_no_store else NO_DIRECTIVES
        return ContactRequest(
            request.target.upstream,
            request.fill_fields,
            request.ask.first_range,
            stale,
            directives,
        )

    def _refreshing(self, request: CacheRequest, found: Representation) -> ContactRequest:
        """A validation that nobody waits for: of a long representation only its start is wanted."""
        first = self._contact_request(request, found)
        length = found.complete_length or 0
        is_long = found.has_strong_validator and length > found.slice_bytes
        # Of what is coded a range would be asked for without its coding.
        is_long = is_long and "Content-Encoding" not in found.fields
        return replace(first, range_spec=IntRange(0, found.slice_bytes - 1) if is_long else None)

    def _why_passed(self, request: CacheRequest, first: ContactRequest) -> str | None:
        """Why a request is none for the cache; None if it is one."""
        reason = self._why_uncacheable(first)
        if reason is None and first.range_spec is not None and self._is_budget_spent(request):
            return _ORIGIN_BUDGET
        return reason

    def _why_uncacheable(self, first: ContactRequest) -> str | None:
        keys = [first.target]
        if first.is_personal:
            keys.append(personal_key(first.target))
        narrower = whole_key if first.range_spec is None else range_key
        keys += [narrower(key) for key in keys]
        now_s = self._monotonic()
        reasons = (self._uncacheables.reason_of(key, now_s=now_s) for key in keys)
        return next((reason for reason in reasons if reason is not None), None)

    async def _pass_head_through(
        self, request: CacheRequest, stale: Representation
    ) -> web.StreamResponse:
        """Ask with HEAD, and send what is stale if the origin fails or hangs.

        Raises:
            TimeoutError: it hangs.
        """
        async with asyncio.timeout(self._stale.patience_s):
            answer = await self._past.forward(request)
        if answer.status in ERROR_STATUSES:
            answer.close()
            request.exchange.forward_status = answer.status
            request.exchange.detail = "stale-if-error"
            return await self._send(request, stale)
        return await self._past.answer(request, answer)

    async def _send(self, request: CacheRequest, found: Representation) -> web.StreamResponse:
        """Send what a request gets of a representation that may be used."""
        selection = select(found, request.ask, now_s=self._clock())
        if isinstance(selection, ForOrigin):
            request.exchange.forward = request.exchange.forward or Forward.REQUEST
            request.exchange.is_stored = request.exchange.is_collapsed = False
            return await self._past.answer(request)
        is_whole = isinstance(selection, Whole) and request.ask.method == "GET"
        bytes_max = self._lengths.of(has_strong_validator=found.has_strong_validator)
        if is_whole and (found.complete_length or 0) > bytes_max:
            # All of it would take the place of everything else.
            request.exchange.forward = request.exchange.forward or Forward.BYPASS
            request.exchange.is_stored = request.exchange.is_collapsed = False
            request.exchange.detail = Unfit.TOO_LARGE
            return await self._past.answer(request)
        try:
            return await self._sender.send(request, found, selection)
        except OriginBudgetError:
            return await self._pass_exactly(request)

    def _is_budget_spent(self, request: CacheRequest) -> bool:
        return self._budget.is_spent(request.exchange.payer, now_s=self._monotonic())

    def _note_extra(self, request: CacheRequest, extra_bytes: int) -> None:
        self._budget.note_fetched(request.exchange.payer, extra_bytes, now_s=self._monotonic())

    async def _pass_exactly(self, request: CacheRequest) -> web.StreamResponse:
        """Exactly what is asked for, past the cache: this client has had too much fetched."""
        request.exchange.forward = Forward.BYPASS
        request.exchange.is_stored = request.exchange.is_collapsed = False
        request.exchange.detail = _ORIGIN_BUDGET
        return await self._past.answer(request)
