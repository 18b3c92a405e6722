"""Where the segments of a file are, in bytes and in time. No I/O.

Times are integers in samples of the rendition's own rate, on the presentation timeline: the
priming is removed and the padding cut, so the durations of all segments add up to the length.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Segment:
    """A byte range that can be decoded from its start on.

    AAC and Vorbis overlap with the packet before: after a seek the first packet's worth of samples
    is not exact (AAC) or missing (Vorbis). Whoever wants it exact starts a segment earlier.

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

    @property
    def end(self) -> int:
        """Offset of the first byte after it."""
        return self.offset + self.bytes

    @property
    def end_samples(self) -> int:
        """When the next one is heard."""
        return self.start_samples + self.duration_samples


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
