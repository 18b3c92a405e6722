"""Byte ranges: what is accepted, what is ignored, and what they resolve to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from http_semantics.byte_range import (
    RANGES_MAX,
    ByteSlice,
    ContentRange,
    IntRange,
    RangeSpec,
    SuffixRange,
    parse_content_range,
    parse_range,
    resolve,
    unsatisfied_range,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("bytes=0-0", (IntRange(0, 0),), id="first byte"),
        pytest.param("bytes=500-", (IntRange(500, None),), id="open end"),
        pytest.param("bytes=-500", (SuffixRange(500),), id="suffix"),
        pytest.param("bytes=-0", (SuffixRange(0),), id="empty suffix, which nothing satisfies"),
        pytest.param("BYTES=0-1, -1", (IntRange(0, 1), SuffixRange(1)), id="two, unit in capitals"),
        pytest.param("bytes=,0-1,\t,", (IntRange(0, 1),), id="empty elements"),
        pytest.param("bytes= 7-8", (IntRange(7, 8),), id="space before the range"),
        pytest.param("bytes=0-" + "9" * 40, (IntRange(0, 10**18),), id="beyond any file"),
        pytest.param(
            "bytes=" + "0-0," * RANGES_MAX, (IntRange(0, 0),) * RANGES_MAX, id="as many as allowed"
        ),
    ],
)
def test_parse_range(value: str, expected: tuple[RangeSpec, ...]):
    assert parse_range(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("lines=0-1", id="other unit"),
        pytest.param("bytes", id="no ranges at all"),
        pytest.param("bytes=", id="empty list"),
        pytest.param("bytes=,,", id="empty elements only"),
        pytest.param("bytes=9-5", id="inverted"),
        pytest.param("bytes=0-1,9-5", id="one of them inverted"),
        pytest.param("bytes=-", id="neither end"),
        pytest.param("bytes=0x10-", id="hexadecimal"),
        pytest.param("bytes=٣-٤", id="digits, but not ASCII"),
        pytest.param("bytes=0-1 2-3", id="no comma"),
        pytest.param("bytes=--1", id="two signs"),
        pytest.param("bytes=0-0," * (RANGES_MAX + 1), id="unit repeated"),
        pytest.param("bytes=" + "0-0," * (RANGES_MAX + 1), id="one range too many"),
        pytest.param("bytes=" + "," * 10_000 + "0-0", id="ten thousand empty elements"),
    ],
)
def test_a_range_field_that_is_to_be_ignored(value: str):
    assert parse_range(value) is None


@pytest.mark.parametrize(
    ("spec", "length", "expected"),
    [
        pytest.param(IntRange(0, 9), 10, (ByteSlice(0, 10),), id="exactly all"),
        pytest.param(IntRange(0, 99), 10, (ByteSlice(0, 10),), id="end beyond the last byte"),
        pytest.param(IntRange(9, None), 10, (ByteSlice(9, 10),), id="last byte"),
        pytest.param(IntRange(10, None), 10, (), id="starts at the end"),
        pytest.param(SuffixRange(3), 10, (ByteSlice(7, 10),), id="suffix"),
        pytest.param(SuffixRange(30), 10, (ByteSlice(0, 10),), id="suffix longer than all"),
        pytest.param(SuffixRange(0), 10, (), id="empty suffix"),
        pytest.param(SuffixRange(1), 0, (), id="suffix of nothing"),
        pytest.param(IntRange(0, None), 0, (), id="range of nothing"),
    ],
)
def test_resolve(spec: RangeSpec, length: int, expected: tuple[ByteSlice, ...]):
    assert resolve((spec,), length) == expected


def test_unsatisfiable_ranges_among_others_are_left_out():
    assert resolve((IntRange(50, 60), IntRange(1, 2)), 10) == (ByteSlice(1, 3),)


@given(body=st.binary(max_size=64), first=st.integers(0, 80), extra=st.integers(0, 80))
def test_a_resolved_int_range_reads_the_bytes_that_slicing_would(
    body: bytes, first: int, extra: int
):
    last = first + extra
    slices = resolve((IntRange(first, last),), len(body))
    assert b"".join(body[one.start : one.stop] for one in slices) == body[first : last + 1]


@given(st.text(alphabet="bytes=0123456789-,* \t/", max_size=40))
def test_any_text_is_parsed_or_ignored(value: str):
    specs = parse_range(value)
    assert specs is None or 0 < len(specs) <= RANGES_MAX


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("bytes 0-9/10", ContentRange(ByteSlice(0, 10), 10), id="all"),
        pytest.param("bytes 3-3/*", ContentRange(ByteSlice(3, 4), None), id="length unknown"),
        pytest.param("bytes */10", ContentRange(None, 10), id="unsatisfied"),
        pytest.param(" BYTES 0-0/1 ", ContentRange(ByteSlice(0, 1), 1), id="capitals and spaces"),
        pytest.param("bytes */*", None, id="says nothing"),
        pytest.param("bytes 4-3/10", None, id="inverted"),
        pytest.param("bytes 0-10/10", None, id="beyond its own length"),
        pytest.param("items 0-9/10", None, id="other unit"),
        pytest.param("bytes 0-9", None, id="no length"),
        pytest.param("bytes=0-9/10", None, id="equals sign"),
    ],
)
def test_parse_content_range(value: str, expected: ContentRange | None):
    assert parse_content_range(value) == expected


@given(start=st.integers(0, 10**12), size=st.integers(1, 10**12), rest=st.integers(0, 10**12))
def test_content_range_is_read_back_as_written(start: int, size: int, rest: int):
    part = ByteSlice(start, start + size)
    length = part.stop + rest
    assert parse_content_range(part.content_range(length)) == ContentRange(part, length)
    assert parse_content_range(unsatisfied_range(length)) == ContentRange(None, length)
    assert part.length == size
