import asyncio
import logging

import pytest

from config.tasks import open_tasks


async def test_tasks_end_with_the_block():
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with open_tasks() as tasks:
        tasks.start(work())
        await asyncio.sleep(0)
    assert ended.is_set()


async def test_an_error_of_the_block_comes_out_as_itself():
    with pytest.raises(KeyError):
        async with open_tasks():
            raise KeyError


async def test_an_error_of_a_task_ends_the_block():
    async def fail() -> None:
        raise KeyError

    with pytest.raises(ExceptionGroup) as raised:
        async with open_tasks() as tasks:
            tasks.start(fail())
            await asyncio.Event().wait()
    assert raised.value.subgroup(KeyError)


async def test_work_that_fails_is_begun_anew_until_it_is_done(caplog: pytest.LogCaptureFixture):
    begun, done = list[str](), asyncio.Event()

    async def work() -> None:
        begun.append("once more")
        if len(begun) < 3:
            raise KeyError
        done.set()

    async with asyncio.timeout(5), open_tasks() as tasks:
        tasks.keep(work, "a watch")
        await done.wait()
    assert len(begun) == 3
    assert [(one.levelno, vars(one)["task"]) for one in caplog.records] == [
        (logging.ERROR, "a watch"),
        (logging.ERROR, "a watch"),
    ]
    assert vars(caplog.records[0])["again_in_s"] < vars(caplog.records[1])["again_in_s"]


async def test_work_that_is_to_go_on_ends_with_the_block_all_the_same():
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with open_tasks() as tasks:
        tasks.keep(work, "a watch")
        await asyncio.sleep(0)
    assert ended.is_set()
