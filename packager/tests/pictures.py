"""Pictures for tests, in several formats, right and wrong."""

import struct
import zlib
from fractions import Fraction
from typing import Final

import av
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]

PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"


def quarters(width: int, height: int) -> Pixels:
    """Red, green, blue and gray quarters: their places tell how a picture was turned."""
    pixels = np.zeros((height, width, 3), np.uint8)
    half_y, half_x = height // 2, width // 2
    pixels[:half_y, :half_x] = (200, 30, 30)
    pixels[:half_y, half_x:] = (30, 200, 30)
    pixels[half_y:, :half_x] = (30, 30, 200)
    pixels[half_y:, half_x:] = (128, 128, 128)
    return pixels


def png(pixels: Pixels, *, extra: bytes = b"") -> bytes:
    """A PNG of 8 bits a channel, RGB or RGBA by the shape of its pixels.

    Args:
        pixels: rows of columns of channels.
        extra: chunks between header and data.
    """
    height, width, channels = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 8, {3: 2, 4: 6}[channels], 0, 0, 0)
    return b"".join(
        (
            PNG_SIGNATURE,
            png_chunk(b"IHDR", header),
            extra,
            png_chunk(b"IDAT", zlib.compress(rows)),
            png_chunk(b"IEND", b""),
        )
    )


def png_chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk with its checksum."""
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


def encoded(pixels: Pixels, codec: str, pixel_format: str) -> bytes:
    """A picture written by FFmpeg, where the packet is the file: JPEG, PNG, WebP."""
    encoder = av.CodecContext.create(codec, "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.height, encoder.width = pixels.shape[:2]
    encoder.pix_fmt, encoder.time_base = pixel_format, Fraction(1, 1)
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
    packets = [*encoder.encode(frame.reformat(format=pixel_format)), *encoder.encode(None)]
    return b"".join(bytes(packet) for packet in packets)


def jpeg(pixels: Pixels) -> bytes:
    """A JPEG."""
    return encoded(pixels, "mjpeg", "yuvj444p")


def gif_of_one_color(width: int, height: int, color: tuple[int, int, int]) -> bytes:
    """A GIF89a with one small image in the corner of its canvas."""
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0)
    image = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    return head + bytes(color) + b"\0\0\0" + image + b";"


def with_orientation(data: bytes, orientation: int, *, order: str = "<") -> bytes:
    """A JPEG with an Exif segment in front that tells how it is turned."""
    mark = {"<": b"II", ">": b"MM"}[order]
    tiff = (
        mark
        + struct.pack(f"{order}HIH", 42, 8, 1)
        + struct.pack(f"{order}HHIHHI", 0x0112, 3, 1, orientation, 0, 0)
    )
    content = b"Exif\0\0" + tiff
    return data[:2] + b"\xff\xe1" + struct.pack(">H", 2 + len(content)) + content + data[2:]


def pixels_of(data: bytes) -> Pixels:
    """The pixels of a JPEG in RGB."""
    decoder = av.CodecContext.create("mjpeg", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    frame = (decoder.decode(av.Packet(data)) or decoder.decode(None))[0]
    return np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)
