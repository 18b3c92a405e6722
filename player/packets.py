"""From the protected bytes of a rendition to the clear packets of its codec. No I/O.

Both readers are fed a file from its first byte on: the header first, then whole segments.
"""

from collections.abc import Iterator
from typing import Final, Protocol

from packager.content_key import ContentKey
from packager.fmp4_reader import FragmentReader
from packager.format_error import FormatError
from packager.ogg import OggPage, OggPageReader
from packager.renditions import Container, Protection
from packager.sealing import unseal
from packager.seek_index import RenditionFacts

# Identification, comment and setup (Vorbis I section 4.2).
_HEADER_PACKETS: Final = 3
_VORBIS_PACKET_MAX: Final = 1 << 20
_LACING_FULL: Final = 255


class PacketReader(Protocol):
    """Takes a file in order and yields its packets."""

    def read_header(self, data: bytes) -> bytes:
        """Take everything before the first segment; returns what a decoder is set up with.

        Raises:
            FormatError: the header cannot be read.
        """
        ...

    def read_segment(self, data: bytes) -> Iterator[bytes]:
        """Take the next segment and yield its packets, in the clear.

        Raises:
            FormatError: the segment cannot be read.
        """
        ...

    def close(self) -> None:
        """Mark the end of the file.

        Raises:
            FormatError: it ends too early.
        """
        ...


def open_packets(facts: RenditionFacts, key: ContentKey | None) -> PacketReader:
    """The reader for a rendition; `key` is None for a clear file."""
    match facts.container:
        case Container.MP4:
            return _FragmentPackets(facts, key)
        case Container.OGG:
            return _OggPackets(facts, key)


class _FragmentPackets:
    """Packets of fragmented MP4, decrypted by Common Encryption."""

    def __init__(self, facts: RenditionFacts, key: ContentKey | None) -> None:
        self._facts = facts
        self._key = key
        self._reader: FragmentReader | None = None

    def read_header(self, data: bytes) -> bytes:
        """See `PacketReader.read_header`."""
        seek = self._facts.seek
        init = data[seek.init_offset : seek.init_offset + seek.init_bytes]
        reader = FragmentReader(init, self._key.key if self._key else None)
        header, facts = reader.header, self._facts
        told = (header.codec, header.sample_rate_hz, header.channels, header.priming)
        if told != (facts.codec, facts.sample_rate_hz, facts.channels, facts.priming):
            raise FormatError(f"the file is of {told}, which its seek index contradicts")
        if self._key is not None and header.protection is None:
            raise FormatError("the file is not protected, though its seek index says so")
        self._reader = reader
        return header.config

    def read_segment(self, data: bytes) -> Iterator[bytes]:
        """See `PacketReader.read_segment`."""
        assert self._reader is not None
        return (sample.data for sample in self._reader.samples(data))

    def close(self) -> None:
        """See `PacketReader.close`: a fragment that is whole needs no other end."""


class _OggPackets:
    """Packets of an Ogg stream with one logical stream, sealed as a whole."""

    def __init__(self, facts: RenditionFacts, key: ContentKey | None) -> None:
        self._key = key if facts.protection is Protection.SEALED else None
        self._iv = bytes.fromhex(facts.iv)
        self._position = 0
        self._pages = OggPageReader()
        self._open_packet = bytearray()

    def read_header(self, data: bytes) -> bytes:
        """See `PacketReader.read_header`."""
        packets = list(self.read_segment(data))
        if len(packets) != _HEADER_PACKETS or self._open_packet:
            raise FormatError(f"{len(packets)} header packets, where Vorbis has {_HEADER_PACKETS}")
        return _laced(packets)

    def read_segment(self, data: bytes) -> Iterator[bytes]:
        """See `PacketReader.read_segment`."""
        clear = data
        if self._key is not None:
            clear = unseal(self._key.key, self._iv, self._position, data)
        self._position += len(data)
        self._pages.feed(clear)
        for page in self._pages.pages():
            yield from self._packets_of(page)

    def close(self) -> None:
        """See `PacketReader.close`."""
        self._pages.close()

    def _packets_of(self, page: OggPage) -> Iterator[bytes]:
        position = page.body_offset
        for end in page.packet_ends:
            yield bytes(self._open_packet) + page.data[position:end]
            self._open_packet.clear()
            position = end
        self._open_packet += page.data[position:]
        if len(self._open_packet) > _VORBIS_PACKET_MAX:
            raise FormatError(f"a packet is larger than {_VORBIS_PACKET_MAX} bytes")


def _laced(packets: list[bytes]) -> bytes:
    """The header packets as decoders want them: their number, the sizes, and all in a row.

    Sizes are written as in Ogg (RFC 3533 section 6): in bytes of 255 and a smaller one; that of the
    last packet follows from the rest.
    """
    laced = bytearray([len(packets) - 1])
    for packet in packets[:-1]:
        full, rest = divmod(len(packet), _LACING_FULL)
        laced += bytes([_LACING_FULL]) * full + bytes([rest])
    return bytes(laced) + b"".join(packets)
