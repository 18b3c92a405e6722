"""First contact with a resource, and validation of a stale one: one request, shared by all.

Nothing is known of the resource, or what is known has to be validated. One request asks the
upstream; all who want the resource wait for the head of its answer, and go on with what it says.
"""

import asyncio
import contextlib
import secrets
from dataclasses import dataclass, field, replace
from typing import Final

from config.tasks import Tasks
from edge.error_content import Unready, read_error_content, unready_of
from edge.errors import EdgeError, UpstreamChangedError
from edge.fields import SESSION_FIELD, Fields, is_personal, passed_back_fields
from edge.fill_slots import FillSlots
from edge.fills import Fills
from edge.metrics import EdgeCounts
from edge.outcomes import Contact, Learned, Outcome, Told, Uncacheable
from edge.ports import Upstream, UpstreamAnswer, UpstreamRequest
from edge.purges import Purges
from edge.range_plan import plan_range
from edge.representation import Representation, ResponseHead
from edge.slices import SliceStore
from edge.task_border import task_border
from edge.told_errors import ToldErrors
from edge.uncacheables import Uncacheables, personal_key, range_key, whole_key
from edge.upstream_answers import (
    ABOUT_THE_LISTENER,
    ABOUT_THE_REQUEST,
    Asked,
    Keep,
    LengthLimits,
    PassOn,
    Share,
    Unfit,
    Validated,
    head_of,
    use_of,
    why_not_freshened,
)
from http_semantics.byte_range import ByteSlice, IntRange, RangeSpec, SuffixRange
from http_semantics.cache_control import NO_DIRECTIVES, Directives
from http_semantics.reuse import ERROR_STATUSES
from http_semantics.updating import is_confirmed
from http_semantics.vary import EMPTY, Selecting, selecting_of

# Contacts with one resource at once, for ranges that lie apart.
_PARALLEL_MAX: Final = 16


@dataclass(frozen=True, slots=True)
class ContactRequest:
    """What a first contact asks for.

    Attributes:
        target: path and query.
        fields: of the request, without range and conditions.
        range_spec: the range that the listener wants first, if it wants one.
        stale: what is to be validated.
        directives: of the listener's `Cache-Control`.
    """

    target: str
    fields: Fields
    range_spec: RangeSpec | None = None
    stale: Representation | None = None
    directives: Directives = field(default_factory=lambda: NO_DIRECTIVES)

    @property
    def is_personal(self) -> bool:
        """Whether it says who is asking, so that its answer is for him."""
        return is_personal(self.fields)

    @property
    def session(self) -> str | None:
        """What stands for the listener's session upstream."""
        return self.fields.get(SESSION_FIELD)


class Contacts:
    """All first contacts under way, by target.

    Args:
        store: where what is learned goes.
        fills: go on with an answer's content.
        slots: bound requests to the upstream.
        upstream: is asked.
        tasks: owns the contacts' tasks.
        uncacheables: what there is no use in asking for together.
        purges: since the start.
        slice_bytes: size of a slice.
        run_bytes_max: what one request for a range asks for.
        limits: on content that is stored.
        told_s: how long an error is told again without asking.
        is_token_checked: decides which fields pass.
        counts: of this worker.
    """

    def __init__(  # noqa: PLR0913 - each is a part of its own
        self,
        *,
        store: SliceStore,
        fills: Fills,
        slots: FillSlots,
        upstream: Upstream,
        tasks: Tasks,
        uncacheables: Uncacheables,
        purges: Purges,
        slice_bytes: int,
        run_bytes_max: int,
        limits: LengthLimits,
        told_s: float,
        is_token_checked: bool,
        counts: EdgeCounts,
    ) -> None:
        self._store = store
        self._fills = fills
        self._slots = slots
        self._upstream = upstream
        self._tasks = tasks
        self._uncacheables = uncacheables
        self._purges = purges
        self._slice_bytes = slice_bytes
        self._run_bytes_max = run_bytes_max
        self._limits = limits
        self._is_token_checked = is_token_checked
        self._counts = counts
        self._contacts: dict[str, list[Contact]] = {}
        self._told = ToldErrors(told_s=told_s)
        self._now = asyncio.get_running_loop().time

    def join(self, request: ContactRequest) -> tuple[Contact, bool]:
        """A contact under way that tells what is asked for, or a new one; and whether it is new.

        A request that says who is asking, or whose answer is not to be stored, neither joins
        another nor is joined. What was asked before a purge is not for who asks after it: before
        its head is here nobody knows its tags, so any purge counts.
        """
        if request.is_personal or request.directives:
            return self.begin_alone(request), True
        asked, lead = self._asked(request)
        variant = self._variant(request)
        alike = [
            contact
            for contact in self._contacts.get(request.target, ())
            if contact.is_shared
            and contact.purge_sequence == self._purges.sequence
            and contact.variant == variant
        ]
        for contact in alike:
            if contact.is_answer_to(asked, request.stale):
                return contact, False
        if len(alike) >= _PARALLEL_MAX:
            return alike[-1], False
        return self._begin(request, asked, lead, is_shared=True), True

    def begin_alone(self, request: ContactRequest) -> Contact:
        """A contact that nobody else joins."""
        asked, lead = self._asked(request)
        return self._begin(request, asked, lead, is_shared=False)

    def disown(self, target: str) -> None:
        """A resource was changed: what was asked before is for those alone who wait for it now."""
        for contact in self._contacts.pop(target, ()):
            contact.is_outdated = True

    def refresh(self, request: ContactRequest) -> None:
        """Validate what is stale in the background, unless that is under way or too much is."""
        under_way = self._contacts.get(request.target, ())
        if self._slots.is_crowded or any(one.stale is request.stale for one in under_way):
            return
        contact, is_new = self.join(request)
        if is_new:
            contact.is_leader_waiting = False

    def recently_told(self, request: ContactRequest) -> Told | None:
        """What the upstream said a moment ago, instead of what was asked for."""
        if not self._told or request.is_personal:
            return None
        return self._told.recent((request.target, self._variant(request)), now_s=self._now())

    def _variant(self, request: ContactRequest) -> Selecting:
        """The request's fields that are known to select a variant of this resource."""
        offered = self._store.offered(request.target)
        if not offered or not offered[0].selecting.names:
            return EMPTY
        found = selecting_of(", ".join(offered[0].selecting.names), request.fields)
        return EMPTY if found is None else found

    def _begin(
        self, request: ContactRequest, asked: Asked, lead: ByteSlice | None, *, is_shared: bool
    ) -> Contact:
        contact = Contact(
            asked,
            lead=lead,
            stale=request.stale,
            variant=self._variant(request),
            purge_sequence=self._purges.sequence,
            is_shared=is_shared,
        )
        self._contacts.setdefault(request.target, []).append(contact)
        self._tasks.start(self._make(contact, request))
        return contact

    async def _make(self, contact: Contact, request: ContactRequest) -> None:
        def tell(error: EdgeError | None) -> None:
            if error is not None:
                self._end(contact, request.target)
                contact.fail(error)

        with task_border(tell, work="a first contact", counts=self._counts):
            outcome = await self._ask(request, contact)
            if not request.is_personal:
                variant = request.target, contact.variant
                self._told.note(variant, outcome, now_s=self._now())
            self._end(contact, request.target)
            contact.settle(outcome)

    def _end(self, contact: Contact, target: str) -> None:
        contacts = self._contacts.get(target)
        if contacts is not None and contact in contacts:
            contacts.remove(contact)
            if not contacts:
                del self._contacts[target]

    async def _ask(self, request: ContactRequest, contact: Contact) -> Outcome:
        asked = contact.asked
        sent = _fields_of(request, asked)
        with contextlib.ExitStack() as held:
            slot = await self._slots.take()
            held.callback(slot.give_back)
            answer = await slot.wait_for_answer(
                self._upstream.send(
                    UpstreamRequest("GET", request.target, sent, on_interim=contact.tell_interim)
                )
            )
            held.callback(answer.close)
            head = head_of(
                answer,
                sent,
                is_token_checked=self._is_token_checked,
                directives=request.directives,
            )
            content_range = answer.headers.get("Content-Range")
            use = use_of(head, content_range, asked, limits=self._limits)
            match use:
                case Keep():
                    found = self._keep(request, head, use, contact)
                    if use.complete_length != 0:
                        release = held.pop_all().close
                        self._fills.adopt(
                            found,
                            answer,
                            use.part,
                            fields=request.fields,
                            lead=contact.lead if head.status == 206 else None,
                            release=release,
                        )
                    return Learned(found, head.status, answer.detail)
                case Validated():
                    freshened = self._freshen(request, head, contact.purge_sequence)
                    if isinstance(freshened, Learned):
                        freshened = replace(freshened, detail=answer.detail)
                    return freshened
                case Share():
                    return await self._share(request, answer)
                case PassOn(reason=reason):
                    self._note(request, head, reason)
                    if asked.is_range:  # No listener asked for this very range.
                        return Uncacheable(reason, head.status)
                    held.pop_all()
                    slot.give_back()
                    return Uncacheable(reason, head.status, answer)

    def _keep(
        self, request: ContactRequest, head: ResponseHead, use: Keep, contact: Contact
    ) -> Representation:
        purge_sequence = contact.purge_sequence
        found = next(
            (
                one
                for one in self._store.offered(request.target)
                if not contact.is_outdated
                and one.selecting == head.selecting
                and one.is_same_version(head, use.complete_length)
            ),
            None,
        )
        if found is not None:
            found.freshen(head, purge_sequence=purge_sequence)
        else:
            found = Representation.from_head(
                request.target,
                head,
                complete_length=use.complete_length,
                slice_bytes=self._slice_bytes,
                nonce=secrets.token_hex(16),
                purge_sequence=purge_sequence,
            )
        # Whoever wants a part far ahead is better off waiting than asking again.
        found.is_range_ignored = contact.asked.is_range and head.status == 200
        if not contact.is_outdated:
            self._store.make_current(found)
        return found

    def _freshen(
        self, request: ContactRequest, head: ResponseHead, purge_sequence: int
    ) -> Learned | Uncacheable:
        stale = request.stale
        assert stale is not None
        if not is_confirmed(stale.fields, head.fields):
            self._store.retire(stale)
            raise UpstreamChangedError("304 for a version that was not asked about")
        reason = why_not_freshened(stale, head)
        if reason is not None:
            if not request.directives:  # What a listener wants says nothing of what is stored.
                self._note(request, head, reason)
            return Uncacheable(reason, head.status)
        stale.freshen(head, purge_sequence=purge_sequence)
        if self._store.is_offered(stale):
            self._store.make_current(stale)  # Its size may have changed.
        return Learned(stale, head.status)

    async def _share(self, request: ContactRequest, answer: UpstreamAnswer) -> Outcome:
        self._retire_stale(request, answer.status)
        content = await read_error_content(answer)
        if content is None:
            return Uncacheable(Unfit.STATUS, answer.status)
        unready = unready_of(answer, content)
        self._counts.note_unready(unready)
        fields = passed_back_fields(answer.headers, is_token_checked=self._is_token_checked)
        fields.popall("Content-Length", None)
        return Told(
            answer.status,
            fields,
            content,
            is_patience=unready is not None,
            is_of_session=unready is Unready.SESSION_BUSY,
            session=request.session,
        )

    def _note(self, request: ContactRequest, head: ResponseHead, reason: str) -> None:
        """Remember that there is nothing to share, where the range alone is not the reason."""
        self._retire_stale(request, head.status)
        if head.status == 416 or head.status in ABOUT_THE_LISTENER or request.directives:
            return
        if request.stale is not None and head.status in ERROR_STATUSES:
            return  # It may be sent meanwhile, which is decided for each request.
        key = personal_key(request.target) if request.is_personal else request.target
        if reason == Unfit.NO_VALIDATOR:
            key = range_key(key)
        if reason == Unfit.TOO_LARGE and request.range_spec is None:
            key = whole_key(key)
        self._uncacheables.note(key, reason, now_s=self._now())

    def _retire_stale(self, request: ContactRequest, status: int) -> None:
        """Let go of what the upstream no longer has; one listener's answer does not tell that."""
        if request.is_personal or status >= 500 or status in ABOUT_THE_REQUEST:
            return
        if request.stale is not None:
            self._store.retire(request.stale)

    def _asked(self, request: ContactRequest) -> tuple[Asked, ByteSlice | None]:
        """What to ask for, and what to fetch beside it."""
        spec = request.range_spec
        part: ByteSlice | None = None
        lead: ByteSlice | None = None
        suffix_length: int | None = None
        match spec:
            case None:
                pass
            case SuffixRange():
                suffix_length = spec.suffix_length
            case IntRange(first_pos=first, last_pos=last):
                stop = first + self._run_bytes_max if last is None else last + 1
                plan = plan_range(
                    ByteSlice(first, stop),
                    slice_bytes=self._slice_bytes,
                    run_bytes_max=self._run_bytes_max,
                )
                part, lead = plan.first, plan.lead
        asked = Asked(
            part,
            suffix_length,
            spec,
            is_conditional=request.stale is not None,
            is_authorized="Authorization" in request.fields,
            has_listener_fields=not self._is_token_checked,
        )
        return asked, lead


def _fields_of(request: ContactRequest, asked: Asked) -> Fields:
    fields = request.fields.copy()
    value = asked.field_value()
    if value is not None:
        fields["Range"] = value
        fields["Accept-Encoding"] = "identity"  # Ranges of the representation itself.
    if request.stale is not None:
        stored = request.stale.fields
        if "ETag" in stored:
            fields["If-None-Match"] = stored["ETag"]
        # Both are wanted for a whole (RFC 9111 section 4.3.1).
        if "Last-Modified" in stored and (value is None or "ETag" not in stored):
            fields["If-Modified-Since"] = stored["Last-Modified"]
    return fields
