"""What the tests of drm share: a clock that is set by hand, and an open vault."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from drm.key_vault import KeyVault, open_key_vault
from drm.key_wrap import KeyEncryptionKey

NOW_S = 1_700_000_000.0


class ManualClock:
    def __init__(self) -> None:
        self.now_s = NOW_S

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "drm" / "keys.sqlite"


@pytest.fixture
def kek() -> KeyEncryptionKey:
    return KeyEncryptionKey(bytes(range(32)))


@pytest.fixture
async def vault(
    database: Path, kek: KeyEncryptionKey, clock: ManualClock
) -> AsyncIterator[KeyVault]:
    async with open_key_vault(database, kek, busy_s=5, clock=clock) as opened:
        yield opened
