"""Claims on two stores, by a clock that the tests set."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typing_extensions import override

from origin.adapters.folder_store import open_folder_store
from origin.adapters.memory_store import MemoryStore
from origin.claims import Claims, ClaimState
from origin.errors import ClaimLostError, StoreError, StoreFullError
from origin.ports import ObjectHead, ObjectStore, PutCondition
from origin.tests.workshops import BreakingStore, keys_in

LEASE_S = 15.0
NAME = "package/T/v/flac"
KEY = f"claims/{NAME}.json"

# Short enough to wait for.
SHORT_S = 0.03


@dataclass
class ManualClock:
    now_s: float = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture(params=["memory", "folder"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ObjectStore]:
    if request.param == "memory":
        yield MemoryStore(size_max=1 << 20, clock=lambda: 0.0)
        return
    async with open_folder_store(tmp_path / "store") as opened:
        yield opened


class RepeatingStore(BreakingStore):
    """Puts everything twice, as if the first answer had been lost."""

    @override
    async def put(
        self,
        key: str,
        source: bytes | Path,
        *,
        sha256: str | None = None,
        condition: PutCondition | None = None,
    ) -> ObjectHead:
        await super().put(key, source, sha256=sha256, condition=condition)
        return await super().put(key, source, sha256=sha256, condition=condition)


def claims_of(store: ObjectStore, owner: str, clock: ManualClock | None = None) -> Claims:
    return Claims(store, owner=owner, lease_s=LEASE_S, monotonic=clock or ManualClock())


def fast_claims_of(store: ObjectStore, owner: str, clock: ManualClock | None = None) -> Claims:
    """Claims with a lease that can be waited for; with a clock it may be as late as it likes."""
    monotonic = clock or asyncio.get_running_loop().time
    return Claims(store, owner=owner, lease_s=SHORT_S, monotonic=monotonic)


async def test_a_claim_belongs_to_one(store: ObjectStore):
    first = await claims_of(store, "a").take(NAME)
    assert first is not None
    others = claims_of(store, "b")
    assert await others.take(NAME) is None
    assert await others.take("package/T/v/aac-96") is not None
    await first.release()
    assert await others.take(NAME) is not None


async def test_two_who_race_for_a_claim_do_not_both_get_it(store: ObjectStore):
    taken = await asyncio.gather(*(claims_of(store, owner).take(NAME) for owner in "abcdefgh"))
    assert len([claim for claim in taken if claim is not None]) == 1


async def test_what_a_holder_tells_is_seen_with_the_next_renewal(store: ObjectStore):
    claim = await claims_of(store, "a").take(NAME)
    assert claim is not None
    claim.tell(0.5)
    others = claims_of(store, "b")
    assert await others.peek(NAME) == ClaimState("a", 0.0)
    await claim.renew()
    assert await others.peek(NAME) == ClaimState("a", 0.5)
    await claim.release()
    assert await others.peek(NAME) is None


async def test_a_dead_holder_is_relieved_after_a_whole_lease_of_the_watchers(store: ObjectStore):
    assert await claims_of(store, "dead").take(NAME) is not None
    clock = ManualClock()
    claims = claims_of(store, "b", clock)
    assert await claims.take(NAME) is None
    clock.now_s += LEASE_S - 0.1
    assert await claims.take(NAME) is None
    clock.now_s += 0.1
    assert await claims.take(NAME) is not None
    assert await claims.peek(NAME) == ClaimState("b", 0.0)


async def test_a_renewal_begins_the_lease_anew(store: ObjectStore):
    held = await claims_of(store, "a").take(NAME)
    assert held is not None
    clock = ManualClock()
    claims = claims_of(store, "b", clock)
    for _ in range(5):
        assert await claims.take(NAME) is None
        clock.now_s += LEASE_S - 1
        await held.renew()


async def test_of_two_who_relieve_a_dead_holder_one_has_the_claim(store: ObjectStore):
    assert await claims_of(store, "dead").take(NAME) is not None
    clock = ManualClock()
    both = [claims_of(store, owner, clock) for owner in "bc"]
    assert [await claims.take(NAME) for claims in both] == [None, None]
    clock.now_s += LEASE_S
    taken = await asyncio.gather(*(claims.take(NAME) for claims in both))
    assert len([claim for claim in taken if claim is not None]) == 1


async def test_a_holder_that_was_too_slow_learns_it_and_harms_nobody(store: ObjectStore):
    slow = await claims_of(store, "slow").take(NAME)
    assert slow is not None
    clock = ManualClock()
    claims = claims_of(store, "b", clock)
    assert await claims.take(NAME) is None
    clock.now_s += LEASE_S
    assert await claims.take(NAME) is not None
    with pytest.raises(ClaimLostError, match=NAME):
        await slow.renew()
    await slow.release()
    assert await claims.peek(NAME) == ClaimState("b", 0.0)


async def test_a_claim_is_held_while_the_block_runs(store: ObjectStore):
    claims = fast_claims_of(store, "a", ManualClock())
    watcher = fast_claims_of(store, "b", ManualClock())
    async with claims.hold(NAME) as claim:
        claim.tell(0.25)
        async with asyncio.timeout(20):
            while await watcher.peek(NAME) != ClaimState("a", 0.25):
                assert await watcher.take(NAME) is None
                await asyncio.sleep(SHORT_S / 4)
    assert await keys_in(store) == []


async def test_whoever_waits_is_told_of_the_work_and_gets_the_claim_after_it(store: ObjectStore):
    told: list[ClaimState] = []
    waits, done = asyncio.Event(), asyncio.Event()

    def note(state: ClaimState) -> None:
        told.append(state)
        waits.set()

    async def wait() -> None:
        async with fast_claims_of(store, "b", ManualClock()).hold(NAME, on_wait=note):
            done.set()

    async with asyncio.TaskGroup() as group:
        async with fast_claims_of(store, "a", ManualClock()).hold(NAME):
            group.create_task(wait())
            await waits.wait()
            assert not done.is_set()
        async with asyncio.timeout(20):
            await done.wait()
    assert {state.owner for state in told} == {"a"}
    assert await keys_in(store) == []


async def test_whoever_waits_for_a_dead_holder_relieves_it(store: ObjectStore):
    assert await fast_claims_of(store, "dead").take(NAME) is not None
    async with asyncio.timeout(20), fast_claims_of(store, "b").hold(NAME) as claim:
        assert claim.name == NAME


async def test_a_block_that_loses_its_claim_ends(store: ObjectStore):
    with pytest.raises(ClaimLostError):
        async with asyncio.timeout(20), fast_claims_of(store, "a").hold(NAME):
            await store.put(KEY, b"somebody else's")
            await asyncio.Event().wait()
    assert (await store.read(KEY, size_max=99)).content == b"somebody else's"


async def test_a_cancelled_block_releases_its_claim(store: ObjectStore):
    is_held = asyncio.Event()

    async def hold() -> None:
        async with claims_of(store, "a").hold(NAME):
            is_held.set()
            await asyncio.Event().wait()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(hold())
        await is_held.wait()
        task.cancel()
    assert await keys_in(store) == []


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(asyncio.CancelledError(), id="cancelled"),
        pytest.param(StoreError("no answer"), id="no answer"),
    ],
)
async def test_a_put_that_was_done_all_the_same_leaves_no_claim(
    store: ObjectStore, error: BaseException
):
    late = BreakingStore(store, writes=0, error=error, is_late=True)
    with pytest.raises(type(error)):
        await claims_of(late, "a").take(NAME)
    assert await keys_in(store) == []


async def test_an_error_of_the_block_comes_out_as_it_is(store: ObjectStore):
    with pytest.raises(KeyError):
        async with claims_of(store, "a").hold(NAME):
            raise KeyError
    assert await keys_in(store) == []


async def test_a_store_that_fails_at_the_first_put_is_told(store: ObjectStore):
    breaking = BreakingStore(store, writes=0, error=StoreFullError("full"))
    with pytest.raises(StoreFullError):
        async with claims_of(breaking, "a").hold(NAME):
            pass


async def test_a_put_that_was_done_twice_is_still_ours(store: ObjectStore):
    """An adapter that tries again may meet what it has put itself."""
    breaking = RepeatingStore(store, writes=99, error=StoreError("never"))
    claim = await claims_of(breaking, "a").take(NAME)
    assert claim is not None
    await claim.renew()
    await claim.release()
    assert await keys_in(store) == []


async def test_a_claim_that_cannot_be_renewed_for_a_lease_is_given_up(store: ObjectStore):
    breaking = BreakingStore(store, writes=1, error=StoreError("away"))
    breaking.is_broken_for_good = True
    with pytest.raises(ClaimLostError):
        async with asyncio.timeout(20), fast_claims_of(breaking, "a").hold(NAME):
            await asyncio.Event().wait()


async def test_a_claim_that_nobody_can_read_ends_with_its_lease(store: ObjectStore):
    await store.put(KEY, b"{")
    clock = ManualClock()
    claims = claims_of(store, "a", clock)
    assert await claims.take(NAME) is None
    assert await claims.peek(NAME) == ClaimState("", 0.0)
    clock.now_s += LEASE_S
    assert await claims.take(NAME) is not None
