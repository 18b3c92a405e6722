"""Outcomes of first contacts: all who wait are told, and no answer is left open."""

import asyncio

import pytest

from edge.errors import UpstreamTimeoutError
from edge.outcomes import Contact, Learned, Uncacheable
from edge.ports import UpstreamAnswer
from edge.tests.making import representation_of


class OpenAnswer:
    """An answer whose end nobody has seen yet."""

    is_closed = False

    def close(self) -> None:
        self.is_closed = True


async def test_all_who_wait_are_told():
    contact = Contact()
    learned = Learned(representation_of(), 200)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(contact.outcome()) for _ in range(3)]
        await asyncio.sleep(0)
        contact.settle(learned)
    assert {id(task.result()) for task in tasks} == {id(learned)}


async def test_a_failure_reaches_all_who_wait_and_those_who_come_late():
    contact = Contact()
    waiting = asyncio.ensure_future(contact.outcome_for_leader())
    await asyncio.sleep(0)
    contact.fail(UpstreamTimeoutError("late"))
    for outcome in (waiting, contact.outcome()):
        with pytest.raises(UpstreamTimeoutError):
            await outcome


async def test_an_answer_for_a_leader_who_left_is_closed():
    for is_settled_first in (True, False):
        contact, answer = Contact(), OpenAnswer()
        outcome = Uncacheable("no-store", answer)  # type: ignore[arg-type]
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
    outcome = Uncacheable("no-store", answer)
    assert outcome.take() is answer
    assert outcome.take() is None
