"""The frames of an MP3 file, walked from header to header without decoding (ISO/IEC 11172-3).

Decoders skip what is between two frames, and choke on what is behind the last one. Both are told
apart here: garbage that more frames follow is damage, anything else behind the frames is a tag.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from packager.tear import Tear

HEADER_BYTES: Final = 4

_SAMPLES_PER_FRAME: Final = 1152
_BIT_RATES_KBPS: Final = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_LOW_BIT_RATES_KBPS: Final = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES_HZ: Final = (44_100, 48_000, 32_000)

# Version and layer and sample rate: what all frames of a stream have in common.
_SAME_MASK: Final = 0xFFFE_0C00
_SYNC_MASK: Final = 0xFFE6_0000
_SYNC: Final = 0xFFE2_0000  # Layer III.

_MPEG_1: Final = 3
_MPEG_2: Final = 2
_RESERVED: Final = 1

# How far behind the last frame others are looked for, and how many in a row are believed.
_SEARCH_BYTES_MAX: Final = 4 << 20
_FRAMES_IN_A_ROW: Final = 3


@dataclass(frozen=True, slots=True)
class MpegFrames:
    """What a walk has found.

    Attributes:
        count: how many frames follow one another.
        end: where the last one ends.
        samples: how many samples they have, each channel.
        tear: garbage that more frames follow.
    """

    count: int
    end: int
    samples: int
    tear: Tear | None = None


@dataclass(frozen=True, slots=True)
class _Header:
    bytes: int
    samples: int


def is_frame_header(head: bytes) -> bool:
    """Whether a frame of MPEG layer III starts here, as far as four bytes tell."""
    return _decode(int.from_bytes(head[:HEADER_BYTES], "big")) is not None


def walk_frames(file: BinaryIO, start: int, size: int) -> MpegFrames:
    """Walk the frames of a file from `start` on; what is cut by the file's end is not counted."""
    same = _word_at(file, start) & _SAME_MASK
    count = samples = 0
    position = start
    for header in _frames(file, start, same):
        if position + header.bytes > size:
            return MpegFrames(count, size, samples)
        position += header.bytes
        samples += header.samples
        count += 1
    tear = None
    if _finds_frames(file, position, same):
        tear = Tear(f"there is something between two frames at byte {position}", samples)
    return MpegFrames(count, position, samples, tear)


def _frames(file: BinaryIO, start: int, same: int) -> Iterator[_Header]:
    position = start
    while True:
        word = _word_at(file, position)
        header = _decode(word)
        if header is None or word & _SAME_MASK != same:
            return
        yield header
        position += header.bytes


def _word_at(file: BinaryIO, position: int) -> int:
    file.seek(position)
    return int.from_bytes(file.read(HEADER_BYTES), "big")


def _decode(word: int) -> _Header | None:
    version, rate_code = word >> 19 & 3, word >> 10 & 3
    bit_rate_code, padding = word >> 12 & 15, word >> 9 & 1
    if word & _SYNC_MASK != _SYNC or version == _RESERVED or rate_code == 3:
        return None
    if bit_rate_code in {0, 15}:  # Of a length that only decoding tells; and forbidden.
        return None
    is_low = version != _MPEG_1
    rate_hz = _RATES_HZ[rate_code] // {_MPEG_1: 1, _MPEG_2: 2}.get(version, 4)
    kbps = (_LOW_BIT_RATES_KBPS if is_low else _BIT_RATES_KBPS)[bit_rate_code]
    samples = _SAMPLES_PER_FRAME // 2 if is_low else _SAMPLES_PER_FRAME
    return _Header(bytes=samples // 8 * kbps * 1000 // rate_hz + padding, samples=samples)


def _finds_frames(file: BinaryIO, position: int, same: int) -> bool:
    """Whether several frames in a row follow somewhere behind `position`."""
    file.seek(position)
    data = file.read(_SEARCH_BYTES_MAX)
    found = data.find(b"\xff")
    while 0 <= found <= len(data) - HEADER_BYTES:
        if _is_row(data, found, same):
            return True
        found = data.find(b"\xff", found + 1)
    return False


def _is_row(data: bytes, position: int, same: int) -> bool:
    for _ in range(_FRAMES_IN_A_ROW):
        word = int.from_bytes(data[position : position + HEADER_BYTES], "big")
        header = _decode(word)
        if header is None or word & _SAME_MASK != same:
            return False
        position += header.bytes
    return True
