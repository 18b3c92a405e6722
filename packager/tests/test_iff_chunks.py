import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.iff_chunks import CHUNKS_MAX, Chunk, read_chunks


@pytest.mark.parametrize(
    ("head", "order"),
    [
        pytest.param((b"RIFF", b"WAVE"), "<", id="WAV"),
        pytest.param((b"RF64", b"WAVE"), "<", id="RF64"),
        pytest.param((b"FORM", b"AIFF"), ">", id="AIFF"),
        pytest.param((b"FORM", b"AIFC"), ">", id="AIFC"),
    ],
)
def test_chunks_are_found_with_their_padding(head: tuple[bytes, bytes], order: str):
    first, second = (struct.pack(f"{order}4sI", name, 3) + b"abc" for name in (b"one ", b"two "))
    content = head[0] + bytes(4) + head[1] + first + b"\0" + second
    assert list(read_chunks(io.BytesIO(content))) == [
        Chunk(b"one ", 20, 3),
        Chunk(b"two ", 32, 3),
    ]


def test_the_number_of_chunks_is_bounded():
    content = b"RIFF\0\0\0\0WAVE" + b"void\0\0\0\0" * (CHUNKS_MAX + 100)
    assert len(list(read_chunks(io.BytesIO(content)))) == CHUNKS_MAX


@given(st.binary(max_size=60), st.sampled_from([b"", b"RIFF\0\0\0\0WAVE", b"FORM\0\0\0\0AIFF"]))
def test_any_bytes_have_chunks_or_none(content: bytes, head: bytes):
    for chunk in read_chunks(io.BytesIO(head + content)):
        assert head
        assert chunk.offset <= len(head + content)
