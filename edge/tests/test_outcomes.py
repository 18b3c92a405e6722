"""Outcomes of first contacts: all who wait are told, and no answer is left open."""

import asyncio

import pytest

from edge.errors import UpstreamTimeoutError
from edge.outcomes import Contact, Learned, Uncacheable
from edge.ports import UpstreamAnswer
from edge.tests.making import representation_of
from edge.upstream_answers import Asked
from http_semantics.byte_range import ByteSlice


class OpenAnswer:
    """An answer whose end nobody has seen yet."""

    is_closed = False

    def close(self) -> None:
        self.is_closed = True


async def test_all_who_wait_are_told():
    contact = Contact(Asked())
    learned = Learned(representation_of(), 200)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(contact.outcome()) for _ in range(3)]
        await asyncio.sleep(0)
        contact.settle(learned)
    assert {id(task.result()) for task in tasks} == {id(learned)}


async def test_a_failure_reaches_all_who_wait_and_those_who_come_late():
    contact = Contact(Asked())
    waiting = asyncio.ensure_future(contact.outcome_for_leader())
    await asyncio.sleep(0)
    contact.fail(UpstreamTimeoutError("late"))
    for outcome in (waiting, contact.outcome()):
        with pytest.raises(UpstreamTimeoutError):
            await outcome


async def test_an_answer_for_a_leader_who_left_is_closed():
    for is_settled_first in (True, False):
        contact, answer = Contact(Asked()), OpenAnswer()
        outcome = Uncacheable("no-store", 200, answer)  # type: ignore[arg-type]
        leader = asyncio.ensure_future(contact.outcome_for_leader())
        await asyncio.sleep(0)
        if is_settled_first:
            contact.settle(outcome)
        leader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leader
        if not is_settled_first:
            contact.settle(outcome)
        assert answer.is_closed


def test_an_answer_is_taken_once():
    answer: UpstreamAnswer = OpenAnswer()  # type: ignore[assignment]
    outcome = Uncacheable("no-store", 200, answer)
    assert outcome.take() is answer
    assert outcome.take() is None


@pytest.mark.parametrize(
    ("mine", "asked", "expected"),
    [
        pytest.param(Asked(), Asked(), True, id="both the whole"),
        pytest.param(Asked(), Asked(ByteSlice(900, 1000)), True, id="the whole has every part"),
        pytest.param(Asked(ByteSlice(0, 100)), Asked(), False, id="a part has not the whole"),
        pytest.param(
            Asked(ByteSlice(0, 100)), Asked(ByteSlice(99, 150)), True, id="begins within mine"
        ),
        pytest.param(
            Asked(ByteSlice(0, 100)), Asked(ByteSlice(100, 150)), False, id="begins behind mine"
        ),
        pytest.param(Asked(suffix_length=5), Asked(suffix_length=5), True, id="same end"),
        pytest.param(Asked(suffix_length=5), Asked(suffix_length=6), False, id="longer end"),
        pytest.param(Asked(suffix_length=5), Asked(ByteSlice(0, 1)), False, id="end and part"),
    ],
)
async def test_who_waits_for_whom(mine: Asked, asked: Asked, *, expected: bool):
    assert Contact(mine).is_answer_to(asked, None) is expected
    stale = representation_of()
    assert Contact(mine, stale=stale).is_answer_to(asked, stale)
