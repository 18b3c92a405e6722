"""Ogg Vorbis files: given the serial number and comments that they are to have, and indexed.

    rewriter = VorbisRewriter(serial=serial)
    for chunk in spool:
        for page in rewriter.feed(chunk): ...   # the pages that are complete by now
    facts = rewriter.close()                    # length, layout and seek index

Memory stays bounded by one page, the headers and the index, whatever the length of the file.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from packager.comment_header import with_comments
from packager.ogg import (
    NO_GRANULE,
    OggError,
    OggPage,
    OggPageReader,
    encode_header_pages,
    with_serial,
)
from packager.seek_index import SeekIndex, Segment

SEGMENT_S: Final = 6
FIRST_SEGMENT_S: Final = 1

HEADER_BYTES_MAX: Final = 1 << 20

# Identification, comment and setup (Vorbis I section 4.2).
_HEADER_PACKETS: Final = 3
# Packet type, "vorbis", version, channels, sample rate, three bit rates, block sizes, framing.
_IDENTIFICATION: Final = struct.Struct("<B6sIBIiiiBB")


@dataclass(frozen=True, slots=True)
class VorbisFacts:
    """What is known of a Vorbis file once all of it was seen.

    Attributes:
        samples: its exact length, the granule position of its last page.
    """

    sample_rate_hz: int
    channels: int
    samples: int
    size_bytes: int
    seek: SeekIndex = field(repr=False)


class VorbisRewriter:
    """Gives one Vorbis stream another serial number and other comments, and indexes it.

    libsndfile draws its serial numbers at random, so without this no two encodings of the same
    samples would be equal.

    Args:
        serial: of the stream.
        comments: in place of those that it has, as `NAME=value`.
    """

    def __init__(self, *, serial: int, comments: Sequence[str] = ()) -> None:
        assert 0 <= serial < 1 << 32
        self._serial = serial
        self._reader = OggPageReader()
        self._headers = _HeaderCollector()
        self._comments = tuple(comments)
        self._header_bytes = 0
        self._sequence = 0
        # How much further back an audio page starts than before.
        self._shift = 0
        self._index = _SegmentCutter()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take in the next bytes and yield the pages that are complete by now, rewritten.

        Raises:
            FormatError: the stream is damaged, or not Vorbis.
        """
        self._reader.feed(data)
        for page in self._reader.pages():
            if self._headers.is_complete:
                moved = replace(page, offset=page.offset + self._shift)
                self._index.add(moved)
                yield with_serial(moved.data, self._serial, sequence=self._sequence)
                self._sequence += 1
            elif self._headers.add(page):
                yield from self._header_pages()

    def close(self) -> VorbisFacts:
        """Mark the end of the stream, and tell what it was.

        Raises:
            OggError: the stream ends too early.
        """
        self._reader.close()
        if not self._headers.is_complete:
            raise OggError("the stream ends within its headers")
        segments = self._index.close()
        last = segments[-1]
        return VorbisFacts(
            sample_rate_hz=self._headers.sample_rate_hz,
            channels=self._headers.channels,
            samples=last.start_samples + last.duration_samples,
            size_bytes=last.offset + last.bytes,
            seek=SeekIndex(0, self._header_bytes, 0, 0, segments),
        )

    def _header_pages(self) -> list[bytes]:
        """The pages before the audio, made anew: other comments are of another length."""
        first, (_, comment, setup) = self._headers.first_page, self._headers.packets
        if self._comments:
            comment = with_comments(comment, self._comments)
        later = encode_header_pages((comment, setup), serial=self._serial, sequence=1)
        pages = [with_serial(first, self._serial), *later]
        self._sequence = len(pages)
        self._header_bytes = sum(map(len, pages))
        self._shift = self._header_bytes - self._headers.size_bytes
        self._index.sample_rate_hz = self._headers.sample_rate_hz
        return pages


class _HeaderCollector:
    """Puts the three header packets together from the pages before the audio."""

    def __init__(self) -> None:
        self.first_page = b""
        self.packets: list[bytes] = []
        self.size_bytes = 0
        self.sample_rate_hz = 0
        self.channels = 0
        self._open_packet = bytearray()

    @property
    def is_complete(self) -> bool:
        """Whether the next page is audio."""
        return len(self.packets) == _HEADER_PACKETS

    def add(self, page: OggPage) -> bool:
        """Take in the next page; tells whether it was the last one before the audio.

        Raises:
            OggError: it does not hold headers of Vorbis, or not only them, or too much of them.
        """
        if not self.first_page:
            self.first_page = page.data
            self.sample_rate_hz, self.channels = _parse_identification(page)
        self.size_bytes += len(page.data)
        if self.size_bytes > HEADER_BYTES_MAX:
            raise OggError(f"the headers are larger than {HEADER_BYTES_MAX} bytes")
        start = page.body_offset
        for end in page.packet_ends:
            self.packets.append(bytes(self._open_packet + page.data[start:end]))
            self._open_packet.clear()
            start = end
        self._open_packet += page.data[start:]
        # Audio begins on a page of its own (Vorbis I appendix A.2).
        is_shared = self.is_complete and page.has_open_packet
        if len(self.packets) > _HEADER_PACKETS or is_shared:
            raise OggError("the headers and the audio share a page")
        return self.is_complete


def _parse_identification(page: OggPage) -> tuple[int, int]:
    """Sample rate and channels (Vorbis I section 4.2.2)."""
    packet = page.data[page.body_offset :]
    if len(packet) != _IDENTIFICATION.size or len(page.packet_ends) != 1:
        raise OggError("the first page does not hold a Vorbis identification header")
    kind, magic, version, channels, rate, *_, framing = _IDENTIFICATION.unpack(packet)
    if (kind, magic, version) != (1, b"vorbis", 0) or not (channels and rate and framing & 1):
        raise OggError("the stream is not Vorbis I")
    return rate, channels


class _SegmentCutter:
    """Cuts audio pages into segments of up to six seconds, the first of up to one.

    A segment begins with a packet of its own, so that a decoder loses nothing of it but the overlap
    with the packet before; a single page that lasts longer is a segment all the same.
    """

    def __init__(self) -> None:
        self.sample_rate_hz = 0
        self._segments: list[Segment] = []
        # Where the segment under way began, and where it may end: byte, sample.
        self._start: tuple[int, int] | None = None
        self._boundary = (0, 0)
        self._end = (0, 0)

    def add(self, page: OggPage) -> None:
        """Take in the next page."""
        if self._start is None:
            self._start = self._boundary = self._end = (page.offset, 0)
        if not page.is_continued:
            self._boundary = self._end
        samples = self._end[1] if page.granule == NO_GRANULE else page.granule
        is_full = samples - self._start[1] > self._duration_max()
        # A page that adds no samples stays with those before it: no segment is without duration.
        if is_full and samples > self._boundary[1]:
            self._cut()
        self._end = (page.offset + len(page.data), samples)

    def close(self) -> tuple[Segment, ...]:
        """All segments, the last of which ends with the stream."""
        if self._start is None or self._end[1] == 0:
            raise OggError("the stream holds no audio")
        self._boundary = self._end
        self._cut()
        return tuple(self._segments)

    def _duration_max(self) -> int:
        return (SEGMENT_S if self._segments else FIRST_SEGMENT_S) * self.sample_rate_hz

    def _cut(self) -> None:
        """End the segment under way at the boundary, if anything of it is heard by then."""
        assert self._start is not None
        (offset, start), (end_offset, end) = self._start, self._boundary
        if end > start:
            self._segments.append(Segment(offset, end_offset - offset, start, end - start))
            self._start = self._boundary
