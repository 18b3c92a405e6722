"""Whether an Ogg file is whole: the checksums, numbers and flags of its pages (RFC 3533)."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from packager.ogg import page_checksum

_HEADER: Final = struct.Struct("<4sBBqIIIB")
_CHECKSUM_OFFSET: Final = 22
_NO_GRANULE: Final = -1
_BEGINS: Final = 0x02
_ENDS: Final = 0x04

# An Ogg file may hold other streams beside its audio, but hardly more than these.
_STREAMS_MAX: Final = 64


@dataclass(frozen=True, slots=True)
class Tear:
    """Something that is missing from a master.

    Attributes:
        detail: what is missing, for people.
        sample: where it breaks; None if only decoding can tell.
    """

    detail: str
    sample: int | None = None


@dataclass(frozen=True, slots=True)
class _Page:
    flags: int
    granule: int
    serial: int
    sequence: int
    has_good_checksum: bool
    body_head: bytes


@dataclass(slots=True)
class _StreamState:
    """One logical stream, as far as it was read."""

    next_sequence: int
    samples: int = 0
    pre_skip: int = 0
    has_ended: bool = False


def find_ogg_tear(file: BinaryIO, size: int) -> Tear | None:
    """Read all pages of `file`, which is `size` bytes long; return the first thing that is wrong.

    The sample where it breaks is the granule position of the last good page: for Opus at 48 kHz,
    for all others at their own rate.
    """
    file.seek(0)
    streams: dict[int, _StreamState] = {}
    sample = 0
    for page in _pages(file):
        if page is None:
            break
        detail = _problem_of(page, streams)
        if detail:
            return Tear(detail, sample=sample)
        state = streams[page.serial]
        if page.granule > state.samples:
            state.samples = page.granule
            sample = max(0, page.granule - state.pre_skip)
    if all(state.has_ended for state in streams.values()):
        return None  # What follows the last page, such as a tag, is not part of the stream.
    return Tear(f"the last page, which ends the stream, is missing from {size} bytes", sample)


def _problem_of(page: _Page, streams: dict[int, _StreamState]) -> str:
    """What is wrong with `page`, given the pages before it; empty if nothing is."""
    if not page.has_good_checksum:
        return f"page {page.sequence} has a wrong checksum"
    if page.flags & _BEGINS:
        streams[page.serial] = _StreamState(page.sequence, pre_skip=_pre_skip(page.body_head))
        if len(streams) > _STREAMS_MAX:
            return f"the file has more than {_STREAMS_MAX} streams"
    state = streams.get(page.serial)
    if state is None:
        return "a stream does not start with its first page"
    if page.sequence != state.next_sequence:
        return f"page {state.next_sequence} is missing"
    state.next_sequence = (page.sequence + 1) & 0xFFFF_FFFF
    state.has_ended = bool(page.flags & _ENDS)
    return ""


def _pre_skip(identification: bytes) -> int:
    """Samples to drop at the start of an Opus stream (RFC 7845 section 5.1)."""
    if identification[:8] != b"OpusHead":
        return 0
    return int.from_bytes(identification[10:12], "little")


def _pages(file: BinaryIO) -> Iterator[_Page | None]:
    """The pages in order; None, as the last one, for bytes that are no whole page."""
    while header := file.read(_HEADER.size):
        page = _page_after(header, file)
        yield page
        if page is None:
            return


def _page_after(header: bytes, file: BinaryIO) -> _Page | None:
    if len(header) < _HEADER.size:
        return None
    magic, version, flags, granule, serial, sequence, checksum, count = _HEADER.unpack(header)
    if magic != b"OggS" or version != 0:
        return None
    lacing = file.read(count)
    body = file.read(sum(lacing))
    if len(lacing) < count or len(body) < sum(lacing):
        return None
    blank = header[:_CHECKSUM_OFFSET] + bytes(4) + header[_CHECKSUM_OFFSET + 4 :]
    return _Page(
        flags=flags,
        granule=0 if granule == _NO_GRANULE else granule,
        serial=serial,
        sequence=sequence,
        has_good_checksum=page_checksum(blank + lacing + body) == checksum,
        body_head=body[:16],
    )
