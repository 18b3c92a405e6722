"""A sample of the proof that both roads are one, and whether it would find it if they were not."""

import re
from typing import Any

import pytest

from edge import arrivals
from edge.hit_head import Head
from edge.hit_sending import HitConnection, send_hit
from http_semantics.request_framing import RequestFraming
from loadtest.lanes import roads
from loadtest.lanes.answers import Answers
from loadtest.lanes.rounds import play_round
from loadtest.lanes.scripts import Script

pytestmark = pytest.mark.socket


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_nobody_can_tell_which_road_was_taken(seed: int):
    report = await play_round(seed, 1000)
    assert report.differences == []
    assert report.requests >= 1000
    assert report.on_lane > 30


class Careless(RequestFraming):
    """Takes each read for the beginning of a request."""

    __slots__ = ()
    is_at_boundary = True


def test_pieces_are_the_stream_cut():
    script = Script((b"abc", b"de"), cuts=(0, 2, 3, 3, 9))
    assert script.pieces() == [b"ab", b"c", b"de"]


@pytest.mark.slow
async def test_a_lane_that_takes_the_rest_of_a_head_for_a_head_is_found(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("edge.connection.RequestFraming", Careless)
    monkeypatch.setattr(roads, "PATIENCE_S", 1.0)
    assert await found_within(4000)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pattern", "changed"),
    [
        pytest.param(rb"Age: 0", rb"Age: 1", id="another age"),
        pytest.param(rb"bytes 0-", rb"bytes 1-", id="another range"),
        pytest.param(rb"(Via: [^\r]*\r\n)", rb"\1\1", id="a field twice"),
        pytest.param(rb"Accept-Ranges: bytes\r\n", rb"", id="a field less"),
    ],
)
async def test_a_lane_that_answers_otherwise_is_found(
    monkeypatch: pytest.MonkeyPatch, pattern: bytes, changed: bytes
):
    def send_otherwise(connection: HitConnection, head: Head, *rest: Any) -> None:  # noqa: ANN401
        send_hit(connection, (re.sub(pattern, changed, b"".join(head)), b""), *rest)

    monkeypatch.setattr(arrivals, "send_hit", send_otherwise)
    assert await found_within(1000)


async def found_within(requests: int) -> bool:
    for seed in range(14, 18):
        report = await play_round(seed, requests // 4)
        if report.differences:
            return True
    return False


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_answers_are_counted(step: int):
    data = (
        b"HTTP/1.1 100 Continue\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 1\r\n\r\n"
    )
    answers = Answers()
    answers.methods = [b"GET", b"HEAD", b"GET", b"GET", b""]
    for start in range(0, len(data), step):
        answers.feed(data[start : start + step])
    assert answers.count == 4
    answers.feed(b"x")
    assert answers.count == 5
    assert answers.data == data + b"x"


def test_what_is_drawn_by_lot_is_masked():
    first, second = (
        b"HTTP/1.1 206 Partial Content\r\nDate: Sun, 29 Nov 2026 20:00:0%d GMT\r\n"
        b"Content-Type: multipart/byteranges; boundary=%b\r\n"
        b"Server-Timing: cache;desc=hit, edge;dur=0.%d\r\n\r\n--%b--" % (one, lot, one, lot)
        for one, lot in ((1, b"0a" * 16), (2, b"1f" * 16))
    )
    assert first != second
    assert roads.masked(first) == roads.masked(second)
