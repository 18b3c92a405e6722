"""Answers with several ranges."""

from email.parser import BytesParser
from email.policy import HTTP

import pytest
from hypothesis import given
from hypothesis import strategies as st

from http_semantics.byte_range import ByteSlice
from http_semantics.multipart import GAP_MAX, coalesce, lay_out

FAR = 10 * GAP_MAX


def at(start: int, stop: int) -> ByteSlice:
    return ByteSlice(start, stop)


@pytest.mark.parametrize(
    ("slices", "expected"),
    [
        pytest.param([at(0, 5)], [at(0, 5)], id="one"),
        pytest.param([at(0, 5), at(3, 9)], [at(0, 9)], id="overlap"),
        pytest.param([at(3, 9), at(0, 5)], [at(0, 9)], id="overlap backwards"),
        pytest.param([at(0, 5), at(5, 9)], [at(0, 9)], id="touch"),
        pytest.param([at(0, 5), at(5 + GAP_MAX, FAR)], [at(0, FAR)], id="small gap"),
        pytest.param([at(0, 9), at(2, 3)], [at(0, 9)], id="within"),
        pytest.param([at(0, 9), at(0, 9)], [at(0, 9)], id="twice"),
        pytest.param([at(FAR, FAR + 1), at(0, 1)], [at(FAR, FAR + 1), at(0, 1)], id="order kept"),
        pytest.param(
            [at(FAR, FAR + 9), at(0, 1), at(FAR + 5, FAR + 20)],
            [at(FAR, FAR + 20), at(0, 1)],
            id="joined where the first stood",
        ),
    ],
)
def test_coalescing(slices: list[ByteSlice], expected: list[ByteSlice]):
    assert coalesce(tuple(slices)) == tuple(expected)


@given(
    st.lists(
        st.builds(
            lambda start, length: at(start, start + length),
            st.integers(0, 4000),
            st.integers(1, 500),
        ),
        max_size=16,
    )
)
def test_every_byte_asked_for_is_sent_once(slices: list[ByteSlice]):
    joined = coalesce(tuple(slices))
    sent = [byte for part in joined for byte in range(part.start, part.stop)]
    assert len(sent) == len(set(sent))
    assert {byte for part in slices for byte in range(part.start, part.stop)} <= set(sent)
    assert coalesce(joined) == joined


def test_an_answer_reads_as_a_multipart_message():
    content = bytes(range(256))
    layout = lay_out(
        (at(10, 12), at(200, 256)), content_type="audio/mp4", complete_length=256, boundary="xYz"
    )
    body = (
        b"".join(
            head + content[part.start : part.stop]
            for head, part in zip(layout.heads, layout.parts, strict=True)
        )
        + layout.tail
    )
    assert layout.length == len(body)
    message = BytesParser(policy=HTTP).parsebytes(
        b"Content-Type: " + layout.content_type.encode() + b"\r\n\r\n" + body
    )
    first, second = message.iter_parts()
    assert first["Content-Range"] == "bytes 10-11/256"
    assert second["Content-Range"] == "bytes 200-255/256"
    assert first.get_content_type() == "audio/mp4"
    assert first.get_payload(decode=True) == content[10:12]
    assert second.get_payload(decode=True) == content[200:]


def test_parts_need_no_content_type():
    layout = lay_out(
        (at(0, 1), at(FAR, FAR + 1)), content_type=None, complete_length=FAR + 1, boundary="b"
    )
    assert layout.heads[0] == b"\r\n--b\r\nContent-Range: bytes 0-0/1281\r\n\r\n"
