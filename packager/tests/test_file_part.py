import io
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.file_part import FilePart

DATA = bytes(range(100))

STEPS = st.lists(
    st.tuples(st.just("read"), st.integers(-1, 60))
    | st.tuples(st.just("start"), st.integers(0, 120))
    | st.tuples(st.just("here"), st.integers(0, 30))
    | st.tuples(st.just("end"), st.integers(-40, 20)),
    max_size=20,
)


@given(end=st.integers(40, 100), steps=STEPS)
def test_a_part_is_like_a_file_that_ends_there(end: int, steps: list[tuple[str, int]]):
    part, model = FilePart(io.BytesIO(DATA), end), io.BytesIO(DATA[:end])
    for kind, number in steps:
        match kind:
            case "read":
                assert part.read(number) == model.read(number)
            case "start":
                assert part.seek(number) == model.seek(number)
            case "here":
                assert part.seek(number, os.SEEK_CUR) == model.seek(number, os.SEEK_CUR)
            case _:
                assert part.seek(number, os.SEEK_END) == model.seek(number, os.SEEK_END)
        assert part.tell() == model.tell()


@pytest.mark.parametrize(
    ("offset", "whence"),
    [(-1, os.SEEK_SET), (-101, os.SEEK_END), (-8, os.SEEK_CUR), (-(1 << 63), os.SEEK_SET), (0, 99)],
)
def test_a_position_that_cannot_be_is_an_error_without_an_exception(offset: int, whence: int):
    part = FilePart(io.BytesIO(DATA), 100)
    part.seek(7)
    assert part.seek(offset, whence) < 0
    assert part.read(1) == b"\7"


def test_behind_the_end_there_is_nothing():
    part = FilePart(io.BytesIO(DATA), 50)
    assert part.seek((1 << 63) - 1) == (1 << 63) - 1
    assert part.read() == b""
