"""What the tests of drm share: a clock that is set by hand, and an open vault."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from config.credentials import Credential
from drm.app import DrmCredentials, DrmService, open_drm
from drm.key_vault import KeyVault, open_key_vault
from drm.key_wrap import KeyEncryptionKey
from drm.settings import DrmSettings

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


@pytest.fixture
def credentials() -> DrmCredentials:
    return DrmCredentials(
        operator=Credential.generate(), edge=Credential.generate(), origin=Credential.generate()
    )


@pytest.fixture
def settings(database: Path) -> DrmSettings:
    return DrmSettings(port=0, admin_port=0, database=database)


@pytest.fixture
async def drm(
    settings: DrmSettings, credentials: DrmCredentials, clock: ManualClock
) -> AsyncIterator[DrmService]:
    async with open_drm(settings, credentials, clock=clock) as service:
        yield service
