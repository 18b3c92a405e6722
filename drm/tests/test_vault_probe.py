import contextlib
import sqlite3
from pathlib import Path

from drm.key_vault import KeyVault
from drm.vault_probe import VaultProbe


async def test_trouble_is_told_and_forgotten_when_it_is_over(vault: KeyVault, database: Path):
    probe = VaultProbe(vault)
    assert probe.reasons() == {}
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("ALTER TABLE vault RENAME TO gone")
        await probe.check()
        assert list(probe.reasons()) == ["vault-unavailable"]
        connection.execute("ALTER TABLE gone RENAME TO vault")
    await probe.check()
    assert probe.reasons() == {}


async def test_a_vault_that_does_not_answer_in_time_is_not_ready(vault: KeyVault):
    probe = VaultProbe(vault, deadline_s=0)
    await probe.check()
    assert list(probe.reasons()) == ["vault-slow"]
