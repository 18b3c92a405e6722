import asyncio

import pytest

from origin.turns import Turn, Turns
from packager.errors import PoolBusyError
from packager.priority import Priority


class Stage:
    """Jobs that work until they are let go, in the order in which they were let in."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.working: list[str] = []
        self.ends: dict[str, asyncio.Event] = {}

    async def work(self, name: str, turn: Turn) -> None:
        self.ends[name] = asyncio.Event()
        async with self.turns.taking(turn):
            self.working.append(name)
            await self.ends[name].wait()
        self.working.remove(name)


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_listeners_go_first_and_one_of_them_beside_the_others():
    stage = Stage(Turns(places=1, waiting_max=9))
    async with asyncio.TaskGroup() as group:
        for name, priority in (
            ("a", Priority.INGEST),
            ("b", Priority.INGEST),
            ("c", Priority.OPERATOR),
            ("d", Priority.LISTENER),
            ("e", Priority.LISTENER),
        ):
            group.create_task(stage.work(name, Turn(priority)))
        await settle()
        assert stage.working == ["a", "d"]
        order: list[str] = []
        while stage.working:
            order.append(stage.working[0])
            stage.ends[order[-1]].set()
            await settle()
    assert order == ["a", "d", "e", "c", "b"]


async def test_a_job_that_is_hastened_is_let_in_before_those_that_came_earlier():
    turns = Turns(places=1, waiting_max=9)
    stage = Stage(turns)
    waiting = {name: Turn(Priority.INGEST) for name in "abcd"}
    async with asyncio.TaskGroup() as group:
        for name, turn in waiting.items():
            group.create_task(stage.work(name, turn))
        await settle()
        turns.hasten(waiting["d"], Priority.OPERATOR)
        turns.hasten(waiting["a"], Priority.LISTENER)  # Works already.
        turns.hasten(waiting["d"], Priority.INGEST)  # Nobody is moved back.
        stage.ends["a"].set()
        await settle()
        assert stage.working == ["d"]
        turns.hasten(waiting["c"], Priority.LISTENER)
        await settle()
        assert stage.working == ["d", "c"]
        for end in stage.ends.values():
            end.set()
    assert stage.working == []


async def test_a_turn_that_is_given_up_is_passed_on():
    turns = Turns(places=1, waiting_max=9)
    stage = Stage(turns)
    async with asyncio.TaskGroup() as group:
        tasks = {name: group.create_task(stage.work(name, Turn(Priority.INGEST))) for name in "abc"}
        await settle()
        tasks["b"].cancel()
        tasks["a"].cancel()
        await settle()
        assert stage.working[-1] == "c"
        stage.ends["c"].set()


async def test_more_than_may_wait_are_refused():
    turns = Turns(places=1, waiting_max=1)
    stage = Stage(turns)
    async with asyncio.TaskGroup() as group:
        first, second = (
            group.create_task(stage.work(name, Turn(Priority.INGEST))) for name in "ab"
        )
        await settle()
        with pytest.raises(PoolBusyError):
            await stage.work("c", Turn(Priority.INGEST))
        first.cancel()
        second.cancel()


async def test_a_job_keeps_its_place_if_there_is_no_room_ahead():
    turns = Turns(places=1, waiting_max=1)
    stage = Stage(turns)
    last = Turn(Priority.INGEST)
    async with asyncio.TaskGroup() as group:
        for name, turn in (
            ("a", Turn(Priority.INGEST)),
            ("b", Turn(Priority.LISTENER)),
            ("c", Turn(Priority.LISTENER)),
            ("d", last),
        ):
            group.create_task(stage.work(name, turn))
        await settle()
        turns.hasten(last, Priority.LISTENER)
        for name in "abcd":
            stage.ends[name].set()
    assert stage.working == []
