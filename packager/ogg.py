"""Ogg pages (RFC 3533 section 6): read from a stream of bytes, checked, and given a new serial.

    reader = OggPageReader()
    reader.feed(chunk)              # as often as bytes arrive
    for page in reader.pages(): ...  # those that are complete by now
    reader.close()                  # at the end of the stream

One logical stream is read, as a file of music has: neither multiplexed nor chained.
"""

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from packager.format_error import FormatError

NO_GRANULE: Final = -1
"""Granule position of a page on which no packet ends."""

_CAPTURE_PATTERN: Final = b"OggS"
# Capture pattern, version, flags, granule position, serial, sequence number, checksum, segments.
_HEADER: Final = struct.Struct("<4sBBqIIIB")
HEADER_BYTES: Final = _HEADER.size
"""Of a page, before its segment table."""
_VERSION_OFFSET: Final = 4
_SERIAL_OFFSET: Final = 14
_SEQUENCE_OFFSET: Final = 18
_CHECKSUM_OFFSET: Final = 22
_U32: Final = struct.Struct("<I")

_CONTINUED: Final = 0x01
_FIRST: Final = 0x02
_LAST: Final = 0x04
_LACING_FULL: Final = 255
SEGMENTS_MAX: Final = 255
"""Entries in the segment table of a page."""

_BITS_REVERSED: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class OggError(FormatError):
    """An Ogg stream is damaged, or of a kind that is not read here."""

    reason = "ogg"


@dataclass(frozen=True, slots=True)
class PageHeader:
    """What stands in front of a page's segment table.

    Attributes:
        granule: see `OggPage`.
        is_continued: whether the page's first packet began on the page before.
        is_first: whether its stream begins with it.
        is_last: whether its stream ends with it.
        segments: entries of the segment table that follows.
    """

    granule: int
    serial: int
    sequence: int
    segments: int
    is_continued: bool
    is_first: bool
    is_last: bool


@dataclass(frozen=True, slots=True)
class OggPage:
    """One page.

    Attributes:
        offset: of its first byte in the stream.
        data: all its bytes.
        granule: samples that the stream has decoded to by the end of this page's last complete
            packet, or `NO_GRANULE`.
        is_continued: whether its first packet began on the page before.
        is_last: whether the stream ends with it.
        packet_ends: end of each packet that ends on this page, as a position in `data`.
    """

    offset: int
    data: bytes = field(repr=False)
    granule: int
    is_continued: bool
    is_last: bool
    packet_ends: tuple[int, ...] = field(repr=False)

    @property
    def body_offset(self) -> int:
        """Position in `data` of the first byte of the first packet."""
        return _HEADER.size + self.data[_HEADER.size - 1]

    @property
    def has_open_packet(self) -> bool:
        """Whether its last packet goes on with the next page."""
        return not self.packet_ends or self.packet_ends[-1] != len(self.data)


def decode_page_header(data: bytes) -> PageHeader | None:
    """The header at the start of `data`; None if there is none, whole and of the version known."""
    if len(data) < HEADER_BYTES:
        return None
    pattern, version, flags, granule, serial, sequence, _, segments = _HEADER.unpack_from(data)
    if pattern != _CAPTURE_PATTERN or version != 0:
        return None
    return PageHeader(
        granule=granule,
        serial=serial,
        sequence=sequence,
        segments=segments,
        is_continued=bool(flags & _CONTINUED),
        is_first=bool(flags & _FIRST),
        is_last=bool(flags & _LAST),
    )


def has_good_checksum(page: bytes) -> bool:
    """Whether the checksum in a whole page is its own."""
    start, stop = _CHECKSUM_OFFSET, _CHECKSUM_OFFSET + _U32.size
    blank = page[:start] + bytes(_U32.size) + page[stop:]
    return int.from_bytes(page[start:stop], "little") == page_checksum(blank)


def page_checksum(page: bytes) -> int:
    """The checksum of RFC 3533 section 6, of a page whose checksum field is zero.

    Its CRC-32 runs from the most significant bit and starts with 0. `zlib.crc32` has the same
    polynomial, but runs from the least significant bit and inverts before and after, so with every
    byte mirrored and both inversions undone its result is this one's mirror image.
    """
    mirrored = zlib.crc32(page.translate(_BITS_REVERSED), 0xFFFF_FFFF) ^ 0xFFFF_FFFF
    return int.from_bytes(mirrored.to_bytes(4, "little").translate(_BITS_REVERSED), "big")


def with_serial(page: bytes, serial: int, *, sequence: int | None = None) -> bytes:
    """The same page as part of another logical stream, under another number if one is given."""
    blank = bytearray(page)
    _U32.pack_into(blank, _SERIAL_OFFSET, serial)
    if sequence is not None:
        _U32.pack_into(blank, _SEQUENCE_OFFSET, sequence)
    _U32.pack_into(blank, _CHECKSUM_OFFSET, 0)
    _U32.pack_into(blank, _CHECKSUM_OFFSET, page_checksum(bytes(blank)))
    return bytes(blank)


def encode_header_pages(packets: Sequence[bytes], *, serial: int, sequence: int) -> list[bytes]:
    """Packets without duration on as few pages as hold them; the last one ends its page.

    Args:
        packets: in order.
        serial: of the stream, which has begun with other pages.
        sequence: number of the first page.
    """
    body = b"".join(packets)
    lacing = b"".join(map(_lacing_of, packets))
    pages: list[bytes] = []
    position, is_continued = 0, False
    for start in range(0, len(lacing), SEGMENTS_MAX):
        table = lacing[start : start + SEGMENTS_MAX]
        size = sum(table)
        granule = NO_GRANULE if min(table) == _LACING_FULL else 0
        flags = _CONTINUED if is_continued else 0
        number = sequence + len(pages)
        header = _HEADER.pack(_CAPTURE_PATTERN, 0, flags, granule, serial, number, 0, len(table))
        # Its checksum is filled in on the way.
        pages.append(with_serial(header + table + body[position : position + size], serial))
        position += size
        is_continued = table[-1] == _LACING_FULL
    return pages


def encode_page(
    packets: Sequence[bytes],
    *,
    serial: int,
    sequence: int,
    granule: int,
    is_first: bool = False,
    is_last: bool = False,
) -> bytes:
    """A page of whole packets.

    Args:
        packets: in order; the sum of their `lacing_size` is at most `SEGMENTS_MAX`.
        serial: of the stream.
        sequence: number of the page.
        granule: position at the end of the last packet.
        is_first: whether the stream begins with it.
        is_last: whether the stream ends with it.
    """
    table = b"".join(map(_lacing_of, packets))
    assert len(table) <= SEGMENTS_MAX
    flags = (_FIRST if is_first else 0) | (_LAST if is_last else 0)
    header = _HEADER.pack(_CAPTURE_PATTERN, 0, flags, granule, serial, sequence, 0, len(table))
    return with_serial(header + table + b"".join(packets), serial)


def lacing_size(packet: bytes) -> int:
    """How many entries of a page's segment table a packet takes."""
    return len(packet) // _LACING_FULL + 1


def _lacing_of(packet: bytes) -> bytes:
    """The lacing values of a packet (RFC 3533 section 6, item 10): the last is below 255."""
    full, rest = divmod(len(packet), _LACING_FULL)
    return bytes((_LACING_FULL,)) * full + bytes((rest,))


class OggPageReader:
    """Cuts a stream into its pages and checks each.

    Whoever drains `pages` after each `feed` never holds more than one feed and one page.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._offset = 0
        self._serial = 0
        self._next_sequence = 0
        self._has_open_packet = False
        self._granule = 0
        self._has_ended = False

    def feed(self, data: bytes) -> None:
        """Take in the next bytes of the stream."""
        self._buffer += data

    def pages(self) -> Iterator[OggPage]:
        """Yield the pages that are complete.

        Raises:
            OggError: something is not a page, is damaged, or does not follow the page before.
        """
        while (size := self._peek_size()) is not None and size <= len(self._buffer):
            data = bytes(self._buffer[:size])
            page = self._parse(data)
            del self._buffer[:size]
            self._offset += size
            yield page

    def close(self) -> None:
        """Mark the end of the stream.

        Raises:
            OggError: the stream ends within a page or before its last page.
        """
        if self._buffer:
            raise self._error(f"the stream ends after {len(self._buffer)} bytes of it")
        if not self._has_ended:
            raise self._error("the stream ends without a last page")

    def _peek_size(self) -> int | None:
        """Size of the next page; None until its segment table is complete."""
        pattern = bytes(self._buffer[: len(_CAPTURE_PATTERN)])
        if not _CAPTURE_PATTERN.startswith(pattern):
            raise self._error("it does not begin with the capture pattern")
        if len(self._buffer) < _HEADER.size:
            return None
        table_end = _HEADER.size + self._buffer[_HEADER.size - 1]
        if len(self._buffer) < table_end:
            return None
        return table_end + sum(self._buffer[_HEADER.size : table_end])

    def _parse(self, data: bytes) -> OggPage:
        header = decode_page_header(data)
        if header is None:
            raise self._error(f"version {data[_VERSION_OFFSET]} of Ogg is unknown")
        if not has_good_checksum(data):
            raise self._error("its checksum is wrong")
        if self._next_sequence == 0:
            self._serial = header.serial
        page = OggPage(
            offset=self._offset,
            data=data,
            granule=header.granule,
            is_continued=header.is_continued,
            is_last=header.is_last,
            packet_ends=_packet_ends(data),
        )
        self._check_order(page, header)
        return page

    def _check_order(self, page: OggPage, header: PageHeader) -> None:
        """Refuse a page that does not follow the one before, then remember it."""
        problems = {
            "it follows the last page": self._has_ended,
            "it belongs to another stream": header.serial != self._serial,
            f"page {self._next_sequence} is missing": header.sequence != self._next_sequence,
            "the first page is not marked, or another one is": header.is_first
            != (header.sequence == 0),
            "its first packet is torn": page.is_continued != self._has_open_packet,
            "its granule position goes back": page.granule != NO_GRANULE
            and page.granule < self._granule,
            "the stream ends within a packet": page.is_last and page.has_open_packet,
        }
        for problem, is_so in problems.items():
            if is_so:
                raise self._error(problem)
        self._next_sequence += 1
        self._has_open_packet = page.has_open_packet
        self._has_ended = page.is_last
        if page.granule != NO_GRANULE:
            self._granule = page.granule

    def _error(self, problem: str) -> OggError:
        return OggError(f"page {self._next_sequence} at byte {self._offset}: {problem}")


def _packet_ends(data: bytes) -> tuple[int, ...]:
    """Where packets end: after each lacing value below 255."""
    position = body_offset = _HEADER.size + data[_HEADER.size - 1]
    ends = []
    for lacing in data[_HEADER.size : body_offset]:
        position += lacing
        if lacing < _LACING_FULL:
            ends.append(position)
    return tuple(ends)
