import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.boxes import (
    Box,
    BoxError,
    BoxReader,
    encode_box,
    encode_box_header,
    encode_full_box,
    split_boxes,
)

BOXES = st.lists(
    st.tuples(st.binary(min_size=4, max_size=4), st.binary(max_size=40)), min_size=1, max_size=6
)


def read_all(*chunks: bytes, box_size_max: int = 1 << 16) -> list[Box]:
    reader = BoxReader(box_size_max=box_size_max)
    found: list[Box] = []
    for chunk in chunks:
        reader.feed(chunk)
        found += reader.boxes()
    reader.close()
    return found


@given(BOXES, st.data())
def test_boxes_do_not_depend_on_how_the_stream_is_cut(
    boxes: list[tuple[bytes, bytes]], data: st.DataObject
):
    stream = b"".join(encode_box(fourcc, payload) for fourcc, payload in boxes)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    chunks = [stream[start:end] for start, end in itertools.pairwise([0, *cuts, len(stream)])]
    found = read_all(*chunks)
    assert [(box.fourcc, box.payload) for box in found] == boxes
    assert found == split_boxes(stream)
    for box in found:
        assert stream[box.payload_offset :].startswith(box.payload)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_by_the_one_error(stream: bytes):
    try:
        found = read_all(stream)
    except BoxError as error:
        assert 0 <= error.offset <= len(stream)
    else:
        assert sum(len(encode_box(box.fourcc, box.payload)) for box in found) <= len(stream)


def test_a_full_box_begins_with_version_and_flags():
    assert encode_full_box(b"test", b"a", b"b", version=1, flags=0x020304) == (
        b"\x00\x00\x00\x0etest\x01\x02\x03\x04ab"
    )


@pytest.mark.parametrize(
    ("payload_size", "header"),
    [
        pytest.param(0, b"\x00\x00\x00\x08mdat", id="empty"),
        pytest.param((1 << 32) - 9, b"\xff\xff\xff\xffmdat", id="largest size of 32 bits"),
        pytest.param(
            (1 << 32) - 8, b"\x00\x00\x00\x01mdat\x00\x00\x00\x01\x00\x00\x00\x08", id="64 bits"
        ),
    ],
)
def test_a_header_is_as_wide_as_its_size_asks_for(payload_size: int, header: bytes):
    assert encode_box_header(b"mdat", payload_size) == header


def test_a_size_of_64_bits_is_read():
    (box,) = read_all(b"\x00\x00\x00\x01free\x00\x00\x00\x00\x00\x00\x00\x12", b"ab")
    assert (box.fourcc, box.payload, box.payload_offset) == (b"free", b"ab", 16)


@pytest.mark.parametrize(
    ("stream", "offset"),
    [
        pytest.param(b"\x00\x00\x00\x07free", 0, id="size below the header's"),
        pytest.param(b"\x00\x00\x00\x00free", 0, id="size to the end of the file"),
        pytest.param(b"\x00\x00\x00\x01free" + bytes(7) + b"\x0f", 0, id="wide size below"),
        pytest.param(encode_box(b"free") + b"\x00\x00\x01\x00free", 8, id="above the limit"),
        pytest.param(encode_box(b"free") + b"\x00\x00\x00", 8, id="ends within a header"),
        pytest.param(b"\x00\x00\x00\x01free" + bytes(7), 0, id="ends within a wide header"),
        pytest.param(b"\x00\x00\x00\x10free", 0, id="ends within a payload"),
    ],
)
def test_a_damaged_stream_is_refused_where_it_breaks(stream: bytes, offset: int):
    with pytest.raises(BoxError) as raised:
        read_all(stream, box_size_max=255)
    assert raised.value.offset == offset
