"""Ogg Opus (RFC 7845): packets of Opus put onto pages, with the exact length. No I/O."""

from collections.abc import Iterable, Iterator
from typing import Final

from packager.format_error import FormatError
from packager.ogg import SEGMENTS_MAX, encode_header_pages, encode_page, lacing_size

# A second of the usual frames: what a player waits for at most.
_PAGE_PACKETS_MAX: Final = 50

_PRE_SKIP: Final = slice(10, 12)
_PRE_SKIP_MAX: Final = 0xFFFF

# Frame durations at 48 kHz by the configuration number (RFC 6716 section 3.1, table 2).
_SILK_SAMPLES: Final = (480, 960, 1920, 2880)
_HYBRID_SAMPLES: Final = (480, 960)
_CELT_SAMPLES: Final = (120, 240, 480, 960)
_PACKET_SAMPLES_MAX: Final = 5760


class OggOpusError(FormatError):
    """What should be put into Ogg Opus cannot be."""

    reason = "ogg_opus"


def encode_ogg_opus(
    head: bytes, tags: bytes, packets: Iterable[bytes], *, priming: int, samples: int, serial: int
) -> Iterator[bytes]:
    """The pages of a file.

    Args:
        head: from `OpusHead` on; its pre-skip is replaced.
        tags: from `OpusTags` on.
        packets: in order; those behind the end are left out.
        priming: samples to drop at the start; becomes the pre-skip (section 4.2).
        samples: how many are heard then; becomes the granule position of the last page, less the
            pre-skip (section 4.4).
        serial: of the stream.

    Raises:
        OggOpusError: there are fewer samples than `samples`, or a packet is none.
    """
    if not 0 <= priming <= _PRE_SKIP_MAX:
        raise OggOpusError(f"a pre-skip of {priming} samples has no place in 16 bits")
    skip = priming.to_bytes(2, "little")
    first = head[: _PRE_SKIP.start] + skip + head[_PRE_SKIP.stop :]
    yield encode_page([first], serial=serial, sequence=0, granule=0, is_first=True)
    headers = encode_header_pages([tags], serial=serial, sequence=1)
    yield from headers
    yield from _audio_pages(
        packets, end=priming + samples, serial=serial, sequence=1 + len(headers)
    )


def packet_samples(packet: bytes) -> int:
    """How many samples at 48 kHz a packet decodes to (RFC 6716 section 3).

    Raises:
        OggOpusError: it is no packet of Opus.
    """
    if not packet or (packet[0] & 3 == 3 and len(packet) < 2):
        raise OggOpusError("a packet of Opus is empty")
    configuration, code = packet[0] >> 3, packet[0] & 3
    if configuration < 12:
        frame = _SILK_SAMPLES[configuration % 4]
    elif configuration < 16:
        frame = _HYBRID_SAMPLES[configuration % 2]
    else:
        frame = _CELT_SAMPLES[configuration % 4]
    samples = frame * (1, 2, 2, packet[1] & 0x3F if code == 3 else 0)[code]
    if not 0 < samples <= _PACKET_SAMPLES_MAX:
        raise OggOpusError(f"a packet of Opus of {samples} samples cannot be")
    return samples


def _audio_pages(
    packets: Iterable[bytes], *, end: int, serial: int, sequence: int
) -> Iterator[bytes]:
    """Pages of whole packets, the last of which says where the sound ends."""
    page: list[bytes] = []
    segments = position = 0
    for packet in packets:
        if position >= end:
            break
        size = lacing_size(packet)
        if size > SEGMENTS_MAX:
            raise OggOpusError(f"a packet of Opus of {len(packet)} bytes cannot be")
        if page and (len(page) == _PAGE_PACKETS_MAX or segments + size > SEGMENTS_MAX):
            yield encode_page(page, serial=serial, sequence=sequence, granule=position)
            page, segments, sequence = [], 0, sequence + 1
        page.append(packet)
        segments += size
        position += packet_samples(packet)
    if position < end:
        raise OggOpusError(f"the packets hold {position} samples, where {end} are needed")
    yield encode_page(page, serial=serial, sequence=sequence, granule=end, is_last=True)
