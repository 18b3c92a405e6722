import itertools
import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager import ogg
from packager.ogg import (
    NO_GRANULE,
    OggError,
    OggPage,
    OggPageReader,
    decode_page_header,
    encode_header_pages,
    has_good_checksum,
    lacing_size,
    page_checksum,
    with_serial,
)
from packager.tests.ogg_pages import PageFields, encode_page


def slow_checksum(data: bytes) -> int:
    """RFC 3533 section 6, bit by bit: polynomial 0x04C11DB7 from the most significant bit."""
    checksum = 0
    for byte in data:
        checksum ^= byte << 24
        for _ in range(8):
            checksum = checksum << 1 ^ (0x1_04C1_1DB7 if checksum & 0x8000_0000 else 0)
    return checksum


def read_all(*chunks: bytes) -> list[OggPage]:
    reader = OggPageReader()
    found: list[OggPage] = []
    for chunk in chunks:
        reader.feed(chunk)
        found += reader.pages()
    reader.close()
    return found


FIRST = PageFields(flags=0x02, granule=0, sequence=0, packets=(b"head",))
MIDDLE = PageFields(granule=NO_GRANULE, sequence=1, packets=(b"x" * 255,), is_open=True)
LAST = PageFields(flags=0x05, granule=900, sequence=2, packets=(b"y", b"", b"z" * 300))
STREAM = b"".join(map(encode_page, (FIRST, MIDDLE, LAST)))


@given(st.binary(max_size=300))
def test_the_fast_checksum_equals_the_slow_one(data: bytes):
    assert page_checksum(data) == slow_checksum(data)


def test_a_page_tells_where_its_packets_end():
    first, middle, last = read_all(STREAM)
    assert (first.granule, first.is_continued, first.is_last) == (0, False, False)
    assert first.data[first.body_offset : first.packet_ends[0]] == b"head"
    assert (middle.granule, middle.packet_ends, middle.has_open_packet) == (NO_GRANULE, (), True)
    assert (last.is_continued, last.is_last, last.has_open_packet) == (True, True, False)
    edges = [last.body_offset, *last.packet_ends]
    assert [end - start for start, end in itertools.pairwise(edges)] == [1, 0, 300]
    assert [page.offset for page in (first, middle, last)] == [0, 32, 32 + 283]


@given(st.lists(st.integers(0, len(STREAM)), max_size=8).map(sorted))
def test_pages_do_not_depend_on_how_the_stream_is_cut(cuts: list[int]):
    chunks = [STREAM[start:end] for start, end in itertools.pairwise([0, *cuts, len(STREAM)])]
    assert read_all(*chunks) == read_all(STREAM)


def test_a_page_takes_another_number():
    page = with_serial(encode_page(replace(FIRST, sequence=0)), 5, sequence=1 << 31)
    header = decode_page_header(page)
    assert header is not None
    assert (header.serial, header.sequence) == (5, 1 << 31)
    assert has_good_checksum(page)


@given(st.integers(0, 2**32 - 1))
def test_a_new_serial_changes_nothing_else(serial: int):
    pages = [with_serial(page.data, serial) for page in read_all(STREAM)]
    again = read_all(*pages)
    assert {struct.unpack_from("<I", page.data, 14) for page in again} == {(serial,)}
    restored = b"".join(with_serial(page.data, FIRST.serial) for page in again)
    assert restored == STREAM


@given(
    sizes=st.lists(
        st.sampled_from((0, 1, 254, 255, 256, 510, 255 * 254, 255 * 255, 140_000))
        | st.integers(0, 2000),
        min_size=1,
        max_size=6,
    ),
    sequence=st.integers(1, 3),
)
def test_header_pages_hold_the_packets(sizes: list[int], sequence: int):
    packets = [bytes([index + 1]) * size for index, size in enumerate(sizes)]
    before = [replace(FIRST, serial=9)]
    before += [
        PageFields(granule=0, sequence=1 + index, packets=(b"x",), serial=9)
        for index in range(sequence - 1)
    ]
    pages = encode_header_pages(packets, serial=9, sequence=sequence)
    end = PageFields(
        flags=4, granule=1, sequence=sequence + len(pages), packets=(b"end",), serial=9
    )
    stream = b"".join([*map(encode_page, before), *pages, encode_page(end)])
    found = read_all(stream)[sequence:-1]
    assert b"".join(page.data[page.body_offset :] for page in found) == b"".join(packets)
    assert sum(len(page.packet_ends) for page in found) == len(packets)
    assert all((page.granule == 0) == bool(page.packet_ends) for page in found)
    assert not found[-1].has_open_packet


def test_the_largest_page_is_read():
    page = replace(FIRST, flags=0x02, packets=(b"x" * 255 * 255,), is_open=True)
    data = encode_page(page)
    assert len(data) == 27 + 255 + 255 * 255
    reader = OggPageReader()
    reader.feed(data)
    assert [page.has_open_packet for page in reader.pages()] == [True]


def damaged(position: int, value: int) -> bytes:
    data = bytearray(STREAM)
    data[position] ^= value
    return bytes(data)


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        pytest.param(b"", "without a last page", id="nothing"),
        pytest.param(b"RIFF", "capture pattern", id="other format"),
        pytest.param(damaged(40, 1), "checksum", id="flipped bit in a header"),
        pytest.param(damaged(len(STREAM) - 1, 1), "checksum", id="flipped bit in a packet"),
        pytest.param(damaged(4, 1), "version 1", id="other version"),
        pytest.param(STREAM[:-1], "ends after", id="torn"),
        pytest.param(
            STREAM[: -len(encode_page(LAST))], "without a last page", id="last page missing"
        ),
        pytest.param(STREAM + STREAM, "follows the last page", id="chained"),
        pytest.param(
            encode_page(FIRST) + encode_page(replace(LAST, flags=4)), "1 is missing", id="gap"
        ),
        pytest.param(
            encode_page(FIRST) + encode_page(replace(MIDDLE, serial=9)),
            "another stream",
            id="multiplexed",
        ),
        pytest.param(
            encode_page(FIRST) + encode_page(replace(MIDDLE, flags=2)), "marked", id="two first"
        ),
        pytest.param(encode_page(replace(FIRST, flags=0)), "marked", id="first not marked"),
        pytest.param(
            encode_page(FIRST) + encode_page(replace(MIDDLE, flags=1)), "torn", id="continues"
        ),
        pytest.param(
            encode_page(FIRST) + encode_page(MIDDLE) + encode_page(replace(LAST, flags=4)),
            "torn",
            id="does not continue",
        ),
        pytest.param(
            encode_page(replace(FIRST, granule=901)) + encode_page(MIDDLE) + encode_page(LAST),
            "goes back",
            id="time goes back",
        ),
        pytest.param(
            encode_page(FIRST) + encode_page(replace(MIDDLE, flags=4)),
            "within a packet",
            id="ends within a packet",
        ),
    ],
)
def test_a_damaged_stream_is_refused(stream: bytes, message: str):
    with pytest.raises(OggError, match=message):
        read_all(stream)


@given(st.integers(0, len(STREAM)), st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(where: int, noise: bytes):
    stream = STREAM[:where] + noise + STREAM[where + len(noise) :]
    try:
        pages = read_all(stream)
    except OggError:
        pass
    else:
        assert b"".join(page.data for page in pages) == stream


def test_a_page_of_whole_packets_comes_back():
    packets = [b"a" * 254, b"b" * 255, b""]
    first = ogg.encode_page([b"head"], serial=7, sequence=0, granule=0, is_first=True)
    last = ogg.encode_page(packets, serial=7, sequence=1, granule=900, is_last=True)
    _, page = read_all(first, last)
    starts = [page.body_offset, *page.packet_ends]
    assert [page.data[a:b] for a, b in itertools.pairwise(starts)] == packets
    assert (page.granule, page.is_last, page.has_open_packet) == (900, True, False)
    assert [lacing_size(packet) for packet in packets] == [1, 2, 1]
