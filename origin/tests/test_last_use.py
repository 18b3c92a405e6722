import pytest
from typing_extensions import override

from origin.adapters.memory_store import MemoryStore
from origin.errors import StoreError
from origin.last_use import TOUCHED_AFTER_S, LastUse, open_last_use
from origin.ports import ObjectHead
from origin.tests.workshops import BreakingStore

PUT_S = 1_700_000_000.0
FILE = "renditions/T/v/flac.mp4"
INDEX = "renditions/T/v/flac.json"


class Time:
    """What all clocks tell."""

    now_s = PUT_S

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def time() -> Time:
    return Time()


class CountingStore(BreakingStore):
    """Counts what it is asked, and fails while it is told to."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store, writes=99, error=StoreError("never"))
        self.heads: list[str] = []
        self.touched: list[str] = []
        self.is_failing = False

    @override
    async def head(self, key: str) -> ObjectHead | None:
        self.heads.append(key)
        return await super().head(key)

    @override
    async def touch(self, key: str) -> None:
        if self.is_failing:
            raise StoreError("away")
        self.touched.append(key)
        await super().touch(key)


@pytest.fixture
async def store(time: Time) -> CountingStore:
    memory = MemoryStore(size_max=1 << 20, clock=time)
    for key in (FILE, INDEX):
        await memory.put(key, b"content")
    return CountingStore(memory)


async def use(store: CountingStore, last_use: LastUse, *keys: str) -> list[str]:
    """Use a rendition; returns what was touched for it."""
    before = len(store.touched)
    last_use.note(keys)
    await last_use.settle()
    return store.touched[before:]


async def test_what_is_used_is_touched_once_a_day(store: CountingStore, time: Time):
    async with open_last_use(store, clock=time, monotonic=time) as last_use:
        assert await use(store, last_use, FILE, INDEX) == [], "it was put today"
        time.now_s += TOUCHED_AFTER_S + 1
        assert await use(store, last_use, FILE, INDEX) == [FILE, INDEX]
        assert await use(store, last_use, FILE, INDEX) == []
        head = await store.head(FILE)
        assert head is not None
        assert head.modified_s == time.now_s
        looks = len(store.heads)
        time.now_s += TOUCHED_AFTER_S - 1
        assert await use(store, last_use, FILE, INDEX) == []
        assert len(store.heads) == looks, "the store is asked once a day"
        time.now_s += 2
        assert await use(store, last_use, FILE, INDEX) == [FILE, INDEX]


async def test_what_another_process_has_touched_is_left_alone(store: CountingStore, time: Time):
    time.now_s += TOUCHED_AFTER_S + 1
    async with (
        open_last_use(store, clock=time, monotonic=time) as one,
        open_last_use(store, clock=time, monotonic=time) as other,
    ):
        assert await use(store, one, FILE, INDEX) == [FILE, INDEX]
        assert await use(store, other, FILE, INDEX) == []


async def test_what_is_gone_is_not_missed(store: CountingStore, time: Time):
    async with open_last_use(store, clock=time, monotonic=time) as last_use:
        assert await use(store, last_use, "renditions/T/v/gone.mp4", "renditions/T/v/gone") == []


async def test_a_store_that_fails_is_tried_for_the_next_rendition(store: CountingStore, time: Time):
    time.now_s += TOUCHED_AFTER_S + 1
    store.is_failing = True
    async with open_last_use(store, clock=time, monotonic=time) as last_use:
        assert await use(store, last_use, FILE) == []
        store.is_failing = False
        assert await use(store, last_use, INDEX) == [INDEX]


async def test_what_waits_and_what_is_remembered_is_bounded(store: CountingStore, time: Time):
    idle = LastUse(store, clock=time, monotonic=time)

    names = [f"renditions/{number}" for number in range(30_000)]
    for name in names:
        idle.note((name,))
    async with open_last_use(store, clock=time, monotonic=time) as busy:
        for name in names:
            busy.note((name,))
            await busy.settle()
        looks = len(store.heads)
        busy.note(("renditions/29999",))
        await busy.settle()
        assert len(store.heads) == looks
        busy.note(("renditions/0",))
        await busy.settle()
        assert len(store.heads) == looks + 1, "what was noted long ago is forgotten"
