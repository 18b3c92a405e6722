"""An upstream is asked again where that is harmless, and left alone while it is away."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator

import pytest
from typing_extensions import override

from edge.breaker import Breaker, RetryBudget
from edge.errors import (
    CircuitOpenError,
    UpstreamError,
    UpstreamLostError,
    UpstreamProtocolError,
    UpstreamTimeoutError,
    UpstreamUnreachableError,
)
from edge.fields import Fields
from edge.guarded_upstream import GuardedUpstream
from edge.metrics import EdgeCounts
from edge.ports import UpstreamAnswer, UpstreamRequest


class Failing:
    """An upstream that fails with these errors, one after the other."""

    def __init__(self, *errors: UpstreamError) -> None:
        self.errors = list(errors)
        self.asked = 0

    async def send(self, request: UpstreamRequest) -> UpstreamAnswer:
        assert request.target == "/a"
        self.asked += 1
        raise self.errors.pop(0)


def guard(upstream: Failing, *, retries: float = 10.0, counts: EdgeCounts | None = None):
    return GuardedUpstream(
        upstream,
        breaker=Breaker(failures_max=2, open_s=60),
        retries=RetryBudget(share=0.0, reserve=retries),
        counts=counts or EdgeCounts(),
    )


def request_of(method: str = "GET", content: AsyncIterable[bytes] | None = None):
    return UpstreamRequest(method, "/a", Fields(), content)


async def test_a_connection_that_was_lost_is_made_anew_once():
    upstream, counts = Failing(UpstreamLostError("1"), UpstreamLostError("2")), EdgeCounts()
    with pytest.raises(UpstreamLostError, match="2"):
        await guard(upstream, counts=counts).send(request_of())
    assert (upstream.asked, counts.retries) == (2, 1)


async def no_content() -> AsyncIterator[bytes]:
    yield b""


@pytest.mark.parametrize(
    ("request_", "error", "retries"),
    [
        pytest.param(request_of("POST"), UpstreamLostError(""), 9.0, id="not safe to repeat"),
        pytest.param(
            request_of(content=no_content()), UpstreamLostError(""), 9.0, id="content is gone"
        ),
        pytest.param(request_of(), UpstreamTimeoutError(""), 9.0, id="it took its time already"),
        pytest.param(request_of(), UpstreamProtocolError(""), 9.0, id="it has answered"),
        pytest.param(request_of(), UpstreamLostError(""), 0.0, id="too many were repeated"),
    ],
)
async def test_what_is_not_repeated(
    request_: UpstreamRequest, error: UpstreamError, retries: float
):
    upstream = Failing(error)
    with pytest.raises(type(error)):
        await guard(upstream, retries=retries).send(request_)
    assert upstream.asked == 1


@pytest.mark.parametrize("kind", [UpstreamUnreachableError, UpstreamTimeoutError])
async def test_what_is_away_is_left_alone(kind: type[UpstreamError]):
    upstream = Failing(kind("1"), kind("2"))
    guarded = guard(upstream)
    for _ in range(2):
        with pytest.raises(kind):
            await guarded.send(request_of())
    with pytest.raises(CircuitOpenError):
        await guarded.send(request_of())
    assert upstream.asked == 2


async def test_what_drops_requests_is_there():
    upstream = Failing(*(UpstreamLostError("") for _ in range(20)))
    guarded = guard(upstream)
    for _ in range(10):
        with pytest.raises(UpstreamLostError):
            await guarded.send(request_of())
    assert upstream.asked == 20


async def test_who_leaves_counts_for_nothing():
    class Silent(Failing):
        @override
        async def send(self, request: UpstreamRequest) -> UpstreamAnswer:
            assert request.target == "/a"
            self.asked += 1
            await asyncio.Event().wait()
            raise AssertionError

    upstream = Silent()
    guarded = guard(upstream)
    for _ in range(5):
        leaving = asyncio.ensure_future(guarded.send(request_of()))
        await asyncio.sleep(0)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
    assert upstream.asked == 5
