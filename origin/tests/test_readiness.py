import asyncio

from typing_extensions import override

from origin.adapters.memory_store import MemoryStore
from origin.errors import StoreReadOnlyError
from origin.ports import ObjectStore
from origin.readiness import Readiness, open_readiness
from origin.tests.workshops import BreakingStore


def memory() -> MemoryStore:
    return MemoryStore(size_max=1, clock=lambda: 0.0)


def readiness_of(store: ObjectStore, problem: str = "", limit_s: float = 5.0) -> Readiness:
    return Readiness(store, packager_problem=lambda: problem, limit_s=limit_s)


async def test_a_sound_origin_has_no_reason_not_to_be_ready():
    readiness = readiness_of(memory())
    await readiness.look()
    assert readiness.reasons() == {}


async def test_a_store_that_cannot_be_written_is_a_reason():
    error = StoreReadOnlyError("folder x")
    readiness = readiness_of(BreakingStore(memory(), writes=0, error=error))
    await readiness.look()
    assert set(readiness.reasons()) == {"store-read-only"}
    assert "Make store.folder" in readiness.reasons()["store-read-only"]


class HangingStore(MemoryStore):
    @override
    async def check(self) -> None:
        await asyncio.Event().wait()


async def test_a_store_that_does_not_answer_is_a_reason():
    readiness = readiness_of(HangingStore(size_max=1, clock=lambda: 0.0), limit_s=0.01)
    await readiness.look()
    assert set(readiness.reasons()) == {"store-slow"}


async def test_workers_that_do_not_start_are_a_reason():
    assert readiness_of(memory(), "no worker").reasons() == {"packager": "no worker"}


async def test_it_looks_until_the_block_is_left():
    looks = asyncio.Semaphore(0)

    class WatchedStore(MemoryStore):
        @override
        async def check(self) -> None:
            looks.release()

    async with open_readiness(
        WatchedStore(size_max=1, clock=lambda: 0.0), packager_problem=lambda: "", interval_s=0.001
    ) as readiness:
        for _ in range(3):
            await looks.acquire()
        assert readiness.reasons() == {}
