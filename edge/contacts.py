"""First contact with a resource, and validation of a stale one: one request, shared by all.

Nothing is known of the resource, or what is known has to be validated. One request asks the
upstream; all who want the resource wait for the head of its answer, and go on with what it says.
"""

import asyncio
import contextlib
import secrets
from dataclasses import dataclass
from typing import Final

from config.tasks import Tasks
from edge.error_content import Unready, read_error_content, unready_of
from edge.errors import EdgeError, UpstreamProtocolError
from edge.fields import SESSION_FIELD, Fields, is_personal, passed_back_fields
from edge.fill_slots import FillSlots
from edge.fills import Fills
from edge.metrics import EdgeCounts
from edge.outcomes import Contact, Learned, Outcome, Told, Uncacheable
from edge.ports import Upstream, UpstreamAnswer, UpstreamRequest
from edge.purges import Purges
from edge.representation import Representation, ResponseHead
from edge.slices import SliceStore
from edge.task_border import task_border
from edge.uncacheables import Uncacheables
from edge.upstream_answers import (
    ABOUT_THE_LISTENER,
    Asked,
    Keep,
    PassOn,
    Share,
    Unfit,
    Validated,
    head_of,
    use_of,
    why_not_freshened,
)
from http_semantics.byte_range import ByteSlice, IntRange, RangeSpec, SuffixRange

# For a suffix the length has to be known first: the shortest range that tells it.
_PROBE: Final = ByteSlice(0, 1)


@dataclass(frozen=True, slots=True)
class ContactRequest:
    """What a first contact asks for.

    Attributes:
        key: the cache key, which is the target too.
        fields: of the request, without range and conditions.
        range_spec: the one range that the listener wants, if it wants one.
        stale: what is to be validated.
    """

    key: str
    fields: Fields
    range_spec: RangeSpec | None = None
    stale: Representation | None = None

    @property
    def is_personal(self) -> bool:
        """Whether it says who is asking, so that its answer is for him."""
        return is_personal(self.fields)

    @property
    def session(self) -> str | None:
        """What stands for the listener's session upstream."""
        return self.fields.get(SESSION_FIELD)


class Contacts:
    """All first contacts under way, by cache key."""

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
        run_slices_max: int,
        length_max: int,
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
        self._run_slices_max = run_slices_max
        self._length_max = length_max
        self._is_token_checked = is_token_checked
        self._counts = counts
        self._contacts: dict[str, Contact] = {}

    def join(self, request: ContactRequest) -> tuple[Contact, bool]:
        """The contact under way for a key, or a new one; and whether it is new.

        A request that says who is asking neither joins another nor is joined. What was asked before
        a purge is not for who asks after it: before its head is here nobody knows its tags, so any
        purge counts.
        """
        if request.is_personal:
            return self.begin_alone(request), True
        contact = self._contacts.get(request.key)
        if contact is not None and contact.purge_sequence == self._purges.sequence:
            return contact, False
        contact = self._contacts[request.key] = self._new_contact()
        self._tasks.start(self._make(contact, request))
        return contact, True

    def begin_alone(self, request: ContactRequest) -> Contact:
        """A contact that nobody else joins."""
        contact = self._new_contact()
        self._tasks.start(self._make(contact, request))
        return contact

    def _new_contact(self) -> Contact:
        return Contact(purge_sequence=self._purges.sequence)

    async def _make(self, contact: Contact, request: ContactRequest) -> None:
        def tell(error: EdgeError | None) -> None:
            if error is not None:
                self._end(contact, request.key)
                contact.fail(error)

        with task_border(tell, work="a first contact", counts=self._counts):
            outcome = await self._ask(request, contact.purge_sequence)
            self._end(contact, request.key)
            contact.settle(outcome)

    def _end(self, contact: Contact, key: str) -> None:
        if self._contacts.get(key) is contact:
            del self._contacts[key]

    async def _ask(self, request: ContactRequest, purge_sequence: int) -> Outcome:
        part = self._part_for(request.range_spec)
        sent = _fields_of(request, part)
        with contextlib.ExitStack() as held:
            slot = await self._slots.take()
            held.callback(slot.give_back)
            answer = await slot.wait_for_answer(
                self._upstream.send(UpstreamRequest("GET", request.key, sent))
            )
            held.callback(answer.close)
            head = head_of(answer, sent, is_token_checked=self._is_token_checked)
            content_range = answer.headers.get("Content-Range")
            asked = Asked(
                part,
                is_conditional=request.stale is not None,
                is_authorized="Authorization" in sent,
                has_listener_fields=not self._is_token_checked,
            )
            use = use_of(head, content_range, asked, length_max=self._length_max)
            match use:
                case Keep():
                    return self._keep(request, head, use, answer, held, purge_sequence)
                case Validated():
                    return self._freshen(request, head, purge_sequence)
                case Share():
                    return await self._share(request, answer)
                case PassOn(reason=reason):
                    self._note(request, head, reason)
                    if part is not None:
                        return Uncacheable(reason)  # No listener asked for this very range.
                    held.pop_all()
                    slot.give_back()
                    return Uncacheable(reason, answer)

    def _keep(
        self,
        request: ContactRequest,
        head: ResponseHead,
        use: Keep,
        answer: UpstreamAnswer,
        held: contextlib.ExitStack,
        purge_sequence: int,
    ) -> Learned:
        found = self._store.current(request.key)
        if found is not None and found.is_same_version(head, use.complete_length):
            found.freshen(head, purge_sequence=purge_sequence)
        else:
            found = Representation.from_head(
                request.key,
                head,
                complete_length=use.complete_length,
                slice_bytes=self._slice_bytes,
                nonce=secrets.token_hex(16),
                purge_sequence=purge_sequence,
            )
        # Whoever wants a part far ahead is better off waiting than asking again.
        found.is_range_ignored = request.range_spec is not None and head.status == 200
        self._store.make_current(found)
        is_probe = isinstance(request.range_spec, SuffixRange) and head.status == 206
        if use.part is not None and not is_probe:
            release = held.pop_all().close
            self._fills.adopt(found, answer, use.part, fields=request.fields, release=release)
        return Learned(found, head.status)

    def _freshen(self, request: ContactRequest, head: ResponseHead, purge_sequence: int) -> Outcome:
        stale = request.stale
        assert stale is not None
        if head.strong_tag is not None and head.strong_tag != stale.validator:
            self._store.retire(stale)
            raise UpstreamProtocolError("304 for a version that was not asked about")
        reason = why_not_freshened(stale, head)
        if reason is not None:
            self._note(request, head, reason)
            return Uncacheable(reason)
        stale.freshen(head, purge_sequence=purge_sequence)
        if self._store.current(stale.key) is stale:
            self._store.make_current(stale)  # Its size may have changed.
        return Learned(stale, head.status)

    async def _share(self, request: ContactRequest, answer: UpstreamAnswer) -> Outcome:
        self._retire_stale(request, answer.status)
        content = await read_error_content(answer)
        if content is None:
            return Uncacheable(Unfit.STATUS)
        unready = unready_of(answer, content)
        self._counts.note_unready(unready)
        fields = passed_back_fields(answer.headers, is_token_checked=self._is_token_checked)
        fields.popall("Content-Length", None)
        return Told(
            answer.status,
            fields,
            content,
            is_of_session=unready is Unready.SESSION_BUSY,
            session=request.session,
        )

    def _note(self, request: ContactRequest, head: ResponseHead, reason: str) -> None:
        """Remember that there is nothing to share, where the range alone is not the reason."""
        self._retire_stale(request, head.status)
        if head.status == 416 or head.status in ABOUT_THE_LISTENER:
            return
        key = personal_key(request.key) if request.is_personal else request.key
        if reason == Unfit.NO_VALIDATOR:
            key = range_key(key)
        if reason == Unfit.TOO_LARGE and request.range_spec is None:
            key = whole_key(key)
        self._uncacheables.note(key, reason, now_s=asyncio.get_running_loop().time())

    def _retire_stale(self, request: ContactRequest, status: int) -> None:
        """Let go of what the upstream no longer has; one listener's answer does not tell that."""
        is_about_listener = request.is_personal or status in ABOUT_THE_LISTENER
        if request.stale is not None and status < 500 and not is_about_listener:
            self._store.retire(request.stale)

    def _part_for(self, spec: RangeSpec | None) -> ByteSlice | None:
        """The slices that hold what the listener wants first, as one range."""
        size = self._slice_bytes
        match spec:
            case None:
                return None
            case SuffixRange():
                return _PROBE
            case IntRange(first_pos=first, last_pos=last):
                start = first // size
                stop = start + self._run_slices_max
                if last is not None:
                    stop = min(stop, last // size + 1)
                return ByteSlice(start * size, stop * size)


def range_key(key: str) -> str:
    """Under which it is remembered that ranges of a resource cannot be stored; the whole may be."""
    return f"range {key}"  # No key begins like this: all begin with "/".


def whole_key(key: str) -> str:
    """Under which it is remembered that all of a resource is too much; ranges may be stored."""
    return f"whole {key}"


def personal_key(key: str) -> str:
    """Under which it is remembered that answers to those who say who they are are not storable."""
    return f"personal {key}"


def _fields_of(request: ContactRequest, part: ByteSlice | None) -> Fields:
    fields = request.fields.copy()
    if part is not None:
        fields["Range"] = f"bytes={part.start}-{part.stop - 1}"
    if request.stale is not None:
        stored = request.stale.fields
        if "ETag" in stored:
            fields["If-None-Match"] = stored["ETag"]
        elif "Last-Modified" in stored:
            fields["If-Modified-Since"] = stored["Last-Modified"]
    return fields
