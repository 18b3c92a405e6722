import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from typing_extensions import override

from origin.adapters.memory_store import MemoryStore
from origin.errors import ObjectMissingError
from origin.local_masters import LocalMasters

KEY = "masters/T/ab.flac"


class CountingStore(MemoryStore):
    """Counts the copies that were asked for and are still there."""

    def __init__(self) -> None:
        super().__init__(size_max=1000, clock=lambda: 0.0)
        self.opened = 0
        self.open_now = 0

    @contextlib.asynccontextmanager
    @override
    async def open_local(self, key: str) -> AsyncIterator[Path]:
        self.opened += 1
        async with super().open_local(key) as path:
            self.open_now += 1
            try:
                yield path
            finally:
                self.open_now -= 1


@pytest.fixture
async def store() -> CountingStore:
    store = CountingStore()
    await store.put(KEY, b"tone")
    return store


async def test_jobs_at_the_same_time_share_one_copy(store: CountingStore, tmp_path: Path):
    masters = LocalMasters(store)
    both = asyncio.Barrier(3)

    async def read() -> bytes:
        async with masters.opening(KEY, tmp_path) as path:
            await both.wait()
            return path.read_bytes()

    assert await asyncio.gather(*(read() for _ in range(3))) == [b"tone"] * 3
    assert (store.opened, store.open_now) == (1, 0)
    async with masters.opening(KEY, tmp_path):
        assert (store.opened, store.open_now) == (2, 1)


async def test_a_master_that_is_missing_is_told_to_each(store: CountingStore, tmp_path: Path):
    masters = LocalMasters(store)
    for _ in range(2):
        with pytest.raises(ObjectMissingError):
            async with masters.opening("masters/T/cd.flac", tmp_path):
                pass
    assert store.opened == 2


async def test_what_is_lent_is_used_and_outlives_its_owner(store: CountingStore, tmp_path: Path):
    masters = LocalMasters(store)
    lent, folder = tmp_path / "lent", tmp_path / "job"
    lent.write_bytes(b"tone")
    folder.mkdir()
    with masters.lending(KEY, lent):
        async with masters.opening(KEY, folder) as path:
            lent.unlink()
            assert path.read_bytes() == b"tone"
        lent.write_bytes(b"tone")
    assert store.opened == 0
    async with masters.opening(KEY, folder) as path:
        assert path.read_bytes() == b"tone"
    assert store.opened == 1


async def test_what_is_lent_and_gone_comes_from_the_store(store: CountingStore, tmp_path: Path):
    masters = LocalMasters(store)
    with masters.lending(KEY, tmp_path / "gone"):
        async with masters.opening(KEY, tmp_path) as path:
            assert path.read_bytes() == b"tone"
    assert store.opened == 1


async def test_two_may_lend_the_same_master(store: CountingStore, tmp_path: Path):
    masters = LocalMasters(store)
    for name in "ab":
        (tmp_path / name).write_bytes(b"tone")
    first, second = (masters.lending(KEY, tmp_path / name) for name in "ab")
    with first:
        with second:
            pass
        (tmp_path / "b").unlink()
        async with masters.opening(KEY, tmp_path) as path:
            assert path.read_bytes() == b"tone"
    assert store.opened == 0
