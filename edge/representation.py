"""Stored representations: what is known of one version of one resource. No I/O, no clock.

The content is kept apart, in slices (`edge.slices`); all of them belong to exactly one
representation, so bytes of two versions never meet.
"""

from dataclasses import dataclass, field
from typing import Final, Self

from multidict import CIMultiDictProxy

from edge.fields import Fields, joined, stored_fields
from http_semantics.byte_range import ByteSlice
from http_semantics.cache_control import Directives, parse_directives
from http_semantics.freshness import (
    Refusal,
    ResponseTimes,
    StoringFacts,
    current_age_s,
    freshness_lifetime_s,
    is_authorization_lifted,
    why_not_storable,
)
from http_semantics.preconditions import Validators

# Held against a record beside its fields: the objects that it is made of (measured, rounded up).
RECORD_OVERHEAD_BYTES: Final = 4096
FIELD_OVERHEAD_BYTES: Final = 160


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """The head of an upstream's answer, read once for all decisions about storing it.

    Attributes:
        status: of the response.
        fields: those that would be stored.
        validators: its validators.
        times: for its age.
        lifetime_s: its freshness lifetime, None if it says nothing of it.
        content_length: its `Content-Length`, None if absent or unreadable.
        facts: for `why_not_storable`.
    """

    status: int
    fields: Fields
    validators: Validators
    times: ResponseTimes
    lifetime_s: float | None
    content_length: int | None
    facts: StoringFacts

    @property
    def strong_tag(self) -> str | None:
        """The strong entity tag as it stands in a field, or None."""
        tag = self.validators.entity_tag
        return None if tag is None or tag.is_weak else tag.field_value()

    def why_not_storable(self) -> Refusal | None:
        """The reason why it may not be stored for all listeners; None if it may."""
        return why_not_storable(self.facts)


def read_head(
    status: int,
    headers: CIMultiDictProxy[str],
    *,
    request_s: float,
    response_s: float,
    is_authorized: bool,
    is_token_checked: bool,
) -> ResponseHead:
    """Read the head of an answer to a request made by `edge.fields.fill_fields`."""
    times = ResponseTimes.from_fields(headers.get, request_s=request_s, response_s=response_s)
    directives = parse_directives(joined(headers, "Cache-Control") or "")
    lifetime_s = freshness_lifetime_s(directives, expires=headers.get("Expires"), times=times)
    validators = Validators.from_fields(headers.get, now_s=response_s)
    neutral = {"accept-encoding"} if "Content-Encoding" not in headers else set()
    if is_token_checked:
        neutral.add("origin")  # It was not sent, and our own answer about it is constant.
    facts = StoringFacts(
        directives,
        lifetime_s,
        is_authorized=is_authorized,
        has_validator=validators.entity_tag is not None or validators.last_modified_s is not None,
        has_cookie="Set-Cookie" in headers,
        vary=joined(headers, "Vary"),
        neutral_fields=frozenset(neutral),
    )
    return ResponseHead(
        status=status,
        fields=stored_fields(headers, is_token_checked=is_token_checked),
        validators=validators,
        times=times,
        lifetime_s=lifetime_s,
        content_length=_content_length(headers),
        facts=facts,
    )


@dataclass(slots=True, eq=False)
class Representation:
    """One version of one resource. Two of them are never equal.

    Attributes:
        key: the cache key.
        validator: its strong entity tag; for want of one a text that no other version has.
        has_strong_validator: whether its parts may be fetched one by one.
        complete_length: of its content.
        slice_bytes: size of all slices but the last.
        fields: stored fields.
        validators: for conditional requests.
        times: when it arrived or was last validated.
        lifetime_s: how long it is fresh from its making on.
        purge_sequence: the newest purge that it has been weighed against; at first the newest one
            from before its fill began (see `edge.purges`).
        is_purged_softly: it has to be validated, fresh or not.
        is_range_ignored: the upstream answers ranges of it with the whole.
        sent_fields: what each answer begins with, made once (`edge.answers`); None if not yet.
    """

    key: str
    validator: str = field(repr=False)
    has_strong_validator: bool
    complete_length: int
    slice_bytes: int
    fields: Fields = field(repr=False)
    validators: Validators = field(repr=False)
    times: ResponseTimes
    lifetime_s: float
    purge_sequence: int = 0
    is_purged_softly: bool = False
    is_range_ignored: bool = False
    sent_fields: Fields | None = field(default=None, repr=False)

    @classmethod
    def from_head(
        cls,
        key: str,
        head: ResponseHead,
        *,
        complete_length: int,
        slice_bytes: int,
        nonce: str,
        purge_sequence: int = 0,
    ) -> Self:
        """What a storable answer is the representation of."""
        assert head.lifetime_s is not None
        tag = head.strong_tag
        return cls(
            key=key,
            validator=nonce if tag is None else tag,
            has_strong_validator=tag is not None,
            complete_length=complete_length,
            slice_bytes=slice_bytes,
            fields=head.fields,
            validators=head.validators,
            times=head.times,
            lifetime_s=head.lifetime_s,
            purge_sequence=purge_sequence,
        )

    @property
    def slices(self) -> int:
        """How many slices its content has."""
        return -(-self.complete_length // self.slice_bytes)

    @property
    def size_bytes(self) -> int:
        """What the record takes, without content."""
        text = len(self.key) + len(self.validator)
        text += sum(len(name) + len(value) for name, value in self.fields.items())
        return RECORD_OVERHEAD_BYTES + FIELD_OVERHEAD_BYTES * len(self.fields) + text

    def age_s(self, *, now_s: float) -> float:
        """Seconds since the origin made or last validated it."""
        return current_age_s(self.times, now_s=now_s)

    def is_fresh(self, *, now_s: float) -> bool:
        """Whether it may be used without asking."""
        return not self.is_purged_softly and self.lifetime_s > self.age_s(now_s=now_s)

    def is_same_version(self, head: ResponseHead, complete_length: int) -> bool:
        """Whether an answer is of this very version, so that their parts go together."""
        return (
            self.has_strong_validator
            and head.strong_tag == self.validator
            and complete_length == self.complete_length
        )

    @property
    def directives(self) -> Directives:
        """Of its `Cache-Control` as stored."""
        return parse_directives(joined(self.fields, "Cache-Control") or "")

    @property
    def may_come_authorized(self) -> bool:
        """Whether parts that came for a request with `Authorization` may be kept (section 3.5)."""
        return is_authorization_lifted(self.directives)

    def part_of(self, number: int) -> ByteSlice:
        """The bytes of the slice with this number."""
        start = number * self.slice_bytes
        return ByteSlice(start, min(start + self.slice_bytes, self.complete_length))

    def numbers_of(self, part: ByteSlice) -> range:
        """Numbers of the slices that `part` touches."""
        return range(part.start // self.slice_bytes, -(-part.stop // self.slice_bytes))

    def freshen(self, head: ResponseHead, *, purge_sequence: int) -> None:
        """Take over what a validation says (RFC 9111 section 3.2): fields, times, lifetime.

        Fields of the stored content itself stay, whatever a 304 says of them.

        Args:
            head: of the answer.
            purge_sequence: the newest purge when the validation began: what came after it has to
                be weighed again.
        """
        self.purge_sequence = min(self.purge_sequence, purge_sequence)
        self.is_purged_softly = False
        for name in set(head.fields) - {"Content-Encoding", "Content-Type", "ETag"}:
            self.fields.popall(name, None)
            for value in head.fields.getall(name):
                self.fields.add(name, value)
        self.times = head.times
        self.sent_fields = None
        lifetime_s = freshness_lifetime_s(
            self.directives, expires=self.fields.get("Expires"), times=self.times
        )
        self.lifetime_s = lifetime_s or 0.0


def _content_length(headers: CIMultiDictProxy[str]) -> int | None:
    lengths = set(headers.getall("Content-Length", ()))
    if len(lengths) != 1 or "Transfer-Encoding" in headers:
        return None
    (text,) = lengths
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None
