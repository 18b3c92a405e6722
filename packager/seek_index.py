"""The seek index of a rendition: where which samples are, for players without a manifest.

Times are integers in samples of the rendition's own rate, on the presentation timeline: the
priming is removed and the padding cut, so the durations of all segments add up to the length.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from packager.renditions import Codec, Container, Protection

# RFC 8216 section 4.1: a peak is taken over contiguous segments that last between 0.5 and 1.5
# target durations.
_TARGET_S: Final = 6


@dataclass(frozen=True, slots=True)
class Segment:
    """A byte range that can be decoded from its start on.

    Attributes:
        offset: of its first byte in the file.
        bytes: its size.
        start_samples: when it is heard, counted from the first audible sample.
        duration_samples: for how long it is heard; always positive.
    """

    offset: int
    bytes: int
    start_samples: int
    duration_samples: int


@dataclass(frozen=True, slots=True)
class SeekIndex:
    """The layout of a file.

    Attributes:
        init_offset: where the bytes start that a decoder needs first: `ftyp` and `moov` of a
            fragmented MP4, the header pages of Ogg.
        init_bytes: their size.
        index_offset: where the `sidx` box starts; 0 without one.
        index_bytes: its size; 0 without one.
        segments: in order; they follow one another without a gap, in bytes and in time.
    """

    init_offset: int
    init_bytes: int
    index_offset: int
    index_bytes: int
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class RenditionFacts:
    """All that is known about one packaged rendition.

    Attributes:
        name: of its profile, such as `aac-160`.
        codec_string: RFC 6381 `codecs` parameter, such as `mp4a.40.2`.
        mime: media type of the file, without parameters.
        bitrate_bps: average over the file.
        bandwidth_bps: peak over about a segment's time, for manifests.
        bits: bits per sample, 16 or 24; 0 for a lossy codec.
        samples: exact length of what is heard.
        priming: samples that a decoder returns before it and that must be dropped.
        bytes: size of the file.
        sha256: of the protected file, hexadecimal.
        clear_sha256: of the same file without protection, hexadecimal.
        kid: identifier of the content key as UUID text; empty for a clear file.
        iv: 32 hexadecimal digits: first counter block of a sealed file, constant IV of `cbcs`;
            empty for a clear file.
    """

    name: str
    codec: Codec
    codec_string: str
    container: Container
    mime: str
    bitrate_bps: int
    bandwidth_bps: int
    sample_rate_hz: int
    channels: int
    bits: int
    samples: int
    priming: int
    bytes: int
    sha256: str
    clear_sha256: str
    kid: str
    protection: Protection
    iv: str
    seek: SeekIndex


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
