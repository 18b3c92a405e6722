"""How lines of the access log are written."""

import orjson
from hypothesis import given
from hypothesis import strategies as st

from edge.access_line import AccessLine, format_lines
from edge.metrics import CacheResult

# 2023-11-14T22:13:20Z
NOW_S = 1_700_000_000.0


def line_of(
    *,
    time_s: float = NOW_S,
    method: str = "GET",
    path: str | None = "/a",
    session: str | None = None,
    range_field: str | None = None,
) -> AccessLine:
    return (
        time_s,
        method,
        path,
        200,
        CacheResult.HIT,
        5,
        0.25,
        0.5,
        "10.0.0.1",
        session,
        None,
        False,
        None,
        range_field,
        0,
    )


def test_a_short_line_says_what_there_is_to_say():
    assert orjson.loads(format_lines([line_of()])) == {
        "timestamp": "2023-11-14T22:13:20.000Z",
        "event": "request",
        "method": "GET",
        "path": "/a",
        "status": 200,
        "result": "hit",
        "content_bytes": 5,
        "first_byte_ms": 250.0,
        "duration_ms": 500.0,
        "client": "10.0.0.1",
    }


def test_a_long_line_says_all():
    line = (*line_of()[:9], "session", "aborted", True, 0.125, "bytes=0-4", 7)
    told = orjson.loads(format_lines([line]))
    assert {name: told[name] for name in list(told)[10:]} == {
        "session": "session",
        "detail": "aborted",
        "collapsed": True,
        "upstream_ms": 125.0,
        "range": "bytes=0-4",
        "request_number": 7,
    }


def test_times_are_their_own_across_a_second():
    lines = [line_of(time_s=NOW_S + more) for more in (0.25, 0.999, 1.0, 61.5, 0.5)]
    told = [orjson.loads(line)["timestamp"] for line in format_lines(lines).splitlines()]
    assert [one[14:] for one in told] == [
        "13:20.250Z",
        "13:20.999Z",
        "13:21.000Z",
        "14:21.500Z",
        "13:20.500Z",
    ]


def test_a_long_range_is_cut():
    (line,) = format_lines([line_of(range_field="bytes=" + "0-1," * 4000)]).splitlines()
    assert len(line) < 500


@given(
    st.lists(
        st.builds(
            line_of,
            method=st.text(max_size=9),
            path=st.none() | st.text(st.characters(), max_size=30),
            session=st.none() | st.text(max_size=30),
            range_field=st.none() | st.binary(max_size=30).map(lambda raw: raw.decode("latin-1")),
        )
        | st.builds(
            line_of,
            path=st.binary(max_size=30).map(lambda raw: raw.decode("utf-8", "surrogateescape")),
        ),
        max_size=5,
    )
)
def test_whatever_is_asked_for_one_line_is_one_object(lines: list[AccessLine]):
    written = format_lines(lines)
    assert written.count(b"\n") == len(lines)
    told = [orjson.loads(line) for line in written.splitlines()]
    assert [one["client"] for one in told] == ["10.0.0.1"] * len(lines)
