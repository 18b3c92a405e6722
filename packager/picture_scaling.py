"""Pictures decoded, scaled down and written as JPEG, by FFmpeg."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Final, TypeAlias

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import Interpolation

from packager.cover_facts import CoverRefusal
from packager.picture import (
    PIXELS_MAX,
    PictureError,
    PictureFormat,
    PictureHeader,
    without_extras,
)

# FFmpeg's scale from 2 (best) to 31; at 3 a cover of 1200 pixels has 100 to 400 KB.
_QUANTIZER: Final = 3

_SCALING: Final = Interpolation.LANCZOS | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
_DECODING: Final = {"err_detect": "crccheck+explode", "max_pixels": str(PIXELS_MAX)}
_ENCODING: Final = {"huffman": "optimal"}

# How to turn a picture upright by Exif's orientation: mirrored first, then quarters against the
# clock.
_TURNS: Final = {
    1: (False, 0),
    2: (True, 0),
    3: (False, 2),
    4: (True, 2),
    5: (True, 1),
    6: (False, 3),
    7: (True, 3),
    8: (False, 1),
}

_Pixels: TypeAlias = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class ScaledPicture:
    """A picture as a JPEG file, upright and without transparency."""

    width: int
    height: int
    data: bytes


def scale_picture(
    data: bytes, header: PictureHeader, sizes: tuple[int, ...]
) -> tuple[ScaledPicture, ...]:
    """A picture in several sizes.

    Args:
        data: the picture.
        header: from `packager.picture.parse_picture`.
        sizes: the longest sides, in pixels; a picture that is smaller is not made larger.

    Raises:
        PictureError: it cannot be decoded.
        MemoryError: it takes more memory than this process may have.
    """
    try:
        frame = _decode(data, header)
        scaled: dict[int, ScaledPicture] = {}
        for size in sorted(sizes, reverse=True):
            # From one size to the next: a filter over hundreds of pixels at a time would be slow.
            frame = _scale(frame, size)
            scaled[size] = _encode(_upright(_flatten(frame), header.orientation))
    except (av.FFmpegError, ValueError):
        raise PictureError(CoverRefusal.BROKEN) from None
    return tuple(scaled[size] for size in sizes)


def _decode(data: bytes, header: PictureHeader) -> av.VideoFrame:
    decoder = av.CodecContext.create(header.format.value, "r")
    assert isinstance(decoder, av.VideoCodecContext)
    decoder.options = dict(_DECODING)
    decoder.thread_count = 1
    content = without_extras(data) if header.format is PictureFormat.PNG else data
    frames = decoder.decode(av.Packet(content)) or decoder.decode(None)
    if not frames:
        raise PictureError(CoverRefusal.BROKEN)
    return frames[0]


def _scale(frame: av.VideoFrame, size: int) -> av.VideoFrame:
    """A frame whose longest side is at most `size`, in RGB with the alpha that it has."""
    longest = max(frame.width, frame.height)
    width, height = frame.width, frame.height
    if longest > size:
        width = max(1, round(width * size / longest))
        height = max(1, round(height * size / longest))
    has_alpha = frame.format.name == "pal8" or any(
        component.is_alpha for component in frame.format.components
    )
    return frame.reformat(
        width=width,
        height=height,
        format="rgba" if has_alpha else "rgb24",
        interpolation=_SCALING,
    )


def _flatten(frame: av.VideoFrame) -> _Pixels:
    """Pixels in RGB; what is transparent shows white."""
    pixels = frame.to_ndarray()
    if pixels.shape[2] == 3:
        return np.asarray(pixels, dtype=np.uint8)
    alpha = pixels[:, :, 3:].astype(np.uint16)
    blended = pixels[:, :, :3] * alpha + 255 * (255 - alpha)
    return np.asarray((blended + 127) // 255, dtype=np.uint8)


def _upright(pixels: _Pixels, orientation: int) -> _Pixels:
    is_mirrored, quarters = _TURNS[orientation]
    return np.rot90(pixels[:, ::-1] if is_mirrored else pixels, quarters)


def _encode(pixels: _Pixels) -> ScaledPicture:
    height, width = pixels.shape[:2]
    encoder = av.CodecContext.create("mjpeg", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuvj420p"
    encoder.time_base = Fraction(1, 1)
    encoder.qmin = encoder.qmax = _QUANTIZER
    encoder.options = dict(_ENCODING)
    encoder.thread_count = 1
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
    full = frame.reformat(format="yuvj420p", interpolation=_SCALING)
    full.pts = 0
    packets = [*encoder.encode(full), *encoder.encode(None)]
    return ScaledPicture(width, height, b"".join(bytes(packet) for packet in packets))
