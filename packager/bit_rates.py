"""Bit rates of a packaged file, as manifests state them. All in integers, rounded up."""

from collections.abc import Iterator, Sequence
from typing import Final

from packager.seek_index import Segment

# RFC 8216 section 4.1: a peak is taken over contiguous segments that last between 0.5 and 1.5
# target durations.
_TARGET_S: Final = 6


def average_bps(size_bytes: int, samples: int, sample_rate_hz: int) -> int:
    """Bits per second of so many bytes over so many samples, rounded up."""
    return -(-size_bytes * 8 * sample_rate_hz // samples)


def peak_bps(segments: Sequence[Segment], sample_rate_hz: int) -> int:
    """Largest bit rate over contiguous segments of 0.5 to 1.5 target durations (RFC 8216, 4.1).

    A file that is too short to have such a stretch counts as a whole.
    """
    return max(_bit_rates(segments, sample_rate_hz), default=0) or average_bps(
        sum(segment.bytes for segment in segments),
        sum(segment.duration_samples for segment in segments),
        sample_rate_hz,
    )


def _bit_rates(segments: Sequence[Segment], sample_rate_hz: int) -> Iterator[int]:
    """Bit rates of all stretches of segments that count towards the peak."""
    target = _TARGET_S * sample_rate_hz
    for first in range(len(segments)):
        size_bytes = samples = 0
        for index in range(first, len(segments)):
            size_bytes += segments[index].bytes
            samples += segments[index].duration_samples
            if 2 * samples > 3 * target:
                break
            if 2 * samples >= target:
                yield average_bps(size_bytes, samples, sample_rate_hz)
