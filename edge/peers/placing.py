"""Which span a request is about, so that everybody asks the same owner. No I/O.

A range is about the span of its first byte, and goes no further than that span's end: an answer to
its beginning is as good, since the rest is asked for next. Everything else, a validation of what is
stored above all, is about the record.
"""

from typing import Final

from edge.fields import Fields
from edge.peers.ownership import RECORD_SPAN, span_end, span_of
from http_semantics.byte_range import IntRange, parse_range

_CONDITIONS: Final = ("If-None-Match", "If-Modified-Since")


def place(fields: Fields) -> tuple[int, Fields]:
    """The span that a GET or HEAD with `fields` is about, and the fields to ask its owner with.

    Args:
        fields: as they would go to the origin; they stay as they are.
    """
    wanted = _range_of(fields)
    if wanted is None:
        return RECORD_SPAN, fields
    is_validation = any(name in fields for name in _CONDITIONS)
    span = RECORD_SPAN if is_validation else span_of(wanted.first_pos)
    end = span_end(wanted.first_pos)
    if wanted.last_pos is None or wanted.last_pos >= end:
        fields = fields.copy()
        fields["Range"] = f"bytes={wanted.first_pos}-{end - 1}"
    return span, fields


def _range_of(fields: Fields) -> IntRange | None:
    """The one range that is asked for, if it has a beginning."""
    value = fields.get("Range")
    if value is None:
        return None
    ranges = parse_range(value)
    if ranges is None or len(ranges) != 1 or not isinstance(ranges[0], IntRange):
        return None
    return ranges[0]
