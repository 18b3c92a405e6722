"""What an upstream's answer is good for: to be stored, shared, passed on, or refused. No I/O."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from edge.errors import UpstreamChangedError, UpstreamRangeError, UpstreamStatusError
from edge.fields import Fields
from edge.ports import UpstreamAnswer
from edge.representation import Representation, ResponseHead, SentRequest, read_head
from http_semantics.byte_range import (
    ByteSlice,
    RangeSpec,
    SuffixRange,
    parse_content_range,
    resolve,
)
from http_semantics.cache_control import NO_DIRECTIVES, Directives
from http_semantics.reuse import ERROR_STATUSES
from http_semantics.storing import Refusal

# Whoever is refused is refused for what he showed, or did not: RFC 9110 sections 15.5.2, 15.5.4
# and 15.5.8. Nothing follows for others, nor for what is stored.
ABOUT_THE_LISTENER: Final = frozenset({401, 403, 407})

# They speak of one request, and not of what it asks for: RFC 9110 sections 15.5.9 and 15.5.20, RFC
# 8470, RFC 6585.
ABOUT_THE_REQUEST: Final = ABOUT_THE_LISTENER | {408, 421, 425, 429}

_WITHOUT_CONTENT: Final = frozenset({204, 205})

# They speak of one request's conditions or ranges, never of the resource.
_NEVER_STORED: Final = frozenset({304, 412, 416})


class Unfit(StrEnum):
    """Why an answer is not stored, beside the reasons of RFC 9111."""

    NO_LENGTH = "no-length"
    NO_VALIDATOR = "no-validator"
    STATUS = "status"
    TOO_LARGE = "too-large"


@dataclass(frozen=True, slots=True)
class LengthLimits:
    """How long content may be that is stored as a whole; parts of longer content are stored, too.

    Attributes:
        in_parts: where parts can be fetched alone, so that not all of it need be kept at once.
        in_one: elsewhere.
    """

    in_parts: int
    in_one: int

    def of(self, *, has_strong_validator: bool) -> int:
        """The one that counts."""
        return self.in_parts if has_strong_validator else self.in_one


@dataclass(frozen=True, slots=True)
class Keep:
    """Store it.

    Attributes:
        complete_length: of the representation; None if only its end tells.
        part: the bytes that the answer carries; None for all.
    """

    complete_length: int | None
    part: ByteSlice | None = None


@dataclass(frozen=True, slots=True)
class Validated:
    """The stored representation is still the current one: 304."""


@dataclass(frozen=True, slots=True)
class Share:
    """An error that all who are waiting for this answer may be told."""


@dataclass(frozen=True, slots=True)
class PassOn:
    """Not to be stored: each listener gets an answer of its own."""

    reason: str


Use = Keep | Validated | Share | PassOn


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked of the upstream on the first contact.

    Attributes:
        part: the range that was asked for, None for the whole.
        suffix_length: of the last bytes that were asked for instead.
        wanted: what the listener wants, None for the whole.
        is_conditional: whether a stored representation was to be validated.
        is_authorized: whether the listener's `Authorization` went along.
        has_listener_fields: whether what a listener sends goes along at all.
    """

    part: ByteSlice | None = None
    suffix_length: int | None = None
    wanted: RangeSpec | None = None
    is_conditional: bool = False
    is_authorized: bool = False
    has_listener_fields: bool = False

    @property
    def is_range(self) -> bool:
        """Whether a range was asked for."""
        return self.part is not None or self.suffix_length is not None

    def field_value(self) -> str | None:
        """Of the `Range` field."""
        if self.part is not None:
            return f"bytes={self.part.start}-{self.part.stop - 1}"
        return None if self.suffix_length is None else f"bytes=-{self.suffix_length}"

    def part_of(self, complete_length: int) -> ByteSlice | None:
        """The bytes that a representation of this length has of what was asked for."""
        if self.part is None:
            assert self.suffix_length is not None
            found = resolve((SuffixRange(self.suffix_length),), complete_length)
            return found[0] if found else None
        if self.part.start >= complete_length:
            return None
        return ByteSlice(self.part.start, min(self.part.stop, complete_length))


def head_of(
    answer: UpstreamAnswer,
    sent: Fields,
    *,
    is_token_checked: bool,
    directives: Directives = NO_DIRECTIVES,
) -> ResponseHead:
    """Read the head of the answer to a request with the fields `sent`.

    Args:
        answer: whose head.
        sent: fields of the request as they were sent.
        is_token_checked: nothing of a listener's went along.
        directives: of the listener's `Cache-Control`.
    """
    return read_head(
        answer.status,
        answer.headers,
        SentRequest(sent, directives, is_token_checked),
        request_s=answer.request_s,
        response_s=answer.response_s,
    )


def use_of(
    head: ResponseHead, content_range: str | None, asked: Asked, *, limits: LengthLimits
) -> Use:
    """Decide what to do with the answer to a first contact.

    Args:
        head: of the answer.
        content_range: its `Content-Range`.
        asked: what it answers.
        limits: on content that is stored.

    Raises:
        UpstreamRangeError: a part that nobody asked for.
    """
    if head.status == 304 and asked.is_conditional:
        return Validated()
    if head.status == 206:
        return _use_of_part(head, content_range, asked)
    is_failure = head.status in ERROR_STATUSES and asked.is_conditional
    if head.status not in _NEVER_STORED and not is_failure:
        use = _use_of_whole(head, limits)
        if isinstance(use, Keep) or head.status < 400:
            return use
    if head.status >= 400 and head.status != 416 and _is_shareable(head, asked):
        return Share()
    return PassOn(Unfit.STATUS)


def why_not_freshened(stale: Representation, head: ResponseHead) -> Refusal | None:
    """The reason why a 304 lets nobody but its listener use what is stored; None if it does.

    What it does not say stays as it is stored (RFC 9111 section 3.2).
    """
    if head.refusal in {Refusal.NO_FRESHNESS, None}:
        return None
    if head.refusal is Refusal.AUTHORIZATION and "Cache-Control" not in head.fields:
        return None if stale.policy.is_authorization_lifted else head.refusal
    return head.refusal


def check_fill(
    representation: Representation,
    head: ResponseHead,
    content_range: str | None,
    wanted: ByteSlice,
) -> ByteSlice:
    """The bytes that an answer to a range of a known representation carries.

    Returns:
        `wanted` or its beginning; everything from an upstream that ignores ranges.

    Raises:
        UpstreamChangedError: they are of another version, or the resource is gone.
        UpstreamRangeError: they are another part, or it cannot be told which.
        UpstreamStatusError: the upstream refused.
    """
    if head.status == 429 or head.status >= 500:
        raise UpstreamStatusError(head.status, retry_after=head.fields.get("Retry-After"))
    if head.status not in {200, 206}:
        raise UpstreamChangedError(f"a range of a known version was answered {head.status}")
    if head.status == 200:
        if not representation.is_same_version(head, head.content_length):
            raise UpstreamChangedError("the origin has another version")
        assert representation.complete_length is not None
        return ByteSlice(0, representation.complete_length)
    given = parse_content_range(content_range or "")
    if given is None or given.part is None or given.complete_length is None:
        raise UpstreamRangeError("a 206 answer without a usable Content-Range")
    if not representation.is_same_version(head, given.complete_length):
        raise UpstreamChangedError("the origin has another version")
    _check_length(head, given.part)
    if given.part.start != wanted.start or given.part.stop > wanted.stop:
        raise _other_part(wanted, given.part)
    return given.part


def _use_of_whole(head: ResponseHead, limits: LengthLimits) -> Use:
    length = 0 if head.status in _WITHOUT_CONTENT else head.content_length
    if head.refusal is not None:
        return PassOn(head.refusal)
    if length is None:
        return Keep(None) if head.is_chunked else PassOn(Unfit.NO_LENGTH)
    if length > limits.of(has_strong_validator=head.strong_tag is not None):
        return PassOn(Unfit.TOO_LARGE)
    return Keep(length)


def _use_of_part(head: ResponseHead, content_range: str | None, asked: Asked) -> Use:
    given = parse_content_range(content_range or "")
    if not asked.is_range or given is None or given.part is None:
        raise UpstreamRangeError("a 206 answer that does not say which range, or unasked")
    length = given.complete_length
    if head.refusal is not None or length is None:
        return PassOn(head.refusal or Unfit.NO_LENGTH)
    _check_length(head, given.part)
    part = asked.part_of(length)
    if part is None:
        raise UpstreamRangeError("a part of what was said to be too short for it")
    has_all = _is_all_that_is_wanted(given.part, asked, length)
    is_within = part.start <= given.part.start and given.part.stop <= part.stop
    # A part of what was asked for will do, if it has what is wanted or its beginning.
    if not is_within or not (has_all or given.part.start == part.start):
        raise _other_part(part, given.part)
    if head.strong_tag is None and not has_all:
        return PassOn(Unfit.NO_VALIDATOR)  # What is missing could never be added.
    return Keep(length, given.part)


def _is_all_that_is_wanted(part: ByteSlice, asked: Asked, complete_length: int) -> bool:
    if asked.wanted is None:
        return False
    wanted = resolve((asked.wanted,), complete_length)
    return bool(wanted) and part.start <= wanted[0].start and wanted[0].stop <= part.stop


def _check_length(head: ResponseHead, given: ByteSlice) -> None:
    if head.content_length is not None and head.content_length != given.length:
        raise UpstreamRangeError("Content-Length and Content-Range do not agree")


def _other_part(wanted: ByteSlice, given: ByteSlice) -> UpstreamRangeError:
    return UpstreamRangeError(
        f"asked for bytes {wanted.start} to {wanted.stop}, answered {given.start} to {given.stop}"
    )


def _is_shareable(head: ResponseHead, asked: Asked) -> bool:
    """Whether those who wait may all be told this error. It is not stored."""
    if asked.is_authorized or "Set-Cookie" in head.fields:
        return False
    if asked.has_listener_fields and head.status in ABOUT_THE_LISTENER:
        return False
    if head.refusal in {Refusal.PRIVATE, Refusal.VARY}:
        return False
    # `no-store` of a failing origin forbids keeping; those who wait now ask in the same moment.
    return head.refusal is not Refusal.NO_STORE or head.status >= 500
