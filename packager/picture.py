"""What the first bytes of a picture say: its format, its size, how it is turned. No I/O.

JPEG (ITU-T T.81, annex B), PNG (third edition), GIF89a and WebP (RFC 9649). A picture is measured
here before anything is decoded: a few hundred bytes may unfold to gigabytes.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from packager.cover_facts import CoverRefusal

PIXELS_MAX: Final = 64_000_000

# Where a decoder keeps twice the bytes for a pixel: 16 bits a channel, or the coefficients of a
# progressive JPEG.
_HEAVY_PIXELS_MAX: Final = PIXELS_MAX // 2

_PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
# What decides about pixels. Others may be compressed texts and color profiles without bounds.
_PNG_CHUNKS_KEPT: Final = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_PNG_CHUNKS_MAX: Final = 100_000

_SEGMENTS_MAX: Final = 10_000
_START_OF_FRAME: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_WITHOUT_LENGTH: Final = frozenset((0x01, *range(0xD0, 0xD9)))
_PROGRESSIVE: Final = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_START_OF_SCAN: Final = 0xDA
_END_OF_IMAGE: Final = b"\xff\xd9"
_APP1: Final = 0xE1

_EXIF: Final = b"Exif\0\0"
_ORIENTATION: Final = 0x0112
_EXIF_ENTRIES_MAX: Final = 100


class PictureFormat(StrEnum):
    """A format of pictures, by FFmpeg's name of its decoder."""

    JPEG = "mjpeg"
    PNG = "png"
    GIF = "gif"
    WEBP = "webp"


class PictureError(Exception):
    """This is no picture that may be decoded.

    Attributes:
        refusal: why.
    """

    def __init__(self, refusal: CoverRefusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class PictureHeader:
    """What a picture says of itself.

    Attributes:
        width: in pixels, as stored; likewise the height.
        orientation: how to turn it, 1 to 8 as Exif counts; 1 is upright.
        is_heavy: whether it takes twice the memory to decode.
    """

    format: PictureFormat
    width: int
    height: int
    orientation: int = 1
    is_heavy: bool = False


def parse_picture(data: bytes) -> PictureHeader:
    """The header of a picture, whatever it was said to be.

    Raises:
        PictureError: it is of another format, has no size, or more than `PIXELS_MAX` pixels, or
            half as many if they are heavy.
    """
    header = _header_of(data)
    if not header.width or not header.height:
        raise PictureError(CoverRefusal.BROKEN)
    if header.width * header.height > (_HEAVY_PIXELS_MAX if header.is_heavy else PIXELS_MAX):
        raise PictureError(CoverRefusal.TOO_MANY_PIXELS)
    return header


def without_extras(data: bytes) -> bytes:
    """A PNG without what pixels do not need: texts and profiles would be unpacked, too.

    Raises:
        PictureError: it is cut off, or in too many pieces.
    """
    parts = [_PNG_SIGNATURE]
    position = len(_PNG_SIGNATURE)
    for _ in range(_PNG_CHUNKS_MAX):
        if position + 12 > len(data):
            break
        stop = position + 12 + int.from_bytes(data[position : position + 4], "big")
        kind = data[position + 4 : position + 8]
        if kind in _PNG_CHUNKS_KEPT:
            parts.append(data[position:stop])
        if kind == b"IEND":
            return b"".join(parts)
        position = stop
    raise PictureError(CoverRefusal.BROKEN)


def _header_of(data: bytes) -> PictureHeader:
    try:
        if data.startswith(b"\xff\xd8\xff"):
            return _jpeg_header(data)
        if data.startswith(_PNG_SIGNATURE):
            return _png_header(data)
        if data.startswith((b"GIF87a", b"GIF89a")):
            return PictureHeader(PictureFormat.GIF, *struct.unpack_from("<HH", data, 6))
        if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
            return PictureHeader(PictureFormat.WEBP, *_webp_size(data))
    except struct.error:
        raise PictureError(CoverRefusal.BROKEN) from None
    raise PictureError(CoverRefusal.UNKNOWN_FORMAT)


def _png_header(data: bytes) -> PictureHeader:
    if data[12:16] != b"IHDR":
        raise PictureError(CoverRefusal.BROKEN)
    width, height, depth = struct.unpack_from(">IIB", data, 16)
    return PictureHeader(PictureFormat.PNG, width, height, is_heavy=depth == 16)


def _webp_size(data: bytes) -> tuple[int, int]:
    """Sections 2.5 to 2.7: lossy, lossless, or with a canvas."""
    match data[12:16]:
        case b"VP8 ":
            width, height = struct.unpack_from("<HH", data, 26)
            return width & 0x3FFF, height & 0x3FFF
        case b"VP8L":
            (bits,) = struct.unpack_from("<I", data, 21)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8X":
            low_width, high_width, low_height, high_height = struct.unpack_from("<HBHB", data, 24)
            return (high_width << 16 | low_width) + 1, (high_height << 16 | low_height) + 1
        case _:
            raise PictureError(CoverRefusal.BROKEN)


def _jpeg_header(data: bytes) -> PictureHeader:
    orientation = 1
    for marker, start, stop in _jpeg_segments(data):
        if marker == _APP1 and data.startswith(_EXIF, start):
            orientation = _orientation_of(data[start + len(_EXIF) : stop])
        elif marker in _START_OF_FRAME:
            height, width = struct.unpack_from(">HH", data, start + 1)
            if data.rfind(_END_OF_IMAGE, stop) < 0:
                break  # Cut off: decoders paint the rest gray.
            is_heavy = marker in _PROGRESSIVE
            return PictureHeader(PictureFormat.JPEG, width, height, orientation, is_heavy)
    raise PictureError(CoverRefusal.BROKEN)


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, start and stop of the content of each segment before the first scan."""
    position = 2
    for _ in range(_SEGMENTS_MAX):
        while data[position : position + 2] == b"\xff\xff":
            position += 1  # Fill bytes (B.1.1.2).
        if data[position : position + 1] != b"\xff" or position + 4 > len(data):
            return
        marker = data[position + 1]
        if marker in _WITHOUT_LENGTH:
            position += 2
            continue
        stop = position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        if marker == _START_OF_SCAN:
            return
        yield marker, position + 4, stop
        position = stop


def _orientation_of(exif: bytes) -> int:
    """The orientation in the first directory of a TIFF; 1 if it tells none."""
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None or len(exif) < 8:
        return 1
    (directory,) = struct.unpack_from(f"{order}I", exif, 4)
    if directory + 2 > len(exif):
        return 1
    (entries,) = struct.unpack_from(f"{order}H", exif, directory)
    for index in range(min(entries, _EXIF_ENTRIES_MAX)):
        entry = exif[directory + 2 + 12 * index :][:12]
        if len(entry) == 12 and struct.unpack_from(f"{order}H", entry)[0] == _ORIENTATION:
            (orientation,) = struct.unpack_from(f"{order}H", entry, 8)
            return orientation if 1 <= orientation <= 8 else 1
    return 1
