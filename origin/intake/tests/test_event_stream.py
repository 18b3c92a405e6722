import asyncio
import contextlib
import itertools
from collections.abc import Callable

import pytest
from typing_extensions import override

from origin.errors import StoreError
from origin.intake.errors import IntakeBusyError, UploadFieldError
from origin.intake.event_log import Event, EventLog
from origin.intake.event_stream import HEARTBEAT, EventStreams, StreamLimits
from origin.intake.tests.services import Clock, make_store


def make_streams(
    log: EventLog,
    monotonic: Callable[[], float] | None = None,
    *,
    streams_max: int = 2,
    label_streams_max: int = 2,
) -> EventStreams:
    return EventStreams(
        log,
        StreamLimits(streams_max, label_streams_max, poll_s=0.001),
        monotonic=monotonic or Clock(),
        on_change=lambda _: None,
    )


async def test_a_follower_gets_what_it_has_not():
    log = EventLog(make_store())
    for number in range(1, 4):
        await log.append("nebula", {"n": number})
    async with contextlib.aclosing(await make_streams(log).open("nebula", "1")) as stream:
        assert await anext(stream) == b"retry: 2000\n\n"
        assert await anext(stream) == b'id: 2\ndata: {"n":2}\n\n'
        assert await anext(stream) == b'id: 3\ndata: {"n":3}\n\n'


async def test_a_new_follower_gets_what_comes_from_now_on():
    store = make_store()
    log = EventLog(store)
    await log.append("nebula", {"n": 1})
    async with contextlib.aclosing(await make_streams(log).open("nebula", None)) as stream:
        await anext(stream)
        # Another process tells it.
        await EventLog(store).append("nebula", {"n": 2})
        async with asyncio.timeout(5):
            assert await anext(stream) == b'id: 2\ndata: {"n":2}\n\n'


async def test_who_was_away_for_too_long_is_told_what_is_lost():
    store = make_store()
    log = EventLog(store)
    for number in range(1, 4):
        await log.append("nebula", {"n": number})
    for number in (1, 2):
        await store.delete(f"events/nebula/{number:016d}.json")
    async with contextlib.aclosing(await make_streams(log).open("nebula", "0")) as stream:
        await anext(stream)
        assert await anext(stream) == b'event: lost\ndata: {"first":1,"last":2}\n\n'
        assert (await anext(stream)).startswith(b"id: 3")


async def test_silence_has_heartbeats_and_an_end():
    """Each look at the clock takes a minute."""
    minutes = itertools.count()
    streams = make_streams(EventLog(make_store()), lambda: 60.0 * next(minutes))
    sent = [content async for content in await streams.open("nebula", None)]
    assert set(sent[1:]) == {HEARTBEAT}
    assert len(sent) > 3


async def test_there_are_only_so_many():
    streams = make_streams(EventLog(make_store()), streams_max=1)
    async with contextlib.aclosing(await streams.open("", None)) as first:
        await anext(first)
        with pytest.raises(IntakeBusyError):
            await streams.open("", None)
    await (await streams.open("", None)).aclose()


async def test_those_that_come_at_once_are_no_more():
    streams = make_streams(EventLog(make_store()), streams_max=1)
    first, second = await streams.open("", None), await streams.open("", None)
    async with contextlib.aclosing(first), contextlib.aclosing(second):
        await anext(first)
        with pytest.raises(IntakeBusyError):
            await anext(second)


async def test_a_label_does_not_take_all_streams():
    streams = make_streams(EventLog(make_store()), label_streams_max=1)
    async with contextlib.aclosing(await streams.open("nebula", None)) as first:
        await anext(first)
        with pytest.raises(IntakeBusyError, match="of the label"):
            await streams.open("nebula", None)
        async with contextlib.aclosing(await streams.open("quasar", None)) as second:
            await anext(second)


async def test_all_end_when_the_process_does():
    streams = make_streams(EventLog(make_store()))
    stream = await streams.open("", None)
    await anext(stream)
    streams.close()
    assert await anext(stream, None) is None


@pytest.mark.parametrize("told", ["", "-1", "x", "1" * 17, "٣"])
async def test_what_is_no_number_is_refused(told: str):
    with pytest.raises(UploadFieldError):
        await make_streams(EventLog(make_store())).open("", told)


class SilentLog(EventLog):
    @override
    async def read(self, label: str, *, after: int, limit: int) -> tuple[Event, ...]:
        raise StoreError("gone")


async def test_a_store_that_fails_ends_the_stream():
    stream = await make_streams(SilentLog(make_store())).open("", None)
    await anext(stream)
    assert await anext(stream, None) is None
