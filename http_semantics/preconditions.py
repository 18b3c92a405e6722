"""Conditional requests: RFC 9110 section 13, in the order of precedence of its section 13.2.2."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Self

from http_semantics.entity_tag import (
    AnyTag,
    EntityTag,
    is_strong_match,
    is_weak_match,
    parse_entity_tag,
    parse_entity_tags,
)
from http_semantics.http_date import parse_http_date

CONDITIONAL_FIELDS: Final = (
    "If-Match",
    "If-None-Match",
    "If-Modified-Since",
    "If-Unmodified-Since",
    "If-Range",
)

# Methods that are about no representation: RFC 9110 section 13.2.1.
_WITHOUT_REPRESENTATION: Final = frozenset({"CONNECT", "OPTIONS", "TRACE"})

# A Last-Modified this much older than Date was not made twice in one second: section 8.8.2.2.
_STRONG_DATE_GAP_S: Final = 1


class Verdict(StrEnum):
    """What the preconditions of a request come to."""

    PROCEED = "proceed"
    NOT_MODIFIED = "not-modified"  # Answer 304.
    FAILED = "failed"  # Answer 412.


@dataclass(frozen=True, slots=True)
class Validators:
    """What tells one version of a representation from another.

    Attributes:
        entity_tag: from `ETag`.
        last_modified_s: from `Last-Modified`, in seconds since the epoch.
        date_s: from `Date`, in seconds since the epoch.
    """

    entity_tag: EntityTag | None = None
    last_modified_s: int | None = None
    date_s: int | None = None

    @classmethod
    def from_fields(cls, get: Callable[[str], str | None], *, now_s: float) -> Self:
        """Read the validators of a response whose field values `get` returns."""
        tag, modified, sent = get("ETag"), get("Last-Modified"), get("Date")
        return cls(
            entity_tag=None if tag is None else parse_entity_tag(tag),
            last_modified_s=None if modified is None else parse_http_date(modified, now_s=now_s),
            date_s=None if sent is None else parse_http_date(sent, now_s=now_s),
        )


@dataclass(frozen=True, slots=True)
class Preconditions:
    """The conditional fields of a request, as received; None where absent."""

    if_match: str | None = None
    if_none_match: str | None = None
    if_modified_since: str | None = None
    if_unmodified_since: str | None = None
    if_range: str | None = None

    @classmethod
    def from_fields(cls, get: Callable[[str], str | None]) -> Self:
        """Read the conditional fields of a request whose field values `get` returns.

        Several lines of one field are to be joined with commas before.
        """
        return cls(*(get(name) for name in CONDITIONAL_FIELDS))


def evaluate(
    conditions: Preconditions, validators: Validators, *, method: str, now_s: float
) -> Verdict:
    """Judge all conditions but `If-Range` against an existing representation, as its origin.

    To be asked only if the answer without them were 2xx or 412. What is no date and no tag is
    ignored, and matches nothing.
    """
    if method in _WITHOUT_REPRESENTATION:
        return Verdict.PROCEED
    if _has_changed(conditions, validators, now_s=now_s):
        return Verdict.FAILED
    if _is_known_to_client(conditions, validators, method=method, now_s=now_s):
        return Verdict.NOT_MODIFIED if method in {"GET", "HEAD"} else Verdict.FAILED
    return Verdict.PROCEED


def evaluate_at_cache(
    conditions: Preconditions, validators: Validators, *, now_s: float, received_s: float
) -> Verdict:
    """Judge the conditions of a GET or HEAD that a stored response answers: RFC 9111 section 4.3.2.

    `If-Match` and `If-Unmodified-Since` are for origins alone. A response without a date of last
    modification counts as modified when it was made.

    Args:
        conditions: of the request.
        validators: of the stored response, whose status is 200 or 206.
        now_s: the present.
        received_s: when the stored response arrived.
    """
    if validators.last_modified_s is None:
        made_s = received_s if validators.date_s is None else validators.date_s
        validators = replace(validators, last_modified_s=math.ceil(made_s))
    is_known = _is_known_to_client(conditions, validators, method="GET", now_s=now_s)
    return Verdict.NOT_MODIFIED if is_known else Verdict.PROCEED


def does_range_apply(if_range: str | None, validators: Validators, *, now_s: float) -> bool:
    """Whether `Range` is to be obeyed as far as `If-Range` says (RFC 9110 section 13.1.5).

    Both validators need to be strong: a part must never be joined to another version's bytes.
    """
    if if_range is None:
        return True
    tag = parse_entity_tag(if_range)
    if tag is not None:
        return validators.entity_tag is not None and is_strong_match(tag, validators.entity_tag)
    known_s = parse_http_date(if_range, now_s=now_s)
    modified_s = validators.last_modified_s
    if known_s is None or modified_s is None or validators.date_s is None:
        return False
    return known_s == modified_s and modified_s + _STRONG_DATE_GAP_S <= validators.date_s


def _has_changed(conditions: Preconditions, validators: Validators, *, now_s: float) -> bool:
    """Steps 1 and 2: the client wants a version that is no longer the current one."""
    if conditions.if_match is not None:
        wanted = parse_entity_tags(conditions.if_match)
        return not _is_listed(wanted, validators.entity_tag, is_strong_match)
    if conditions.if_unmodified_since is None:
        return False
    limit_s = parse_http_date(conditions.if_unmodified_since, now_s=now_s)
    modified_s = validators.last_modified_s
    return limit_s is not None and modified_s is not None and modified_s > limit_s


def _is_known_to_client(
    conditions: Preconditions, validators: Validators, *, method: str, now_s: float
) -> bool:
    """Steps 3 and 4: the client has the current version already."""
    if conditions.if_none_match is not None:
        known = parse_entity_tags(conditions.if_none_match)
        return _is_listed(known, validators.entity_tag, is_weak_match)
    if conditions.if_modified_since is None or method not in {"GET", "HEAD"}:
        return False
    known_s = parse_http_date(conditions.if_modified_since, now_s=now_s)
    modified_s = validators.last_modified_s
    return known_s is not None and modified_s is not None and modified_s <= known_s


def _is_listed(
    tags: tuple[EntityTag, ...] | AnyTag,
    current: EntityTag | None,
    matches: Callable[[EntityTag, EntityTag], bool],
) -> bool:
    if isinstance(tags, AnyTag):
        return True
    return current is not None and any(matches(tag, current) for tag in tags)
