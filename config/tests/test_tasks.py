import asyncio

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
