"""Which byte ranges to ask for, and in which order. No I/O."""

from itertools import pairwise
from typing import Final

from http_semantics.byte_range import ByteSlice
from packager.seek_index import RenditionFacts
from player.errors import MalformedAnswerError

# Six seconds of eight channels of 24 bits at 192 kHz are 28 MB when nothing can be compressed.
RANGE_BYTES_MAX: Final = 64 << 20


def plan_ranges(facts: RenditionFacts) -> tuple[ByteSlice, ...]:
    """Ranges that cover the whole file: its header with the first segment, then one per segment.

    The first segment is short, so that one round trip brings all that the first sound needs.

    Raises:
        MalformedAnswerError: a range would be larger than a player can hold.
    """
    segments = facts.seek.segments
    edges = (0, *(segment.offset for segment in segments[1:]), facts.bytes)
    slices = tuple(ByteSlice(start, stop) for start, stop in pairwise(edges))
    largest = max(slices, key=lambda part: part.length)
    if largest.length > RANGE_BYTES_MAX:
        raise MalformedAnswerError(
            f"a segment of {largest.length} bytes is above the limit of {RANGE_BYTES_MAX}"
        )
    return slices
