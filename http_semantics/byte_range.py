"""Byte ranges: the `Range` and `Content-Range` fields, resolved against a representation.

Names follow RFC 9110 section 14 (int-range, suffix-range, first-pos, last-pos, complete-length).
"""

import re
from dataclasses import dataclass
from typing import Final

# A long list of small ranges is an attack, not a player: RFC 9110 section 17.15.
RANGES_MAX: Final = 16

# Positions above this are beyond any file; longer numerals are not worth converting.
_POSITION_MAX: Final = 10**18

_RANGE_SPEC: Final = re.compile(r"(?P<first>[0-9]+)-(?P<last>[0-9]*)|-(?P<suffix>[0-9]+)")
_CONTENT_RANGE: Final = re.compile(
    r"(?i:bytes) (?:(?P<first>[0-9]{1,19})-(?P<last>[0-9]{1,19})|\*)/(?P<length>[0-9]{1,19}|\*)"
)


@dataclass(frozen=True, slots=True)
class IntRange:
    """`first-pos "-" [ last-pos ]`: both counted from 0, the last one included."""

    first_pos: int
    last_pos: int | None


@dataclass(frozen=True, slots=True)
class SuffixRange:
    """`"-" suffix-length`: that many bytes at the end."""

    suffix_length: int


RangeSpec = IntRange | SuffixRange


@dataclass(frozen=True, slots=True)
class ByteSlice:
    """A satisfiable range as the half-open interval `[start, stop)`, in bytes."""

    start: int
    stop: int

    def __post_init__(self) -> None:
        assert 0 <= self.start < self.stop

    @property
    def length(self) -> int:
        """How many bytes it covers."""
        return self.stop - self.start

    def content_range(self, complete_length: int) -> str:
        """Value of `Content-Range` for a 206 answer with this slice alone."""
        assert self.stop <= complete_length
        return f"bytes {self.start}-{self.stop - 1}/{complete_length}"


@dataclass(frozen=True, slots=True)
class ContentRange:
    """What a `Content-Range` field says.

    Attributes:
        part: the bytes enclosed; None in a 416 answer (`bytes */N`).
        complete_length: of the whole representation; None if the sender does not know it (`*`).
    """

    part: ByteSlice | None
    complete_length: int | None


def parse_range(value: str) -> tuple[RangeSpec, ...] | None:
    """Parse the value of a `Range` field.

    Returns:
        The ranges in the order given. None if the field is to be ignored: another range unit, a
        malformed or inverted range, or over `RANGES_MAX` of them (RFC 9110 section 14.2 lets a
        server ignore all of these).
    """
    unit, separator, ranges = value.partition("=")
    if not separator or unit.strip().lower() != "bytes":
        return None
    specs: list[RangeSpec] = []
    for element in ranges.split(",", RANGES_MAX * 2):
        text = element.strip(" \t")
        if not text:
            continue  # Empty list elements are to be tolerated: RFC 9110 section 5.6.1.2.
        spec = _range_spec(text)
        if spec is None or len(specs) == RANGES_MAX:
            return None
        specs.append(spec)
    return tuple(specs) or None


def resolve(specs: tuple[RangeSpec, ...], complete_length: int) -> tuple[ByteSlice, ...]:
    """Slices of a representation of `complete_length` bytes that satisfy `specs`, in their order.

    An empty result means that none can be satisfied: answer 416 (RFC 9110 section 15.5.17).
    """
    assert complete_length >= 0
    slices = (_resolve_one(spec, complete_length) for spec in specs)
    return tuple(one for one in slices if one is not None)


def unsatisfied_range(complete_length: int) -> str:
    """Value of `Content-Range` for a 416 answer."""
    return f"bytes */{complete_length}"


def parse_content_range(value: str) -> ContentRange | None:
    """Parse the value of a `Content-Range` field; None if it is malformed or contradicts itself."""
    match = _CONTENT_RANGE.fullmatch(value.strip(" \t"))
    if match is None:
        return None
    length = None if match["length"] == "*" else int(match["length"])
    if match["first"] is None:
        return None if length is None else ContentRange(None, length)
    first, last = int(match["first"]), int(match["last"])
    if last < first or (length is not None and last >= length):
        return None
    return ContentRange(ByteSlice(first, last + 1), length)


def _range_spec(text: str) -> RangeSpec | None:
    match = _RANGE_SPEC.fullmatch(text)
    if match is None:
        return None
    if match["suffix"] is not None:
        return SuffixRange(_position(match["suffix"]))
    first = _position(match["first"])
    last = _position(match["last"]) if match["last"] else None
    if last is not None and last < first:
        return None
    return IntRange(first, last)


def _position(digits: str) -> int:
    return _POSITION_MAX if len(digits) > len(str(_POSITION_MAX)) else int(digits)


def _resolve_one(spec: RangeSpec, complete_length: int) -> ByteSlice | None:
    match spec:
        case IntRange(first_pos=first, last_pos=last):
            if first >= complete_length:
                return None
            stop = complete_length if last is None else min(last + 1, complete_length)
            return ByteSlice(first, stop)
        case SuffixRange(suffix_length=length):
            if length == 0 or complete_length == 0:
                return None
            return ByteSlice(max(0, complete_length - length), complete_length)
