import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from http_semantics.byte_range import ByteSlice
from origin.answer import IMMUTABLE, Answer, Representation, answer
from origin.errors import PreconditionFailedError, RangeNotSatisfiableError

NOW_S = 1_700_000_000.0
SHA256 = hashlib.sha256(b"0123456789").hexdigest()
TAG = f'"{SHA256}"'
MODIFIED = "Tue, 14 Nov 2023 21:13:20 GMT"

FILE = Representation(
    size_bytes=10,
    sha256=SHA256,
    content_type="audio/mp4",
    cache_control=IMMUTABLE,
    surrogate_keys=("track:T", "album:A"),
    modified_s=NOW_S - 3600,
    links=("<../tracks/N>; rel=next",),
)


def ask(
    fields: dict[str, str], *, method: str = "GET", representation: Representation = FILE
) -> Answer:
    by_name = {name.lower(): value for name, value in fields.items()}
    return answer(
        representation,
        method=method,
        get=lambda name: by_name.get(name.lower()),
        now_s=NOW_S,
    )


def test_the_fields_of_the_whole():
    answered = ask({})
    digest = base64.b64encode(bytes.fromhex(SHA256)).decode()
    assert (answered.status, answered.part) == (200, ByteSlice(0, 10))
    assert answered.fields == {
        "Content-Length": "10",
        "Content-Type": "audio/mp4",
        "Accept-Ranges": "bytes",
        "Cache-Control": IMMUTABLE,
        "ETag": TAG,
        "Last-Modified": MODIFIED,
        "Link": "<../tracks/N>; rel=next",
        "Repr-Digest": f"sha-256=:{digest}:",
        "Surrogate-Key": "track:T album:A",
    }


@pytest.mark.parametrize(
    ("fields", "status", "part"),
    [
        pytest.param({"Range": "bytes=0-3"}, 206, (0, 4), id="a range"),
        pytest.param({"Range": "bytes=4-"}, 206, (4, 10), id="open end"),
        pytest.param({"Range": "bytes=-3"}, 206, (7, 10), id="suffix"),
        pytest.param({"Range": "bytes=-99"}, 206, (0, 10), id="long suffix"),
        pytest.param({"Range": "bytes=5-99"}, 206, (5, 10), id="past the end is cut"),
        pytest.param({"Range": "bytes=0-0, 2-3"}, 200, (0, 10), id="several are not cut apart"),
        pytest.param({"Range": "lines=0-3"}, 200, (0, 10), id="another unit"),
        pytest.param({"Range": "bytes=3-0"}, 200, (0, 10), id="backwards"),
        pytest.param({"If-None-Match": TAG}, 304, None, id="known"),
        pytest.param({"If-None-Match": f'W/"x", W/{TAG}'}, 304, None, id="known, weakly"),
        pytest.param({"If-None-Match": "*"}, 304, None, id="any is known"),
        pytest.param({"If-None-Match": '"x"'}, 200, (0, 10), id="another is known"),
        pytest.param({"If-None-Match": TAG, "Range": "bytes=0-3"}, 304, None, id="304 before 206"),
        pytest.param({"If-Modified-Since": MODIFIED}, 304, None, id="not modified since"),
        pytest.param(
            {"If-Modified-Since": MODIFIED, "If-None-Match": '"x"'},
            200,
            (0, 10),
            id="tags before dates",
        ),
        pytest.param({"If-Match": TAG}, 200, (0, 10), id="as wanted"),
        pytest.param({"If-Match": TAG, "Range": "bytes=0-0"}, 206, (0, 1), id="wanted part"),
        pytest.param({"If-Range": TAG, "Range": "bytes=0-3"}, 206, (0, 4), id="resumed"),
        pytest.param({"If-Range": '"x"', "Range": "bytes=0-3"}, 200, (0, 10), id="changed since"),
        pytest.param(
            {"If-Range": f"W/{TAG}", "Range": "bytes=0-3"}, 200, (0, 10), id="weak does not do"
        ),
        pytest.param({"If-Range": MODIFIED, "Range": "bytes=0-3"}, 206, (0, 4), id="by its date"),
        pytest.param({"If-Range": '"x"', "Range": "bytes=99-"}, 200, (0, 10), id="200 before 416"),
    ],
)
def test_what_is_answered(fields: dict[str, str], status: int, part: tuple[int, int] | None):
    answered = ask(fields)
    assert answered.status == status
    assert answered.part == (None if part is None else ByteSlice(*part))
    if status == 206:
        assert part is not None
        assert answered.fields["Content-Range"] == f"bytes {part[0]}-{part[1] - 1}/10"
        assert answered.fields["Content-Length"] == str(part[1] - part[0])
    if status == 304:
        assert "Content-Length" not in answered.fields
        assert answered.fields["ETag"] == TAG
        assert answered.fields["Cache-Control"] == IMMUTABLE


@pytest.mark.parametrize("value", ["bytes=10-", "bytes=99-100", "bytes=-0", "bytes=10-, 11-"])
def test_no_range_within_the_representation(value: str):
    with pytest.raises(RangeNotSatisfiableError) as raised:
        ask({"Range": value})
    assert raised.value.headers["Content-Range"] == "bytes */10"


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"If-Match": '"x"'}, id="another tag"),
        pytest.param({"If-Match": f"W/{TAG}"}, id="a weak tag"),
        pytest.param({"If-Unmodified-Since": "Tue, 14 Nov 2023 21:13:19 GMT"}, id="older"),
    ],
)
def test_another_representation_is_wanted(fields: dict[str, str]):
    with pytest.raises(PreconditionFailedError):
        ask(fields)


def test_head_has_the_fields_and_no_bytes():
    answered = ask({"Range": "bytes=0-3"}, method="HEAD")
    assert (answered.status, answered.part) == (200, None)
    assert answered.fields == ask({}).fields


def test_nothing_is_sent_of_an_empty_content():
    empty = Representation(0, SHA256, "text/plain", IMMUTABLE, ())
    answered = ask({}, representation=empty)
    assert (answered.status, answered.part, answered.fields["Content-Length"]) == (200, None, "0")
    with pytest.raises(RangeNotSatisfiableError):
        ask({"Range": "bytes=0-"}, representation=empty)


@given(st.text(max_size=30), st.text(max_size=30), st.sampled_from(["Range", "If-Range"]))
def test_any_fields_are_answered_or_refused(value: str, other: str, name: str):
    try:
        answered = ask({name: value, "If-None-Match": other})
    except RangeNotSatisfiableError:
        return
    assert answered.status in {200, 206, 304}
