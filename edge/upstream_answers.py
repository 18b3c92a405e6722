"""What an upstream's answer is good for: to be stored, shared, passed on, or refused. No I/O."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from edge.errors import UpstreamChangedError, UpstreamRangeError, UpstreamStatusError
from edge.fields import Fields
from edge.ports import UpstreamAnswer
from edge.representation import Representation, ResponseHead, read_head
from http_semantics.byte_range import ByteSlice, parse_content_range
from http_semantics.freshness import Refusal, why_not_storable

# Whoever is refused is refused for what he showed, or did not: RFC 9110 sections 15.5.2, 15.5.4
# and 15.5.8. Nothing follows for others, nor for what is stored.
ABOUT_THE_LISTENER: Final = frozenset({401, 403, 407})


class Unfit(StrEnum):
    """Why an answer is not stored, beside the reasons of RFC 9111."""

    NO_LENGTH = "no-length"
    NO_VALIDATOR = "no-validator"
    STATUS = "status"
    TOO_LARGE = "too-large"


@dataclass(frozen=True, slots=True)
class Keep:
    """Store it.

    Attributes:
        complete_length: of the representation.
        part: the bytes that the answer carries; None if it carries none.
    """

    complete_length: int
    part: ByteSlice | None


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
        is_conditional: whether a stored representation was to be validated.
        is_authorized: whether the listener's `Authorization` went along.
        has_listener_fields: whether what a listener sends goes along at all.
    """

    part: ByteSlice | None = None
    is_conditional: bool = False
    is_authorized: bool = False
    has_listener_fields: bool = False


def head_of(answer: UpstreamAnswer, sent: Fields, *, is_token_checked: bool) -> ResponseHead:
    """Read the head of the answer to a request with the fields `sent`."""
    return read_head(
        answer.status,
        answer.headers,
        request_s=answer.request_s,
        response_s=answer.response_s,
        is_authorized="Authorization" in sent,
        is_token_checked=is_token_checked,
    )


def use_of(head: ResponseHead, content_range: str | None, asked: Asked, *, length_max: int) -> Use:
    """Decide what to do with the answer to a first contact.

    Args:
        head: of the answer.
        content_range: its `Content-Range`.
        asked: what it answers.
        length_max: longest content of one answer that is stored; parts of longer ones are, too.

    Raises:
        UpstreamRangeError: a part that nobody asked for.
    """
    if head.status == 304 and asked.is_conditional:
        return Validated()
    if head.status == 206:
        return _use_of_part(head, content_range, asked)
    if head.status == 200:
        return _use_of_whole(head, length_max)
    if head.status >= 400 and head.status != 416 and _is_shareable(head, asked):
        return Share()
    return PassOn(Unfit.STATUS)


def why_not_freshened(stale: Representation, head: ResponseHead) -> Refusal | None:
    """The reason why a 304 lets nobody but its listener use what is stored; None if it does.

    What it does not say stays as it is stored (RFC 9111 section 3.2).
    """
    directives = stale.directives if "Cache-Control" not in head.fields else head.facts.directives
    return why_not_storable(
        replace(head.facts, directives=directives, lifetime_s=0.0, has_validator=True)
    )


def check_fill(
    representation: Representation,
    head: ResponseHead,
    content_range: str | None,
    wanted: ByteSlice,
) -> ByteSlice:
    """The bytes that an answer to a range of a known representation carries.

    Returns:
        `wanted`, or everything from an upstream that ignores ranges.

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
        if not representation.is_same_version(head, head.content_length or 0):
            raise UpstreamChangedError("the origin has another version")
        return ByteSlice(0, representation.complete_length)
    given = parse_content_range(content_range or "")
    if given is None or given.part is None or given.complete_length is None:
        raise UpstreamRangeError("a 206 answer without a usable Content-Range")
    if not representation.is_same_version(head, given.complete_length):
        raise UpstreamChangedError("the origin has another version")
    _check_part(head, given.part, wanted)
    return wanted


def _use_of_whole(head: ResponseHead, length_max: int) -> Use:
    length = head.content_length
    reason = head.why_not_storable()
    if reason is not None or length is None:
        return PassOn(reason or Unfit.NO_LENGTH)
    if length > length_max:
        return PassOn(Unfit.TOO_LARGE)
    return Keep(length, ByteSlice(0, length) if length else None)


def _use_of_part(head: ResponseHead, content_range: str | None, asked: Asked) -> Use:
    given = parse_content_range(content_range or "")
    if asked.part is None or given is None or given.part is None:
        raise UpstreamRangeError("a 206 answer that does not say which range, or unasked")
    length = given.complete_length
    reason: str | None = head.why_not_storable()
    if reason is not None or length is None:
        return PassOn(reason or Unfit.NO_LENGTH)
    if head.strong_tag is None:
        return PassOn(Unfit.NO_VALIDATOR)
    wanted = ByteSlice(asked.part.start, max(asked.part.start + 1, min(asked.part.stop, length)))
    _check_part(head, given.part, wanted)
    return Keep(length, wanted)


def _check_part(head: ResponseHead, given: ByteSlice, wanted: ByteSlice) -> None:
    if given != wanted:
        raise UpstreamRangeError(
            f"asked for bytes {wanted.start} to {wanted.stop}, answered {given.start} to "
            f"{given.stop}"
        )
    if head.content_length is not None and head.content_length != wanted.length:
        raise UpstreamRangeError("Content-Length and Content-Range do not agree")


def _is_shareable(head: ResponseHead, asked: Asked) -> bool:
    """Whether those who wait may all be told this error. It is not stored."""
    if asked.is_authorized or head.facts.has_cookie:
        return False
    if asked.has_listener_fields and head.status in ABOUT_THE_LISTENER:
        return False
    reason = head.why_not_storable()
    if reason in {Refusal.PRIVATE, Refusal.VARY}:
        return False
    # `no-store` of a failing origin forbids keeping; those who wait now ask in the same moment.
    return reason is not Refusal.NO_STORE or head.status >= 500
