import io

from hypothesis import given
from hypothesis import strategies as st

from packager.flac_blocks import BLOCKS_MAX, FlacBlock, read_flac_blocks


def test_blocks_are_found_up_to_the_last_one():
    content = b"fLaC\0\0\0\2ab\x84\0\0\1c\x06\0\0\0"
    assert list(read_flac_blocks(io.BytesIO(content))) == [FlacBlock(0, 8, 2), FlacBlock(4, 14, 1)]


def test_a_file_that_ends_before_its_last_block_has_those_before():
    assert list(read_flac_blocks(io.BytesIO(b"fLaC\0\0\xff\xff"))) == [FlacBlock(0, 8, 0xFFFF)]
    assert list(read_flac_blocks(io.BytesIO(b"fLaC"))) == []


def test_the_number_of_blocks_is_bounded():
    content = b"fLaC" + b"\1\0\0\0" * (BLOCKS_MAX + 100)
    assert len(list(read_flac_blocks(io.BytesIO(content)))) == BLOCKS_MAX


@given(st.binary(max_size=60), st.sampled_from([b"", b"fLaC"]))
def test_any_bytes_have_blocks_or_none(content: bytes, marker: bytes):
    for block in read_flac_blocks(io.BytesIO(marker + content)):
        assert block.offset <= len(marker + content)
