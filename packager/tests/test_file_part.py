import io
import os

from hypothesis import given
from hypothesis import strategies as st

from packager.file_part import FilePart

DATA = bytes(range(100))

STEPS = st.lists(
    st.tuples(st.just("read"), st.integers(-1, 60))
    | st.tuples(st.just("start"), st.integers(0, 120))
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
            case _:
                assert part.seek(number, os.SEEK_END) == model.seek(number, os.SEEK_END)
        assert part.tell() == model.tell()
