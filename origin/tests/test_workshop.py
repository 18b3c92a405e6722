from pathlib import Path

import pytest

from origin.adapters.memory_store import MemoryStore
from origin.tests.workshops import TextPackager, make_workshop
from origin.workshop import Packager
from packager.pool import PackagingPool


def test_a_pool_is_a_packager(tmp_path: Path):
    pool: Packager = PackagingPool(
        workers=1, memory_bytes_max=1 << 30, cpu_class=None, waiting_max=1
    )
    store = MemoryStore(size_max=1, clock=lambda: 0.0)
    for packager in (pool, TextPackager()):
        workshop = make_workshop(store, tmp_path, packager=packager)
        with pytest.raises(AttributeError):
            workshop.packager = pool  # type: ignore[misc]
