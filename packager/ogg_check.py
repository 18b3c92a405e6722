"""Whether an Ogg file is whole: the checksums, numbers and flags of its pages (RFC 3533)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from packager.ogg import HEADER_BYTES, PageHeader, decode_page_header, has_good_checksum
from packager.tear import Tear

# An Ogg file may hold other streams beside its audio, but hardly more than these.
_STREAMS_MAX: Final = 64


@dataclass(frozen=True, slots=True)
class _Page:
    header: PageHeader
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
        header = page.header
        state = streams[header.serial]
        # A page on which no packet ends has -1.
        if header.granule > state.samples:
            state.samples = header.granule
            sample = max(0, header.granule - state.pre_skip)
    if all(state.has_ended for state in streams.values()):
        return None  # What follows the last page, such as a tag, is not part of the stream.
    return Tear(f"the last page, which ends the stream, is missing from {size} bytes", sample)


def _problem_of(page: _Page, streams: dict[int, _StreamState]) -> str:
    """What is wrong with `page`, given the pages before it; empty if nothing is."""
    header = page.header
    if not page.has_good_checksum:
        return f"page {header.sequence} has a wrong checksum"
    if header.is_first:
        streams[header.serial] = _StreamState(header.sequence, pre_skip=_pre_skip(page.body_head))
        if len(streams) > _STREAMS_MAX:
            return f"the file has more than {_STREAMS_MAX} streams"
    state = streams.get(header.serial)
    if state is None:
        return "a stream does not start with its first page"
    if header.sequence != state.next_sequence:
        return f"page {state.next_sequence} is missing"
    state.next_sequence = (header.sequence + 1) & 0xFFFF_FFFF
    state.has_ended = header.is_last
    return ""


def _pre_skip(identification: bytes) -> int:
    """Samples to drop at the start of an Opus stream (RFC 7845 section 5.1)."""
    if identification[:8] != b"OpusHead":
        return 0
    return int.from_bytes(identification[10:12], "little")


def _pages(file: BinaryIO) -> Iterator[_Page | None]:
    """The pages in order; None, as the last one, for bytes that are no whole page."""
    while start := file.read(HEADER_BYTES):
        page = _page_after(start, file)
        yield page
        if page is None:
            return


def _page_after(start: bytes, file: BinaryIO) -> _Page | None:
    header = decode_page_header(start)
    if header is None:
        return None
    lacing = file.read(header.segments)
    body = file.read(sum(lacing))
    if len(lacing) < header.segments or len(body) < sum(lacing):
        return None
    return _Page(header, has_good_checksum(start + lacing + body), body[:16])
