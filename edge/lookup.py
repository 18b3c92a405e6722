"""What a request gets of a representation: conditions, ranges, in their order. No I/O, no clock."""

from dataclasses import dataclass
from functools import partial
from typing import Self

from multidict import CIMultiDictProxy

from edge.errors import RangeNotSatisfiableError
from edge.fields import joined
from edge.representation import Representation
from http_semantics.byte_range import ByteSlice, RangeSpec, parse_range, resolve
from http_semantics.multipart import coalesce
from http_semantics.preconditions import (
    CONDITIONAL_FIELDS,
    Preconditions,
    Verdict,
    does_range_apply,
    evaluate,
    evaluate_at_cache,
)


@dataclass(frozen=True, slots=True)
class Ask:
    """What a GET or HEAD asks for.

    Attributes:
        method: GET or HEAD.
        conditions: its preconditions; None if it has none, which is the common case.
        ranges: of the `Range` field, None where it is absent or to be ignored.
    """

    method: str
    conditions: Preconditions | None = None
    ranges: tuple[RangeSpec, ...] | None = None

    @classmethod
    def from_headers(cls, method: str, headers: CIMultiDictProxy[str]) -> Self:
        """Read what decides of a request's fields."""
        value = joined(headers, "Range") if method == "GET" else None
        conditions = None
        if any(name in headers for name in CONDITIONAL_FIELDS):
            conditions = Preconditions.from_fields(partial(joined, headers))
        return cls(method, conditions, None if value is None else parse_range(value))

    @property
    def first_range(self) -> RangeSpec | None:
        """The range that is sent first, if there is one."""
        return None if self.ranges is None else self.ranges[0]


@dataclass(frozen=True, slots=True)
class NotModified:
    """The listener has this version: 304."""


@dataclass(frozen=True, slots=True)
class Whole:
    """All of it: 200."""


@dataclass(frozen=True, slots=True)
class Part:
    """One range of it: 206."""

    part: ByteSlice


@dataclass(frozen=True, slots=True)
class Parts:
    """Several ranges of it: 206 with `multipart/byteranges`."""

    parts: tuple[ByteSlice, ...]


@dataclass(frozen=True, slots=True)
class ForOrigin:
    """A condition that only the origin may judge does not hold for this version."""


Selection = NotModified | Whole | Part | Parts | ForOrigin
_WHOLE = Whole()
_NOT_MODIFIED = NotModified()
_FOR_ORIGIN = ForOrigin()


def select(representation: Representation, ask: Ask, *, now_s: float) -> Selection:
    """What `ask` gets of a representation that may be used.

    The order is that of RFC 9110 section 13.2.2. `If-Match` and `If-Unmodified-Since` are for the
    origin to judge (RFC 9111 section 4.3.2); where they hold they change nothing.

    Raises:
        RangeNotSatisfiableError: answer 416.
    """
    if not 200 <= representation.status < 300:
        return _WHOLE  # Conditions and ranges are about what a success would send.
    conditions = ask.conditions
    if conditions is not None:
        validators = representation.validators
        if evaluate(conditions, validators, method=ask.method, now_s=now_s) is Verdict.FAILED:
            return _FOR_ORIGIN
        received_s = representation.times.response_s
        verdict = evaluate_at_cache(conditions, validators, now_s=now_s, received_s=received_s)
        if verdict is Verdict.NOT_MODIFIED:
            return _NOT_MODIFIED
        if not does_range_apply(conditions.if_range, validators, now_s=now_s):
            return _WHOLE
    length = representation.complete_length
    if ask.ranges is None or length is None or representation.status != 200:
        return _WHOLE
    slices = resolve(ask.ranges, length)
    if not slices:
        raise RangeNotSatisfiableError(length)
    if len(slices) > 1:
        slices = coalesce(slices)
    return Part(slices[0]) if len(slices) == 1 else Parts(slices)
