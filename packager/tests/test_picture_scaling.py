import zlib

import numpy as np
import pytest

from packager.cover_facts import COVER_SIZES, CoverRefusal
from packager.picture import PictureError, parse_picture
from packager.picture_scaling import ScaledPicture, scale_picture
from packager.tests.pictures import (
    Pixels,
    encoded,
    gif_of_one_color,
    jpeg,
    pixels_of,
    png,
    png_chunk,
    quarters,
    with_orientation,
)

RED, GREEN, BLUE, GRAY = (200, 30, 30), (30, 200, 30), (30, 30, 200), (128, 128, 128)


def scaled(data: bytes, *sizes: int) -> tuple[ScaledPicture, ...]:
    return scale_picture(data, parse_picture(data), sizes)


def corners(pixels: Pixels) -> list[tuple[int, ...]]:
    """Colors in the middle of the quarters, row by row."""
    height, width = pixels.shape[:2]
    return [
        tuple(int(value) for value in pixels[y, x])
        for y in (height // 4, 3 * height // 4)
        for x in (width // 4, 3 * width // 4)
    ]


def is_close(found: list[tuple[int, ...]], wanted: list[tuple[int, ...]]) -> bool:
    return bool(np.abs(np.array(found) - np.array(wanted)).max() <= 6)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(jpeg(quarters(300, 200)), id="JPEG"),
        pytest.param(png(quarters(300, 200)), id="PNG"),
        pytest.param(encoded(quarters(300, 200), "png", "rgb48be"), id="PNG of 16 bits"),
        pytest.param(encoded(quarters(300, 200), "libwebp", "yuv420p"), id="WebP"),
    ],
)
def test_colors_and_places_stay(data: bytes):
    small, same = scaled(data, 128, 1200)
    assert (small.width, small.height) == (128, 85)
    assert (same.width, same.height) == (300, 200), "never made larger"
    for picture in (small, same):
        pixels = pixels_of(picture.data)
        assert pixels.shape == (picture.height, picture.width, 3)
        assert is_close(corners(pixels), [RED, GREEN, BLUE, GRAY])


@pytest.mark.parametrize(
    ("orientation", "wanted"),
    [
        pytest.param(1, [RED, GREEN, BLUE, GRAY], id="upright"),
        pytest.param(2, [GREEN, RED, GRAY, BLUE], id="mirrored"),
        pytest.param(3, [GRAY, BLUE, GREEN, RED], id="upside down"),
        pytest.param(4, [BLUE, GRAY, RED, GREEN], id="mirrored, upside down"),
        pytest.param(5, [RED, BLUE, GREEN, GRAY], id="along the diagonal"),
        pytest.param(6, [BLUE, RED, GRAY, GREEN], id="to be turned right"),
        pytest.param(7, [GRAY, GREEN, BLUE, RED], id="along the other diagonal"),
        pytest.param(8, [GREEN, GRAY, RED, BLUE], id="to be turned left"),
    ],
)
def test_jpegs_are_turned_as_exif_says(orientation: int, wanted: list[tuple[int, ...]]):
    (picture,) = scaled(with_orientation(jpeg(quarters(60, 40)), orientation), 60)
    is_on_its_side = orientation >= 5
    assert (picture.width, picture.height) == ((40, 60) if is_on_its_side else (60, 40))
    assert is_close(corners(pixels_of(picture.data)), wanted)


def test_what_is_transparent_shows_white():
    pixels = np.zeros((40, 60, 4), np.uint8)
    pixels[:, 30:] = (200, 30, 30, 255)
    pixels[20:, :30] = (0, 0, 0, 128)
    (picture,) = scaled(png(pixels), 60)
    found = corners(pixels_of(picture.data))
    assert is_close(found, [(255, 255, 255), RED, (127, 127, 127), RED])


def test_the_canvas_of_a_gif_is_its_size():
    (picture,) = scaled(gif_of_one_color(64, 48, (200, 30, 30)), 1200)
    assert (picture.width, picture.height) == (64, 48)


def test_equal_pictures_have_equal_files():
    data = png(quarters(500, 500))
    assert scaled(data, *COVER_SIZES) == scaled(data, *COVER_SIZES)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (2_000, 1), (1, 2_000), (1_999, 3)])
def test_extreme_shapes_keep_a_pixel(width: int, height: int):
    for picture in scaled(png(quarters(width, height)), *COVER_SIZES):
        assert min(picture.width, picture.height) >= 1
        assert pixels_of(picture.data).shape[:2] == (picture.height, picture.width)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(jpeg(quarters(300, 200))[:600] + b"\xff\xd9", id="a JPEG cut short and ended"),
        pytest.param(
            png(quarters(300, 200)).replace(b"IDAT", b"tEXt"), id="a PNG without its data"
        ),
        pytest.param(
            png(quarters(60, 40))[:70] + bytes(20) + png(quarters(60, 40))[90:], id="a damaged PNG"
        ),
        pytest.param(b"GIF89a\x40\0\x40\0\0\0\0;", id="a GIF without an image"),
        pytest.param(b"RIFF\x20\0\0\0WEBPVP8X\x0a\0\0\0" + bytes(10), id="a WebP without an image"),
    ],
)
def test_what_cannot_be_decoded_is_refused(data: bytes):
    with pytest.raises(PictureError) as caught:
        scaled(data, 128)
    assert caught.value.refusal is CoverRefusal.BROKEN


def test_texts_in_a_png_are_not_unpacked():
    text = zlib.compress(bytes(200_000_000), 1)
    bomb = png_chunk(b"zTXt", b"Comment\0\0" + text) * 3
    (picture,) = scaled(png(quarters(60, 40), extra=bomb), 60)
    assert picture.width == 60
