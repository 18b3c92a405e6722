import asyncio
import contextlib
import sqlite3
from pathlib import Path

from typing_extensions import override

from drm.key_vault import KeyVault
from drm.key_wrap import KeyEncryptionKey
from drm.readiness import Readiness, open_readiness


async def test_trouble_is_told_and_forgotten_when_it_is_over(vault: KeyVault, database: Path):
    readiness = Readiness(vault, limit_s=5)
    assert readiness.reasons() == {}
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("ALTER TABLE vault RENAME TO gone")
        await readiness.look()
        assert list(readiness.reasons()) == ["vault-unavailable"]
        connection.execute("ALTER TABLE gone RENAME TO vault")
    await readiness.look()
    assert readiness.reasons() == {}


async def test_a_vault_that_does_not_answer_in_time_is_not_ready(vault: KeyVault):
    readiness = Readiness(vault, limit_s=0)
    await readiness.look()
    assert list(readiness.reasons()) == ["vault-slow"]


async def test_it_looks_until_the_block_is_left_and_not_when_it_is_asked(
    vault: KeyVault, kek: KeyEncryptionKey
):
    looks = asyncio.Semaphore(0)
    counted = 0

    class WatchedVault(KeyVault):
        @override
        async def ping(self) -> None:
            nonlocal counted
            counted += 1
            looks.release()

    watched = WatchedVault(vault.database, kek, clock=lambda: 0.0)
    async with open_readiness(watched, interval_s=0.001) as readiness:
        for _ in range(3):
            await looks.acquire()
        before = counted
        for _ in range(100):
            assert readiness.reasons() == {}
        assert counted == before
