import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.cover_facts import CoverRefusal
from packager.picture import (
    PictureError,
    PictureFormat,
    PictureHeader,
    parse_picture,
    without_extras,
)
from packager.tests.pictures import (
    PNG_SIGNATURE,
    encoded,
    gif_of_one_color,
    jpeg,
    png,
    png_chunk,
    quarters,
    with_orientation,
)

JPEG = jpeg(quarters(60, 40))


def webp(kind: bytes, content: bytes) -> bytes:
    return b"RIFF\0\0\0\0WEBP" + kind + struct.pack("<I", len(content)) + content


@pytest.mark.parametrize(
    ("data", "header"),
    [
        pytest.param(JPEG, PictureHeader(PictureFormat.JPEG, 60, 40), id="JPEG"),
        pytest.param(
            JPEG[:2] + b"\xff\xff" + JPEG[3:],
            PictureHeader(PictureFormat.JPEG, 60, 40),
            id="JPEG with fill bytes",
        ),
        pytest.param(png(quarters(60, 40)), PictureHeader(PictureFormat.PNG, 60, 40), id="PNG"),
        pytest.param(
            gif_of_one_color(60, 40, (1, 2, 3)), PictureHeader(PictureFormat.GIF, 60, 40), id="GIF"
        ),
        pytest.param(
            encoded(quarters(60, 40), "libwebp", "yuv420p"),
            PictureHeader(PictureFormat.WEBP, 60, 40),
            id="WebP",
        ),
        pytest.param(
            webp(b"VP8L", b"\x2f" + struct.pack("<I", 59 | 39 << 14)),
            PictureHeader(PictureFormat.WEBP, 60, 40),
            id="WebP without loss",
        ),
        pytest.param(
            webp(b"VP8X", bytes(4) + b"\x3b\0\0\x27\0\0"),
            PictureHeader(PictureFormat.WEBP, 60, 40),
            id="WebP with a canvas",
        ),
    ],
)
def test_the_size_is_in_the_header(data: bytes, header: PictureHeader):
    assert parse_picture(data) == header


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", [1, 6, 8])
def test_exif_tells_how_a_jpeg_is_turned(orientation: int, order: str):
    data = with_orientation(JPEG, orientation, order=order)
    assert parse_picture(data).orientation == orientation


@pytest.mark.parametrize("orientation", [0, 9, 0xFFFF])
def test_an_orientation_that_there_is_not_is_upright(orientation: int):
    assert parse_picture(with_orientation(JPEG, orientation)).orientation == 1


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        pytest.param(b"", CoverRefusal.UNKNOWN_FORMAT, id="nothing"),
        pytest.param(b"BM" + bytes(100), CoverRefusal.UNKNOWN_FORMAT, id="BMP"),
        pytest.param(b"<svg/>", CoverRefusal.UNKNOWN_FORMAT, id="SVG"),
        pytest.param(b"-->http://a/b.jpg", CoverRefusal.UNKNOWN_FORMAT, id="an address"),
        pytest.param(JPEG[: len(JPEG) // 2], CoverRefusal.BROKEN, id="half of a JPEG"),
        pytest.param(JPEG[:20], CoverRefusal.BROKEN, id="the start of a JPEG"),
        pytest.param(png(quarters(6, 4))[:20], CoverRefusal.BROKEN, id="the start of a PNG"),
        pytest.param(
            PNG_SIGNATURE + png_chunk(b"IDAT", bytes(8)), CoverRefusal.BROKEN, id="PNG headless"
        ),
        pytest.param(webp(b"XXXX", bytes(8)), CoverRefusal.BROKEN, id="a WebP of nothing"),
        pytest.param(gif_of_one_color(0, 9, (0, 0, 0)), CoverRefusal.BROKEN, id="no width"),
        pytest.param(
            PNG_SIGNATURE + png_chunk(b"IHDR", struct.pack(">IIB4x", 50_000, 50_000, 8)),
            CoverRefusal.TOO_MANY_PIXELS,
            id="a bomb",
        ),
        pytest.param(
            PNG_SIGNATURE + png_chunk(b"IHDR", struct.pack(">IIB4x", 8_000, 8_000, 16)),
            CoverRefusal.TOO_MANY_PIXELS,
            id="many pixels of 16 bits",
        ),
        pytest.param(
            b"\xff\xd8\xff\xc2\0\x0b\x08" + struct.pack(">HH", 8_000, 8_000) + JPEG,
            CoverRefusal.TOO_MANY_PIXELS,
            id="many pixels of a progressive JPEG",
        ),
        pytest.param(
            gif_of_one_color(0xFFFF, 0xFFFF, (0, 0, 0)),
            CoverRefusal.TOO_MANY_PIXELS,
            id="a canvas too large",
        ),
    ],
)
def test_what_is_no_picture_is_refused_for_a_reason(data: bytes, refusal: CoverRefusal):
    with pytest.raises(PictureError) as caught:
        parse_picture(data)
    assert caught.value.refusal is refusal


def test_texts_and_profiles_are_taken_out_of_a_png():
    plain = png(quarters(6, 4))
    extra = png_chunk(b"zTXt", b"x\0\0" + bytes(100)) + png_chunk(b"iCCP", b"y\0\0")
    assert without_extras(png(quarters(6, 4), extra=extra)) == plain
    assert without_extras(plain + b"something behind") == plain


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(png(quarters(6, 4))[:-12], id="without its end"),
        pytest.param(PNG_SIGNATURE, id="without anything"),
        pytest.param(PNG_SIGNATURE + b"\xff\xff\xff\xffIDAT" + bytes(9), id="a length that lies"),
    ],
)
def test_a_png_that_is_cut_off_is_refused(data: bytes):
    with pytest.raises(PictureError):
        without_extras(data)


_STARTS = st.sampled_from(
    [b"", b"\xff\xd8\xff", PNG_SIGNATURE, b"GIF89a", b"RIFF\0\0\0\0WEBPVP8X", JPEG[:30], JPEG]
)


@given(_STARTS, st.binary(max_size=60))
def test_any_bytes_have_a_header_or_are_refused(start: bytes, rest: bytes):
    try:
        header = parse_picture(start + rest)
    except PictureError:
        return
    assert header.width > 0
    assert 1 <= header.orientation <= 8


@given(st.binary(max_size=60))
def test_any_exif_has_an_orientation(exif: bytes):
    segment = b"\xff\xe1" + struct.pack(">H", 8 + len(exif)) + b"Exif\0\0" + exif
    assert 1 <= parse_picture(JPEG[:2] + segment + JPEG[2:]).orientation <= 8
