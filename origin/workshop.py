"""What ingest and rebuild work with, and the packaging that both do."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from drm.ports import ContentKeys, TrackKeys
from origin.ports import ObjectStore
from origin.record_store import RecordStore
from packager.identity import EncoderIdentity
from packager.jobs import MasterFacts, OnProgress, PackagingOrder
from packager.renditions import PROFILES
from packager.seek_index import RenditionFacts


class Packager(Protocol):
    """Inspects masters and makes renditions of them, in workers beside the event loop.

    `packager.pool.PackagingPool` is one.
    """

    @property
    def identity(self) -> EncoderIdentity:
        """The encoders; equal identities make equal bytes."""
        ...

    async def inspect(self, master: Path, *, on_progress: OnProgress | None = None) -> MasterFacts:
        """Decode all of a master and describe it.

        Raises:
            PackagerError: the master cannot be taken, or a worker failed.
        """
        ...

    async def read_tags(self, master: Path) -> Mapping[str, Sequence[str]]:
        """Values of a master's tags by name, as `origin.tags.make_tags` takes them.

        Raises:
            PackagerError: they take too much time or memory, or a worker failed.
        """
        ...

    async def package(
        self, order: PackagingOrder, *, on_progress: OnProgress | None = None
    ) -> RenditionFacts:
        """Make the rendition that is ordered.

        Raises:
            PackagerError: the master is another one, or a worker failed.
        """
        ...


@dataclass(frozen=True, slots=True)
class Workshop:
    """The means of production.

    Attributes:
        store: where objects go.
        records: in the same store.
        content_keys: of drm.
        packager: the worker pool.
        scratch: folder of this process for work files.
        master_bytes_max: largest master to take.
        clock: seconds since the epoch.
    """

    store: ObjectStore
    records: RecordStore
    content_keys: ContentKeys
    packager: Packager
    scratch: Path
    master_bytes_max: int
    clock: Callable[[], float]


@dataclass(frozen=True, slots=True)
class PackagedFile:
    """A rendition in scratch, not yet published."""

    facts: RenditionFacts
    path: Path


@dataclass(frozen=True, slots=True)
class PackagingTask:
    """What to package, under which version and keys, and where the files go."""

    master: Path
    facts: MasterFacts
    version: str
    keys: TrackKeys
    folder: Path


async def package_renditions(
    packager: Packager,
    task: PackagingTask,
    renditions: Sequence[str],
    *,
    on_progress: Callable[[float], None],
) -> tuple[PackagedFile, ...]:
    """Make renditions side by side, as many at a time as the pool has workers.

    Returns:
        One file for each of `renditions`, in their order.

    Raises:
        PackagerError: one of them failed; the others are cancelled.
    """
    fractions = dict.fromkeys(renditions, 0.0)
    try:
        async with asyncio.TaskGroup() as group:
            jobs = [
                group.create_task(
                    _package(packager, _order_of(task, name), fractions, on_progress),
                    name=f"package-{name}",
                )
                for name in renditions
            ]
    except ExceptionGroup as failures:
        # The first failure cancels the rest: one is all there is to tell.
        raise failures.exceptions[0] from failures
    return tuple(job.result() for job in jobs)


def _order_of(task: PackagingTask, rendition: str) -> PackagingOrder:
    profile = PROFILES[rendition]
    return PackagingOrder(
        master=task.master,
        facts=task.facts,
        rendition=rendition,
        version=task.version,
        key=task.keys.by_class[profile.key_class],
        output=task.folder / f"{rendition}.{profile.container}",
    )


async def _package(
    packager: Packager,
    order: PackagingOrder,
    fractions: dict[str, float],
    on_progress: Callable[[float], None],
) -> PackagedFile:
    def tell(fraction: float) -> None:
        fractions[order.rendition] = fraction
        on_progress(_mean(fractions))

    facts = await packager.package(order, on_progress=tell)
    tell(1.0)
    return PackagedFile(facts, order.output)


def _mean(fractions: Mapping[str, float]) -> float:
    return sum(fractions.values()) / len(fractions)
