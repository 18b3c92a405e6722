"""What a request gets of a stored representation."""

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from edge.errors import RangeNotSatisfiableError
from edge.lookup import Ask, ForOrigin, NotModified, Part, Parts, Selection, Whole, select
from edge.tests.making import NOW_S, representation_of
from http_semantics.byte_range import ByteSlice


def ask_for(method: str = "GET", **fields: str) -> Ask:
    headers = CIMultiDict({name.replace("_", "-"): value for name, value in fields.items()})
    return Ask.from_headers(method, CIMultiDictProxy(headers))


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        pytest.param(ask_for(), Whole(), id="plain"),
        pytest.param(ask_for(Range="bytes=10-19"), Part(ByteSlice(10, 20)), id="range"),
        pytest.param(ask_for(Range="bytes=-10"), Part(ByteSlice(990, 1000)), id="suffix"),
        pytest.param(
            ask_for(Range="bytes=0-1,500-509"),
            Parts((ByteSlice(0, 2), ByteSlice(500, 510))),
            id="several ranges",
        ),
        pytest.param(
            ask_for(Range="bytes=0-1,5-6"), Part(ByteSlice(0, 7)), id="several close ones"
        ),
        pytest.param(ask_for(Range="items=0-1"), Whole(), id="other unit"),
        pytest.param(ask_for(Range="bytes=9-5"), Whole(), id="inverted"),
        pytest.param(ask_for("HEAD", Range="bytes=10-19"), Whole(), id="a range is for GET"),
        pytest.param(ask_for(If_None_Match='"v1"'), NotModified(), id="known"),
        pytest.param(
            ask_for(If_None_Match='"v1"', Range="bytes=0-1"), NotModified(), id="304 before 206"
        ),
        pytest.param(
            ask_for(If_Range='"v1"', Range="bytes=0-1"), Part(ByteSlice(0, 2)), id="If-Range"
        ),
        pytest.param(ask_for(If_Range='"v0"', Range="bytes=0-1"), Whole(), id="If-Range, other"),
        pytest.param(
            ask_for(If_Match='"v0"', Range="bytes=9999-"), ForOrigin(), id="If-Match, other"
        ),
        pytest.param(
            ask_for(If_Match='"v1"', Range="bytes=0-1"), Part(ByteSlice(0, 2)), id="If-Match"
        ),
        pytest.param(
            ask_for(If_Range='"v0"', Range="bytes=9999-"), Whole(), id="If-Range before 416"
        ),
    ],
)
def test_selection(ask: Ask, expected: Selection):
    assert select(representation_of(), ask, now_s=NOW_S) == expected


@pytest.mark.parametrize("value", ["bytes=1000-", "bytes=-0"])
def test_an_unsatisfiable_range_is_416(value: str):
    with pytest.raises(RangeNotSatisfiableError) as raised:
        select(representation_of(), ask_for(Range=value), now_s=NOW_S)
    assert raised.value.headers["Content-Range"] == "bytes */1000"
