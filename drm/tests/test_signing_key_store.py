import asyncio
import contextlib
import sqlite3
from pathlib import Path

import pytest

from drm.errors import SigningKeyError, VaultDamagedError, VaultUnavailableError
from drm.key_vault import KeyVault
from drm.signing_key_store import SigningKeyStore
from drm.signing_keys import KEYS_MAX
from drm.tests.conftest import NOW_S, ManualClock


@pytest.fixture
def store(vault: KeyVault, clock: ManualClock) -> SigningKeyStore:
    return SigningKeyStore(vault, clock=clock)


async def test_the_first_key_is_made_once(store: SigningKeyStore):
    first, *others = await asyncio.gather(*(store.live() for _ in range(4)))
    assert len(first.keys) == 1
    assert all(live == first for live in others)


async def test_the_newest_key_signs_and_all_verify(store: SigningKeyStore, clock: ManualClock):
    first = (await store.live()).keys[0]
    clock.now_s += 10
    newest = await store.rotate()
    live = await store.live()
    assert live.keys == (first, newest)
    assert live.signing_key(now_s=clock.now_s, lead_s=0) == newest.key
    assert live.key_set().keys.keys() == {first.key.kid, newest.key.kid}


async def test_a_new_key_signs_when_edges_have_had_time_to_fetch_it(
    store: SigningKeyStore, clock: ManualClock
):
    first = (await store.live()).keys[0]
    clock.now_s += 1000
    newest = await store.rotate()
    live = await store.live()
    assert live.signing_key(now_s=clock.now_s + 299, lead_s=300) == first.key
    assert live.signing_key(now_s=clock.now_s + 300, lead_s=300) == newest.key
    assert live.signing_key(now_s=NOW_S, lead_s=300) == first.key


async def test_a_retired_key_verifies_nothing_any_more(store: SigningKeyStore):
    first = (await store.live()).keys[0]
    newest = await store.rotate()
    await store.retire(first.key.kid)
    assert (await store.live()).keys == (newest,)


async def test_the_only_key_and_an_unknown_one_cannot_be_retired(store: SigningKeyStore):
    only = (await store.live()).keys[0]
    with pytest.raises(SigningKeyError, match="rotate first"):
        await store.retire(only.key.kid)
    await store.rotate()
    with pytest.raises(SigningKeyError, match="no live signing key"):
        await store.retire("unknown")
    assert len((await store.live()).keys) == 2


async def test_there_are_never_more_keys_than_edges_take(store: SigningKeyStore):
    await store.live()
    for _ in range(KEYS_MAX - 1):
        await store.rotate()
    with pytest.raises(SigningKeyError, match="retire"):
        await store.rotate()
    assert len((await store.live()).keys) == KEYS_MAX


async def test_the_revocation_epoch_moves_forward_only(store: SigningKeyStore):
    await store.live()
    epoch_s = int(NOW_S) - 100
    await store.revoke_before(epoch_s)
    await store.revoke_before(epoch_s - 100)
    assert (await store.live()).not_issued_before_s == epoch_s
    assert (await store.live()).key_set().not_issued_before_s == epoch_s
    with pytest.raises(SigningKeyError, match="future"):
        await store.revoke_before(int(NOW_S) + 1)


async def test_the_change_mark_tells_of_a_rotation(store: SigningKeyStore):
    await store.live()
    before = await store.change_mark()
    assert await store.change_mark() == before
    await store.rotate()
    assert await store.change_mark() != before


async def test_a_key_under_another_kid_is_damage(store: SigningKeyStore, database: Path):
    await store.live()
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE signing_keys SET kid = 'AAAAAAAAAAAAAAAA'")
    with pytest.raises(VaultDamagedError):
        await store.live()


async def test_a_vault_without_its_own_row_is_not_used(store: SigningKeyStore, database: Path):
    await store.live()
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DELETE FROM vault")
    with pytest.raises(VaultUnavailableError, match="backup"):
        await store.live()
