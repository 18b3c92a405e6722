import asyncio

from typing_extensions import override

from origin.adapters.memory_store import MemoryStore
from origin.errors import ObjectDamagedError
from origin.intake.event_log import EVENTS_KEPT_MAX, EventLog
from origin.intake.tests.services import Clock, keys_in, make_store
from origin.ports import StoredObject


async def test_events_are_numbered_without_a_gap_by_all_processes():
    store = make_store()
    logs = [EventLog(store) for _ in range(3)]
    numbers = await asyncio.gather(
        *(logs[index % 3].append("nebula", {"index": index}) for index in range(12))
    )
    assert sorted(numbers) == list(range(1, 13))
    events = await EventLog(store).read("nebula", after=0, limit=100)
    assert [one.number for one in events] == list(range(1, 13))
    assert [one.number for one in await logs[0].read("nebula", after=10, limit=1)] == [11]


async def test_labels_have_events_of_their_own():
    log = EventLog(make_store())
    assert await log.append("nebula", {}) == 1
    assert await log.append("", {}) == 1
    assert await log.newest("quasar") == 0
    assert set(await log.labels()) == {"_", "nebula"}


class DamagedStore(MemoryStore):
    """The store has lost bytes of the second event."""

    @override
    async def read(self, key: str, *, size_max: int) -> StoredObject:
        if key.endswith("2.json"):
            raise ObjectDamagedError(key, "its SHA-256 is another one")
        return await super().read(key, size_max=size_max)


async def test_a_damaged_event_does_not_hide_those_behind_it():
    log = EventLog(DamagedStore(size_max=1 << 20, clock=Clock()))
    for _ in range(3):
        await log.append("nebula", {})
    assert [one.number for one in await log.read("nebula", after=0, limit=10)] == [1, 3]


async def test_old_events_expire_and_numbers_are_not_used_again():
    clock = Clock()
    store = make_store(clock)
    log = EventLog(store)
    for _ in range(3):
        await log.append("nebula", {})
    clock.now_s += 10
    await log.expire("nebula", before_s=clock.now_s)
    assert await keys_in(store) == [f"events/nebula/{3:016d}.json"]
    assert await EventLog(store).append("nebula", {}) == 4
    await log.expire("nebula", before_s=clock.now_s - 20)
    assert len(await keys_in(store)) == 2


async def test_no_more_events_are_kept_than_there_may_be():
    store = make_store()
    first = EventLog(store)
    await first.append("", {})
    await store.put(f"events/_/{EVENTS_KEPT_MAX + 1:016d}.json", b"{}")
    await first.expire("_", before_s=0)
    assert await keys_in(store) == [f"events/_/{EVENTS_KEPT_MAX + 1:016d}.json"]


async def test_who_waits_is_woken_by_an_event():
    log = EventLog(make_store())
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        waiting = group.create_task(log.wait(60))
        await asyncio.sleep(0)
        assert not waiting.done()
        await log.append("", {})
    await log.wait(0.001)  # Nothing more comes, and nobody waits longer than he wants to.
