"""First contacts: what goes upstream, and who waits for whom."""

import asyncio

import pytest

from edge.contacts import Contact, Learned, Uncacheable, range_key
from edge.errors import UpstreamTimeoutError
from edge.ports import UpstreamAnswer
from edge.tests.conftest import Node, content_of, open_node
from edge.tests.making import representation_of
from edge.tests.scripted_origin import Resource, ScriptedOrigin

SLICE = 256 * 1024
BODY = content_of(20 * SLICE)


class OpenAnswer:
    """An answer whose end nobody has seen yet."""

    is_closed = False

    def close(self) -> None:
        self.is_closed = True


@pytest.mark.socket
@pytest.mark.parametrize(
    ("value", "sent"),
    [
        pytest.param("bytes=0-0", f"bytes=0-{SLICE - 1}", id="first slice"),
        pytest.param(f"bytes={SLICE - 1}-{SLICE}", f"bytes=0-{2 * SLICE - 1}", id="two slices"),
        pytest.param(
            f"bytes={2 * SLICE}-", f"bytes={2 * SLICE}-{18 * SLICE - 1}", id="open, up to a run"
        ),
        pytest.param("bytes=-5", "bytes=0-0", id="suffix: the length first"),
        pytest.param("bytes=0-1,4-5", None, id="several: the whole"),
    ],
)
async def test_what_goes_upstream_first(node: Node, value: str, sent: str | None):
    node.origin.resources["/a"] = Resource(BODY)
    await node.ask("/a", headers={"Range": value})
    assert node.origin.ranges()[0] == sent


@pytest.mark.socket
async def test_waiting_is_bounded_by_the_number_of_fills(origin: ScriptedOrigin):
    async with open_node(origin, limits={"fills_max": 2}) as node:
        for n in range(6):
            origin.resources[f"/{n}"] = Resource(BODY[: SLICE * 2])
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(node.ask(f"/{n}")) for n in range(6)]
        assert {task.result().status for task in tasks} == {200}


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


def test_ranges_are_remembered_apart():
    assert not range_key("/a").startswith("/")
