"""What to ask the upstream for when a listener wants a part: his bytes first, then a bit more.

A listener who seeks waits for nothing but his own bytes. Whole slices are what is kept longest, so
the rest of the slices that he touches is fetched beside it, unless that costs several times what
he asked for. No I/O.
"""

from dataclasses import dataclass
from typing import Final

from http_semantics.byte_range import ByteSlice

# All that is fetched for one range is at most so many times what was asked for, or one slice.
AMPLIFICATION_MAX: Final = 4

# What precedes the listener's bytes in their slice comes with them if it is no more than this:
# another request costs more than these bytes.
_LEAD_BYTES_MAX: Final = 32 * 1024


@dataclass(frozen=True, slots=True)
class RangePlan:
    """What to ask for.

    Attributes:
        first: with the listener's bytes.
        lead: what precedes `first` in its slice, to be fetched beside it; None if nothing is.
    """

    first: ByteSlice
    lead: ByteSlice | None = None


def plan_range(
    part: ByteSlice, *, slice_bytes: int, run_bytes_max: int, complete_length: int | None = None
) -> RangePlan:
    """Plan the fetching of what a listener wants.

    Args:
        part: what he wants; its beginning counts if it is longer than one request asks for.
        slice_bytes: size of a slice.
        run_bytes_max: what one request asks for at most.
        complete_length: where the representation ends, if that is known.
    """
    start, stop = part.start, min(part.stop, part.start + run_bytes_max)
    allowance = max(slice_bytes, AMPLIFICATION_MAX * (stop - start))
    slice_start = start - start % slice_bytes
    slice_stop = -(-stop // slice_bytes) * slice_bytes
    if complete_length is not None:
        slice_stop = max(stop, min(slice_stop, complete_length))
    if slice_stop - start <= allowance:
        stop = slice_stop
    if start == slice_start or stop - slice_start > allowance:
        return RangePlan(ByteSlice(start, stop))
    if start - slice_start <= _LEAD_BYTES_MAX:
        return RangePlan(ByteSlice(slice_start, stop))
    return RangePlan(ByteSlice(start, stop), ByteSlice(slice_start, start))
