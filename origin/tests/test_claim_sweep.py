import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from origin.adapters.folder_store import open_folder_store
from origin.adapters.memory_store import MemoryStore
from origin.claim_sweep import ClaimSweep, open_claim_sweep
from origin.claims import Claims
from origin.errors import StoreError
from origin.ports import ObjectStore
from origin.tests.s3 import S3Server, open_bucket, s3_settings
from origin.tests.workshops import BreakingStore, keys_in

# Short enough to wait for; long enough for three renewals on a busy machine.
LEASE_S = 0.6

DEAD = "package/T/v/flac"
ALIVE = "package/T/v/aac-96"


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.socket)])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ObjectStore]:
    if request.param == "folder":
        async with open_folder_store(tmp_path / "store") as opened:
            yield opened
    else:
        server: S3Server = request.getfixturevalue("s3_server")
        async with open_bucket(s3_settings(server), tmp_path) as bucket:
            yield bucket


def claims_of(store: ObjectStore, owner: str, lease_s: float = LEASE_S) -> Claims:
    return Claims(store, owner=owner, lease_s=lease_s, monotonic=asyncio.get_running_loop().time)


async def test_claims_of_the_dead_go_and_those_of_the_living_stay(store: ObjectStore):
    dead = claims_of(store, "dead")
    assert await dead.take(DEAD) is not None
    assert await dead.take("uploads/1") is not None
    async with claims_of(store, "alive").hold(ALIVE):
        assert await ClaimSweep(store, claims_of(store, "sweeper")).sweep() == 2
        assert await keys_in(store) == [f"claims/{ALIVE}.json"]
    assert await keys_in(store) == []


async def test_two_who_sweep_do_each_other_no_harm(store: ObjectStore):
    assert await claims_of(store, "dead").take(DEAD) is not None
    counts = await asyncio.gather(
        *(ClaimSweep(store, claims_of(store, owner)).sweep() for owner in "ab")
    )
    assert sum(counts) == 1
    assert await keys_in(store) == []


async def test_an_origin_sweeps_when_it_starts(tmp_path: Path):
    async with open_folder_store(tmp_path) as store:
        assert await claims_of(store, "dead", 0.03).take(DEAD) is not None
        async with asyncio.timeout(5), open_claim_sweep(store, claims_of(store, "b", 0.03)):
            while await keys_in(store):
                pass


async def test_what_cannot_be_removed_keeps_nothing_else(caplog: pytest.LogCaptureFixture):
    memory = MemoryStore(size_max=1 << 20, clock=lambda: 0.0)
    for name in (DEAD, ALIVE):
        assert await claims_of(memory, "dead").take(name) is not None
    await memory.put("claims/too-large.json", bytes(10_000))
    await memory.put("claims/no-claim", b"")
    store = BreakingStore(memory, writes=0, error=StoreError("full"))
    assert await ClaimSweep(store, claims_of(store, "b", 0.03)).sweep() == 1
    left = ["claims/no-claim", f"claims/{ALIVE}.json", "claims/too-large.json"]
    assert await keys_in(memory) == left
    assert "a claim is not looked at" in caplog.messages
