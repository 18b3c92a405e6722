"""Runs a disk tier in tests."""

import asyncio
import contextlib
import hashlib
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from edge.arena import Arena
from edge.disk.disk_index import PolicyOf, lru_of
from edge.disk.disk_tier import DiskTier, Entry, Kind, open_disk_tier
from edge.disk.settings import DiskFolderSettings, DiskSettings
from edge.purges import Purges

QUOTA = 64 << 20


class ManualClock:
    """Moves when it is told to."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def settings_of(*paths: Path, bytes_max: int = QUOTA, **other: object) -> DiskSettings:
    folders = tuple(DiskFolderSettings(path=path, bytes_max=bytes_max) for path in paths)
    usual: dict[str, object] = {"min_free_bytes": 0, "probe_s": 0.02}
    return DiskSettings.model_validate({"folders": folders, **usual, **other})


def identity_of(number: int) -> bytes:
    return f"/track/{number} v1".encode()


def id_of(number: int) -> bytes:
    return hashlib.sha1(identity_of(number), usedforsecurity=False).digest()


def content_of(number: int, size: int = 1000) -> bytes:
    return (number.to_bytes(8, "big") * (size // 8 + 1))[:size]


@contextlib.asynccontextmanager
async def running_tier(
    settings: DiskSettings,
    *,
    purges: Purges | None = None,
    policy_of: PolicyOf = lru_of,
    clock: Callable[[], float] = time.monotonic,
    arena: Arena | None = None,
) -> AsyncIterator[DiskTier]:
    """A tier whose folders have been listed."""
    if purges is None:
        purges = Purges(entries_max=100)
    opened = open_disk_tier(settings, purges, policy_of=policy_of, clock=clock, arena=arena)
    async with opened as tier:
        await until(lambda: tier.is_listed)
        yield tier


def write(tier: DiskTier, number: int, *, size: int = 1000, kind: Kind = Kind.SLICE) -> bool:
    return tier.write(
        id_of(number), identity_of(number), content_of(number, size), sequence=0, kind=kind
    )


async def written(tier: DiskTier, *numbers: int, size: int = 1000) -> None:
    """Write entries and wait until they are on the disk, or are not going to be."""
    for number in numbers:
        assert write(tier, number, size=size)
    await until(lambda: tier.queued_bytes == 0)


async def read(tier: DiskTier, number: int) -> Entry | None:
    return await tier.read(id_of(number), identity_of(number))


async def until(is_so: Callable[[], bool], *, timeout_s: float = 20) -> None:
    """Wait for what another thread, or the tier's own task, brings about."""
    async with asyncio.timeout(timeout_s):
        while not is_so():  # noqa: ASYNC110 - threads set no event of the loop
            await asyncio.sleep(0.002)


def files_in(folder: Path) -> list[Path]:
    """All files of entries."""
    return sorted(path for path in (folder / "v1").glob("*/*") if path.is_file())
