"""Reads fragmented MP4 files such as `packager.fmp4` writes: back to packets with their times.

    reader = FragmentReader(init, key)      # `ftyp` and `moov`; the content key, or None
    for sample in reader.samples(segment): ...

The bytes come from outside, so every size and count has a limit, and whatever is wrong with them
is a `FormatError`. Section numbers are those of ISO/IEC 14496-12.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import Final

from packager.boxes import Box, split_boxes
from packager.byte_cursor import ByteCursor
from packager.common_encryption import SAMPLE_IV_SIZE, decrypt_cbcs, decrypt_cenc
from packager.format_error import FormatError
from packager.movie_fragment import (
    DEFAULT_BASE_IS_MOOF,
    TRUN_DATA_OFFSET,
    TRUN_SAMPLE_DURATION,
    TRUN_SAMPLE_SIZE,
)
from packager.movie_header_reader import TrackHeader, parse_movie_header
from packager.renditions import Protection

# Six seconds of eight channels of 24 bits at 192 kHz are 28 MB when nothing can be compressed.
SEGMENT_BYTES_MAX: Final = 256 << 20
FRAGMENT_SAMPLES_MAX: Final = 1 << 16

_TFHD_BASE_DATA_OFFSET: Final = 0x000001
_TFHD_SAMPLE_ENTRY: Final = 0x000002
_TFHD_DURATION: Final = 0x000008
_TFHD_SIZE: Final = 0x000010
_TRUN_FIRST_SAMPLE_FLAGS: Final = 0x000004
_TRUN_SAMPLE_FLAGS: Final = 0x000400
_TRUN_COMPOSITION_OFFSET: Final = 0x000800
_SENC_SUBSAMPLES: Final = 0x000002


class FragmentError(FormatError):
    """A fragment is damaged, or of a kind that is not read here."""

    reason = "fragment"


@dataclass(frozen=True, slots=True)
class Sample:
    """One packet.

    Attributes:
        data: its bytes.
        decode_time: when it is decoded, in samples; the priming is part of this timeline.
        duration: how many samples it decodes to.
    """

    data: bytes = field(repr=False)
    decode_time: int
    duration: int


@dataclass(frozen=True, slots=True)
class Run:
    """The samples of a fragment as `moof` tells them.

    Attributes:
        data_offset: of the first sample, counted from the start of `moof`.
        senc: the box with their IVs; None without one.
    """

    decode_time: int
    data_offset: int
    sizes: tuple[int, ...]
    durations: tuple[int, ...]
    senc: bytes | None


class FragmentReader:
    """Yields the samples of a file's segments; made from its header.

    Attributes:
        header: what the file says about its track.

    Raises:
        FormatError: `init` is not a header that can be read.
    """

    def __init__(self, init: bytes, key: bytes | None = None) -> None:
        self.header: Final[TrackHeader] = parse_movie_header(init)
        self._key = key

    def samples(self, segment: bytes) -> Iterator[Sample]:
        """Yield the samples of whole fragments, decrypted if there is a key.

        Boxes other than `moof` and `mdat` are passed over.

        Raises:
            FormatError: a fragment is damaged, or there is a `moof` without its `mdat`.
        """
        if len(segment) > SEGMENT_BYTES_MAX:
            raise FragmentError(f"a segment of {len(segment)} bytes is above {SEGMENT_BYTES_MAX}")
        boxes = [box for box in split_boxes(segment) if box.fourcc in {b"moof", b"mdat"}]
        if len(boxes) % 2:
            raise FragmentError("a segment does not consist of pairs of `moof` and `mdat`")
        for moof, mdat in zip(boxes[::2], boxes[1::2], strict=True):
            yield from self._fragment(moof, mdat)

    def run(self, moof: bytes) -> Run:
        """What the payload of a `moof` says about its samples.

        Raises:
            FormatError: it is damaged.
        """
        return _parse_moof(moof, self.header)

    def _fragment(self, moof: Box, mdat: Box) -> Iterator[Sample]:
        if (moof.fourcc, mdat.fourcc) != (b"moof", b"mdat"):
            raise FragmentError("a `moof` is not followed by its `mdat`")
        run = self.run(moof.payload)
        start = moof.offset + run.data_offset - mdat.payload_offset
        if start < 0 or start + sum(run.sizes) > len(mdat.payload):
            raise FragmentError("samples lie outside of their `mdat`")
        edges = accumulate(run.sizes, initial=start)
        data = [mdat.payload[first:end] for first, end in pairwise(edges)]
        data = self._decrypt(data, run)
        times = accumulate(run.durations, initial=run.decode_time)
        # The times have one more: that of the next fragment.
        yield from map(Sample, data, times, run.durations)

    def _decrypt(self, data: list[bytes], run: Run) -> list[bytes]:
        """The samples of a fragment; as they are stored if the file is clear or there is no key."""
        protection = self.header.protection
        if protection is None or self._key is None:
            return data
        if protection.scheme is Protection.CBCS:
            return decrypt_cbcs(self._key, protection.iv, data)
        return decrypt_cenc(self._key, _parse_senc(run.senc, len(data)), data)


def _parse_moof(moof: bytes, header: TrackHeader) -> Run:
    """Section 8.8.4, with one track fragment of one run."""
    traf = {box.fourcc: box.payload for box in split_boxes(_only(moof, b"traf"))}
    missing = {b"tfhd", b"tfdt", b"trun"} - traf.keys()
    if missing:
        raise FragmentError(f"`traf` has no {min(missing)!r}")
    default_duration, default_size = _parse_tfhd(traf[b"tfhd"], header)
    data_offset, sizes, durations = _parse_trun(traf[b"trun"], default_duration, default_size)
    return Run(_parse_tfdt(traf[b"tfdt"]), data_offset, sizes, durations, senc=traf.get(b"senc"))


def _only(payload: bytes, fourcc: bytes) -> bytes:
    found = [box.payload for box in split_boxes(payload) if box.fourcc == fourcc]
    if len(found) != 1:
        raise FragmentError(f"there are {len(found)} boxes {fourcc!r}, where one is read")
    return found[0]


def _parse_tfhd(tfhd: bytes, header: TrackHeader) -> tuple[int, int]:
    """Section 8.8.7: duration and size of a sample of which `trun` does not tell them."""
    cursor = ByteCursor(tfhd, "tfhd")
    flags = cursor.integer(4) & 0xFFFFFF
    if cursor.integer(4) != header.track_id:
        raise FragmentError("the fragment belongs to another track")
    if flags & _TFHD_BASE_DATA_OFFSET or not flags & DEFAULT_BASE_IS_MOOF:
        raise FragmentError("offsets in the fragment do not count from its `moof`")
    if flags & _TFHD_SAMPLE_ENTRY:
        cursor.take(4)
    duration = cursor.integer(4) if flags & _TFHD_DURATION else header.default_duration
    size = cursor.integer(4) if flags & _TFHD_SIZE else header.default_size
    return duration, size


def _parse_tfdt(tfdt: bytes) -> int:
    """Section 8.8.12."""
    cursor = ByteCursor(tfdt, "tfdt")
    version = cursor.integer(4) >> 24
    return cursor.integer(8 if version == 1 else 4)


def _parse_senc(senc: bytes | None, count: int) -> list[bytes]:
    """ISO/IEC 23001-7 section 7.2: the IV of each sample."""
    if senc is None:
        raise FragmentError("`traf` has no b'senc'")
    cursor = ByteCursor(senc, "senc")
    if cursor.integer(4) & _SENC_SUBSAMPLES:
        raise FragmentError("samples are encrypted in parts")
    if cursor.integer(4) != count:
        raise FragmentError(f"there is not one IV for each of {count} samples")
    return [cursor.take(SAMPLE_IV_SIZE) for _ in range(count)]


def _parse_trun(
    trun: bytes, default_duration: int, default_size: int
) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
    """Section 8.8.8: offset of the first sample, then sizes and durations of all."""
    cursor = ByteCursor(trun, "trun")
    flags = cursor.integer(4) & 0xFFFFFF
    count = cursor.integer(4)
    if count > FRAGMENT_SAMPLES_MAX:
        raise FragmentError(f"{count} samples in a fragment are above {FRAGMENT_SAMPLES_MAX}")
    if not flags & TRUN_DATA_OFFSET:
        raise FragmentError("`trun` does not tell where its samples are")
    data_offset = cursor.integer(4)
    if flags & _TRUN_FIRST_SAMPLE_FLAGS:
        cursor.take(4)
    # The columns of the table that follows, in their order.
    columns = [
        flag
        for flag in (
            TRUN_SAMPLE_DURATION,
            TRUN_SAMPLE_SIZE,
            _TRUN_SAMPLE_FLAGS,
            _TRUN_COMPOSITION_OFFSET,
        )
        if flags & flag
    ]
    table = struct.unpack(f">{count * len(columns)}I", cursor.take(4 * count * len(columns)))
    by_flag = {flag: table[index :: len(columns)] for index, flag in enumerate(columns)}
    sizes = by_flag.get(TRUN_SAMPLE_SIZE, (default_size,) * count)
    return data_offset, sizes, by_flag.get(TRUN_SAMPLE_DURATION, (default_duration,) * count)
