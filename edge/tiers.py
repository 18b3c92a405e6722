"""The tiers of a node: memory, and the disk behind it if there is a folder for it."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from edge.arena import Arena, open_arena
from edge.disk.disk_index import PolicyOf
from edge.disk.disk_tier import DiskTier, open_disk_tier
from edge.disk.settings import AdmissionName
from edge.disk_shelf import DiskShelf
from edge.eviction.admission import Admission, AdmitAll, SecondRequest
from edge.eviction.policies import POLICIES
from edge.ports import EvictionPolicy
from edge.purges import ApplyPurge, Purge, Purges
from edge.settings import CacheSettings
from edge.slices import SliceStore
from edge.stored_slice import StoredSlice

# How many entries are remembered as asked for once, for each that the disk holds (measured:
# more only lets more in).
_WINDOW: Final = 2


@dataclass(frozen=True, slots=True)
class Tiers:
    """What keeps stored responses.

    Attributes:
        store: the memory, and the way to the disk.
        disk: the disk tier; None without a folder.
        purge: puts a purge into effect in both.
    """

    store: SliceStore
    disk: DiskTier | None
    purge: ApplyPurge

    def wait_for_disk(self) -> None:
        """From now on the disk may be handed over at any moment: purges wait for that."""
        if self.disk is not None:
            self.disk.purge_log.wait_for_folders()

    async def give_up_disk(self) -> None:
        """Let the disk go, for another process to take."""
        if self.disk is not None:
            await self.disk.give_up()

    def problems(self) -> dict[str, str]:
        """Why the node is not as it should be, for `/readyz`: it serves all the same."""
        if self.disk is None:
            return {}
        return {f"disk {path}": reason for path, reason in self.disk.problems().items()}


@contextlib.asynccontextmanager
async def open_tiers(
    settings: CacheSettings, purges: Purges, *, is_successor: bool = False
) -> AsyncIterator[Tiers]:
    """Run the tiers until the block is left.

    Args:
        settings: of both.
        purges: still empty; those of earlier runs are put into effect if there is a disk.
        is_successor: another process may still have the disk; until it gives it up there is memory
            alone.

    Raises:
        DiskTierError: a folder is in use by another process.
    """
    with contextlib.closing(_arena(settings)) as arena:
        async with _open_tiers(settings, purges, arena, is_successor=is_successor) as tiers:
            yield tiers


@contextlib.asynccontextmanager
async def _open_tiers(
    settings: CacheSettings, purges: Purges, arena: Arena, *, is_successor: bool
) -> AsyncIterator[Tiers]:
    if not settings.disk.folders:

        async def purge(wanted: Purge) -> int:
            return purges.apply(wanted)

        yield Tiers(_store(settings, purges, None, arena), None, purge)
        return
    policy_of = _disk_policy_of(settings)
    tier = open_disk_tier(
        settings.disk, purges, policy_of=policy_of, arena=arena, is_successor=is_successor
    )
    async with tier as disk:
        shelf = DiskShelf(disk, admission=_admission(settings), purges=purges)
        yield Tiers(_store(settings, purges, shelf, arena), disk, disk.purge_log.purge)


def _arena(settings: CacheSettings) -> Arena:
    if not settings.has_arena:
        return Arena()
    return open_arena(bytes_max=settings.memory_bytes, slot_bytes=settings.slice_bytes)


def _store(
    settings: CacheSettings, purges: Purges, shelf: DiskShelf | None, arena: Arena
) -> SliceStore:
    factory = POLICIES[settings.memory_policy]

    def policy_of(bytes_max: int) -> EvictionPolicy[StoredSlice]:
        return factory(bytes_max=bytes_max, id_of=_number_of_slice)

    return SliceStore(
        bytes_max=settings.memory_bytes,
        policy_of=policy_of,
        purges=purges,
        shelf=shelf,
        arena=arena,
    )


def _disk_policy_of(settings: CacheSettings) -> PolicyOf:
    factory = POLICIES[settings.disk.policy]

    def policy_of(bytes_max: int) -> EvictionPolicy[bytes]:
        return factory(bytes_max=bytes_max, id_of=_number_of_id)

    return policy_of


def _admission(settings: CacheSettings) -> Admission:
    if settings.disk.admission is AdmissionName.ALL:
        return AdmitAll()
    held = sum(folder.bytes_max for folder in settings.disk.folders) // settings.slice_bytes
    return SecondRequest(window=max(1_000, _WINDOW * held))


def _number_of_slice(stored: StoredSlice) -> int:
    if stored.owner.complete_length is None:  # Its identity is not settled.
        return id(stored)
    return _number_of_id(stored.owner.slice_id(stored.number))


def _number_of_id(entry_id: bytes) -> int:
    return int.from_bytes(entry_id[:8], "big")
