"""An upstream that does not answer is spared; what was lost on the way is sent once more."""

from collections import deque
from collections.abc import AsyncIterator

import pytest
from multidict import CIMultiDict
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
from edge.guarded_upstream import GuardedUpstream
from edge.metrics import EdgeCounts
from edge.ports import Upstream, UpstreamAnswer, UpstreamRequest

ANSWER: UpstreamAnswer = object()  # type: ignore[assignment]
GET = UpstreamRequest("GET", "/a", CIMultiDict())


class Scripted(Upstream):
    """Answers as it is told to, and counts."""

    def __init__(self, *outcomes: UpstreamError | None) -> None:
        self.outcomes = deque(outcomes)
        self.asked = 0

    @override
    async def send(self, request: UpstreamRequest) -> UpstreamAnswer:
        self.asked += 1
        outcome = self.outcomes.popleft() if self.outcomes else None
        if outcome is not None:
            raise outcome
        return ANSWER


def guarded(upstream: Upstream, *, share: float = 0.0, open_s: float = 1000.0) -> GuardedUpstream:
    return GuardedUpstream(
        upstream,
        breaker=Breaker(failures_max=3, open_s=open_s),
        retries=RetryBudget(share=share, reserve=2.0),
        counts=EdgeCounts(),
    )


async def failing(upstream: GuardedUpstream, times: int, error: type[UpstreamError]) -> None:
    for _ in range(times):
        with pytest.raises(error):
            await upstream.send(GET)


@pytest.mark.parametrize("error", [UpstreamUnreachableError, UpstreamTimeoutError])
async def test_who_does_not_answer_is_left_alone(error: type[UpstreamError]):
    origin = Scripted(*[error("no")] * 3)
    upstream = guarded(origin)
    await failing(upstream, 3, error)
    await failing(upstream, 2, CircuitOpenError)
    assert origin.asked == 3


async def test_an_answer_in_between_begins_the_count_anew():
    no = UpstreamUnreachableError("no")
    upstream = guarded(Scripted(no, no, None, no, no, None))
    await failing(upstream, 2, UpstreamUnreachableError)
    assert await upstream.send(GET) is ANSWER
    await failing(upstream, 2, UpstreamUnreachableError)
    assert await upstream.send(GET) is ANSWER


@pytest.mark.parametrize("error", [UpstreamLostError, UpstreamProtocolError])
async def test_who_answers_badly_is_there(error: type[UpstreamError]):
    origin = Scripted(*[error("no")] * 20)
    upstream = guarded(origin)
    await failing(upstream, 5, error)
    assert origin.asked >= 5


async def test_after_a_while_one_request_finds_out():
    origin = Scripted(*[UpstreamUnreachableError("no")] * 4)
    upstream = guarded(origin, open_s=0.0)
    await failing(upstream, 4, UpstreamUnreachableError)
    assert await upstream.send(GET) is ANSWER
    assert origin.asked == 5


async def test_what_was_lost_is_sent_once_more():
    origin = Scripted(UpstreamLostError("lost"))
    assert await guarded(origin).send(GET) is ANSWER
    assert origin.asked == 2


async def test_what_was_lost_twice_is_an_error():
    origin = Scripted(*[UpstreamLostError("lost")] * 2)
    await failing(guarded(origin), 1, UpstreamLostError)
    assert origin.asked == 2


async def test_retries_are_a_share_of_all_requests():
    origin = Scripted(*[UpstreamLostError("lost")] * 100)
    await failing(guarded(origin, share=0.25), 20, UpstreamLostError)
    # Two were saved up, and each request pays a quarter of one.
    assert 20 + 2 + 4 <= origin.asked <= 20 + 2 + 5


async def content() -> AsyncIterator[bytes]:
    yield b"x"


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(UpstreamRequest("POST", "/a", CIMultiDict()), id="unsafe"),
        pytest.param(UpstreamRequest("PUT", "/a", CIMultiDict()), id="idempotent, but unsafe"),
        pytest.param(UpstreamRequest("GET", "/a", CIMultiDict(), content()), id="with content"),
    ],
)
async def test_what_may_have_had_an_effect_is_sent_once(request_: UpstreamRequest):
    origin = Scripted(UpstreamLostError("lost"))
    with pytest.raises(UpstreamLostError):
        await guarded(origin).send(request_)
    assert origin.asked == 1
