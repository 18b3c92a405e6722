"""Threads of the disk tier: in order, bounded, and left behind when a disk hangs."""

import asyncio
import threading

import pytest

from edge.disk.threads import Threads, finished


async def test_work_is_done_and_errors_come_out():
    threads = Threads(2, name="test")
    assert await threads.run(lambda: 6 * 7) == 42

    def fail() -> None:
        raise OSError(5, "sick")

    with pytest.raises(OSError, match="sick"):
        await threads.run(fail)
    assert threads.unfinished == 0
    threads.close()


async def test_no_more_threads_than_asked_for():
    threads = Threads(2, name="bounded")
    gate = threading.Event()
    names: set[str] = set()

    def work() -> None:
        names.add(threading.current_thread().name)
        gate.wait()

    futures = [threads.run(work) for _ in range(10)]
    assert threads.unfinished == 10
    gate.set()
    await asyncio.gather(*futures)
    assert names <= {"bounded-1", "bounded-2"}
    threads.close()


async def test_a_future_that_was_cancelled_is_not_told():
    threads = Threads(1, name="test")
    gate = threading.Event()
    future = threads.run(gate.wait)
    future.cancel()
    gate.set()
    await threads.run(lambda: None)
    assert future.cancelled()
    threads.close()


async def test_a_cancellation_waits_for_the_end_of_the_work():
    threads = Threads(1, name="test")
    gate, ended = threading.Event(), threading.Event()

    def work() -> None:
        gate.wait()
        ended.set()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(finished(threads.run(work)))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)
        assert not task.done()
        gate.set()
    assert ended.is_set()
    assert task.cancelled()
    threads.close()
