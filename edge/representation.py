"""Stored responses: what is known of one version of one resource. No I/O, no clock.

The content is kept apart, in slices (`edge.slices`); all of them belong to exactly one
representation, so bytes of two versions never meet.
"""

import hashlib
import weakref
from dataclasses import dataclass, field
from typing import Final, Self

from multidict import CIMultiDictProxy

from edge.disk.verified_files import VerifiedFile
from edge.fields import Fields, joined, stored_fields
from edge.hit_head import HitHead
from edge.tags import tags_of
from http_semantics.byte_range import ByteSlice
from http_semantics.cache_control import Directives
from http_semantics.freshness import ResponseTimes, current_age_s
from http_semantics.http_date import format_http_date
from http_semantics.preconditions import Validators
from http_semantics.storing import (
    Candidate,
    Refusal,
    ReusePolicy,
    effective_directives,
    policy_of,
    why_not_storable,
)
from http_semantics.targeted_field import CDN_CACHE_CONTROL
from http_semantics.updating import freshened_fields
from http_semantics.vary import EMPTY, Selecting, selecting_of

# Held against a record beside its fields: the objects that it is made of (measured, rounded up).
RECORD_OVERHEAD_BYTES: Final = 4096
FIELD_OVERHEAD_BYTES: Final = 160

# Fields that speak to shared caches like this one before `Cache-Control` does (RFC 9213).
TARGETED_FIELDS: Final = (CDN_CACHE_CONTROL,)


# Spreads the numbers of slices over 64 bits (the golden ratio; Knuth, volume 3, section 6.4).
_SPREAD: Final = 0x9E3779B97F4A7C15
_MASK: Final = (1 << 64) - 1


_OF_ONE_LISTENER: Final = frozenset({"authorization", "cookie"})


@dataclass(frozen=True, slots=True)
class SentRequest:
    """What decides of a request that was sent upstream.

    Attributes:
        fields: as they were sent.
        directives: of the listener's `Cache-Control`.
        is_token_checked: nothing of the listener's went along, so no field selects a variant.
    """

    fields: Fields
    directives: Directives
    is_token_checked: bool

    @property
    def is_authorized(self) -> bool:
        """Whether it said who is asking."""
        return "Authorization" in self.fields


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """The head of an upstream's answer, read once for all decisions about storing it.

    Attributes:
        status: of the response.
        fields: those that would be stored.
        validators: its validators.
        times: for its age.
        policy: for its reuse.
        selecting: the request's fields that `Vary` names; None if no other request is like it.
        content_length: its `Content-Length`, None if absent or unreadable.
        is_chunked: its content tells its own end.
        refusal: the reason why it may not be stored for all listeners; None if it may.
    """

    status: int
    fields: Fields
    validators: Validators
    times: ResponseTimes
    policy: ReusePolicy
    selecting: Selecting | None
    content_length: int | None
    is_chunked: bool
    refusal: Refusal | None

    @property
    def strong_tag(self) -> str | None:
        """The strong entity tag as it stands in a field, or None."""
        tag = self.validators.entity_tag
        return None if tag is None or tag.is_weak else tag.field_value()


def read_head(
    status: int,
    headers: CIMultiDictProxy[str],
    sent: SentRequest,
    *,
    request_s: float,
    response_s: float,
) -> ResponseHead:
    """Read the head of an answer to a GET request made by `edge.fields.fill_fields`."""
    times = ResponseTimes.from_fields(headers.get, request_s=request_s, response_s=response_s)
    policy = policy_of(headers, status=status, times=times, targets=TARGETED_FIELDS)
    selecting = _selecting(headers, sent)
    directives, _ = effective_directives(headers, targets=TARGETED_FIELDS)
    candidate = Candidate(
        status=200 if status == 304 else status,  # It speaks of the response that is stored.
        fields=headers,
        policy=policy,
        directives=directives,
        selecting=selecting,
        is_request_authorized=sent.is_authorized,
        request_directives=sent.directives,
    )
    fields = stored_fields(headers, is_token_checked=sent.is_token_checked)
    if status == 206:
        fields.popall("Content-Range", None)
    # One with a clock says when it came, where nobody else has: RFC 9110 section 6.6.1.
    fields.setdefault("Date", format_http_date(response_s))
    for name in policy.dropped_fields:
        fields.popall(name, None)
    return ResponseHead(
        status=status,
        fields=fields,
        validators=Validators.from_fields(fields.get, now_s=response_s),
        times=times,
        policy=policy,
        selecting=selecting,
        content_length=_content_length(headers),
        is_chunked="chunked" in (joined(headers, "Transfer-Encoding") or "").lower(),
        refusal=why_not_storable(candidate),
    )


def _selecting(headers: CIMultiDictProxy[str], sent: SentRequest) -> Selecting | None:
    selecting = selecting_of(joined(headers, "Vary"), sent.fields)
    if selecting is None:
        return None
    if sent.is_token_checked:
        return EMPTY  # All requests are alike in what they say.
    # What is one listener's alone is of no use to others, and is kept nowhere.
    return None if _OF_ONE_LISTENER & set(selecting.names) else selecting


@dataclass(slots=True, eq=False)
class Representation:
    """One version of one resource. Two of them are never equal.

    Attributes:
        target: path and query, under which it is stored.
        status: of the stored response.
        validator: its strong entity tag; for want of one a text that no other version has.
        has_strong_validator: whether its parts may be fetched one by one.
        complete_length: of its content; None while only its end will tell.
        slice_bytes: size of all slices but the last.
        fields: stored fields.
        validators: for conditional requests.
        times: when it arrived or was last validated.
        policy: for its reuse.
        selecting: what a request has to be like for which it may be used.
        purge_sequence: the newest purge that it has been weighed against; at first the newest one
            from before its fill began (see `edge.purges`).
        born_sequence: that first one.
        is_purged: it is for those only who are reading it, and has got all that it will.
        is_purged_softly: it has to be validated, fresh or not.
        is_range_ignored: the upstream answers ranges of it with the whole.
        requests: that were answered from it.
        is_on_disk: there is a record of it there.
        sent_fields: what each answer begins with, made once (`edge.answers`); None if not yet.
        files: from which slices of it can be sent, by their numbers; None if it never had any.
        hit_head: the same for the fast lane; None if not yet, or if answers are not all alike.
    """

    target: str
    status: int
    validator: str = field(repr=False)
    has_strong_validator: bool
    complete_length: int | None
    slice_bytes: int
    fields: Fields = field(repr=False)
    validators: Validators = field(repr=False)
    times: ResponseTimes
    policy: ReusePolicy
    selecting: Selecting = EMPTY
    purge_sequence: int = 0
    born_sequence: int = 0
    is_purged: bool = False
    is_purged_softly: bool = False
    is_range_ignored: bool = False
    requests: int = 0
    is_on_disk: bool = False
    sent_fields: Fields | None = field(default=None, repr=False)
    hit_head: HitHead | None = field(default=None, repr=False)
    files: dict[int, weakref.ref[VerifiedFile]] | None = field(default=None, repr=False)
    _identity: bytes = field(default=b"", repr=False)
    _digest: bytes = field(default=b"", repr=False)

    @classmethod
    def from_head(
        cls,
        target: str,
        head: ResponseHead,
        *,
        complete_length: int | None,
        slice_bytes: int,
        nonce: str,
        purge_sequence: int = 0,
    ) -> Self:
        """What a storable answer is the representation of."""
        assert head.selecting is not None
        tag = head.strong_tag
        return cls(
            target=target,
            status=200 if head.status == 206 else head.status,
            validator=nonce if tag is None else tag,
            has_strong_validator=tag is not None,
            complete_length=complete_length,
            slice_bytes=slice_bytes,
            fields=head.fields,
            validators=head.validators,
            times=head.times,
            policy=head.policy,
            selecting=head.selecting,
            purge_sequence=purge_sequence,
            born_sequence=purge_sequence,
        )

    @property
    def size_bytes(self) -> int:
        """What the record takes, without content."""
        text = len(self.target) + len(self.validator)
        text += sum(len(name) + len(value) for name, value in self.fields.items())
        return RECORD_OVERHEAD_BYTES + FIELD_OVERHEAD_BYTES * len(self.fields) + text

    @property
    def identity(self) -> bytes:
        """What tells it from all others whose bytes are not its own; made once."""
        if not self._identity:
            self._identity = self._make_identity().encode(errors="surrogateescape")
        return self._identity

    def _make_identity(self) -> str:
        names = zip(self.selecting.names, self.selecting.values, strict=True)
        parts = [
            self.target,
            *(f"{name}={value}" for name, value in names),
            self.validator,
            str(self.complete_length),
            str(self.slice_bytes),
            *sorted(tags_of(self.fields)),
        ]
        return "\n".join(parts)

    @property
    def digest(self) -> bytes:
        """16 bytes that stand for `identity`."""
        if not self._digest:
            self._digest = hashlib.blake2b(self.identity, digest_size=16).digest()
        return self._digest

    def end_at(self, complete_length: int) -> None:
        """Its content has ended, and only now its length is known."""
        assert self.complete_length is None
        self.complete_length = complete_length
        self._identity = self._digest = b""

    def slice_id(self, number: int) -> bytes:
        """20 bytes that stand for a slice; their first eight tell slices apart, too."""
        digest = self.digest
        mixed = int.from_bytes(digest[:8], "big") ^ (number * _SPREAD & _MASK)
        return mixed.to_bytes(8, "big") + digest[8:] + number.to_bytes(4, "big")

    def age_s(self, *, now_s: float) -> float:
        """Seconds since the origin made or last validated it."""
        return current_age_s(self.times, now_s=now_s)

    def is_same_version(self, head: ResponseHead, complete_length: int | None) -> bool:
        """Whether an answer is of this very version, so that their parts go together."""
        return (
            self.has_strong_validator
            and head.strong_tag == self.validator
            and self.status == (200 if head.status == 206 else head.status)
            and complete_length is not None
            and complete_length == self.complete_length
        )

    def part_of(self, number: int) -> ByteSlice:
        """The bytes of the slice with this number."""
        start = number * self.slice_bytes
        stop = start + self.slice_bytes
        if self.complete_length is not None:
            stop = min(stop, self.complete_length)
        return ByteSlice(start, stop)

    def numbers_of(self, part: ByteSlice) -> range:
        """Numbers of the slices that `part` touches."""
        return range(part.start // self.slice_bytes, -(-part.stop // self.slice_bytes))

    def freshen(self, head: ResponseHead, *, purge_sequence: int) -> None:
        """Take over what a validation says (RFC 9111 section 3.2): fields, times, policy.

        Args:
            head: of the answer.
            purge_sequence: the newest purge when the validation began: what came after it has to
                be weighed again.
        """
        self.purge_sequence = min(self.purge_sequence, purge_sequence)
        self.is_purged_softly = False
        # What sets a cookie was not stored, and does not become storable by a validation.
        dropped = head.policy.dropped_fields | {"set-cookie"}
        self.fields = freshened_fields(self.fields, head.fields, dropped=dropped)
        self.times = head.times
        self.validators = Validators.from_fields(self.fields.get, now_s=head.times.response_s)
        self.sent_fields = self.hit_head = None
        self._identity = self._digest = b""
        self.policy = policy_of(
            self.fields, status=self.status, times=self.times, targets=TARGETED_FIELDS
        )


def _content_length(headers: CIMultiDictProxy[str]) -> int | None:
    lengths = set(headers.getall("Content-Length", ()))
    if len(lengths) != 1 or "Transfer-Encoding" in headers:
        return None
    (text,) = lengths
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None
