"""Lines of hits are those that are made of the same facts otherwise."""

import pytest

from edge.access_line import AccessLine, format_lines, stamp_of
from edge.fields import Fields
from edge.hit_head import HitHead, HitTimes
from edge.hit_line import hit_line, moment_of_hit_lines
from edge.plain_requests import Bounds

TIME_S = 1_700_000_000.25


@pytest.mark.parametrize("is_head", [False, True])
@pytest.mark.parametrize("bounds", [None, (b"1", b"2"), (b"", b"9")])
@pytest.mark.parametrize("session", ["", "a-b_c"])
@pytest.mark.parametrize("path", ["/a", '/a"b\\c', "/a\u00e9"])
def test_lines(path: str, session: str, bounds: Bounds | None, *, is_head: bool):
    asked = None if bounds is None else f"bytes={bounds[0].decode()}-{bounds[1].decode()}"
    line: AccessLine = (
        TIME_S,
        "HEAD" if is_head else "GET",
        path,
        200 if bounds is None else 206,
        "hit",
        17,
        0.0001239,
        0.0001239,
        "127.0.0.1",
        session or None,
        None,
        False,
        None,
        asked,
        0,
    )
    head = HitHead(path, Fields(), 1, HitTimes(0.0, 0.0, 1.0), is_whole_sent=True)
    moment = moment_of_hit_lines(f"{stamp_of(int(TIME_S))}250Z", 0.0001239)
    made = hit_line(moment, is_head, head.shown, bounds, 17, ("127.0.0.1", session))
    assert made.encode() == format_lines([line])
