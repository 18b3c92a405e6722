import asyncio

import pytest
from aiohttp import StreamReader
from aiohttp.base_protocol import BaseProtocol

from origin.intake.content import (
    ContentCutError,
    Contents,
    ContentStoppedError,
    Pace,
    read_content,
)
from origin.intake.errors import SlowContentError
from origin.intake.tests.services import Clock


def make_stream() -> StreamReader:
    loop = asyncio.get_running_loop()
    protocol = BaseProtocol(loop)
    protocol.connection_made(asyncio.Transport())
    return StreamReader(protocol, 1 << 16, loop=loop)


async def test_a_connection_that_was_lost_before_is_told():
    stream = make_stream()
    stream._protocol.connection_lost(None)
    with pytest.raises(ContentCutError):
        _ = [one async for one in read_content(stream, Pace(1.0, 0, Clock()))]


async def test_a_content_comes_as_it_is():
    stream = make_stream()
    stream.feed_data(b"to")
    stream.feed_data(b"ne")
    stream.feed_eof()
    pace = Pace(idle_s=1.0, rate_min_bps=1 << 30, monotonic=Clock())
    assert b"".join([chunk async for chunk in read_content(stream, pace)]) == b"tone"


async def test_a_lost_connection_is_told():
    stream = make_stream()
    stream.set_exception(ConnectionResetError("gone"))
    with pytest.raises(ContentCutError):
        _ = [one async for one in read_content(stream, Pace(1.0, 0, Clock()))]


async def test_what_is_stopped_says_so_and_is_stopped_alone():
    contents, stream, other = Contents(), make_stream(), make_stream()
    with contents.reading(other):
        pass
    with contents.reading(stream), pytest.raises(ContentStoppedError) as raised:
        stream.feed_data(b"to")
        async for chunk in read_content(stream, Pace(1.0, 0, Clock())):
            assert chunk == b"to"
            contents.stop()
    assert (raised.value.status, raised.value.headers["Retry-After"]) == (503, "2")
    assert other.exception() is None


async def test_silence_is_not_waited_for():
    with pytest.raises(SlowContentError, match="nothing came"):
        _ = [one async for one in read_content(make_stream(), Pace(0.001, 0, Clock()))]


@pytest.mark.parametrize(("size_bytes", "is_slow"), [(9_999, True), (10_000, False)])
async def test_a_trickle_is_not_waited_for(size_bytes: int, is_slow: bool):
    """Ten seconds pass for each chunk, by a clock that each look moves."""
    times = iter(range(0, 1000, 10))
    stream = make_stream()
    stream.feed_data(bytes(size_bytes))
    stream.feed_eof()
    pace = Pace(1.0, 8_000, lambda: float(next(times)))
    if is_slow:
        with pytest.raises(SlowContentError, match="8000 bit/s"):
            _ = [one async for one in read_content(stream, pace)]
    else:
        assert [len(one) async for one in read_content(stream, pace)] == [size_bytes]


async def test_the_time_that_the_reader_takes_does_not_count():
    clock = Clock()
    stream = make_stream()
    pace = Pace(1.0, 8_000, clock)
    chunks = read_content(stream, pace)
    for _ in range(5):
        stream.feed_data(b"x")
        assert await anext(chunks) == b"x"
        clock.now_s += 60
