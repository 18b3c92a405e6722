"""What ingest and packaging work with."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from drm.ports import ContentKeys
from origin.ports import ObjectStore
from origin.record_store import RecordStore
from packager.cover_facts import CoverFinding
from packager.identity import EncoderIdentity
from packager.inspection_result import Inspection
from packager.jobs import OnProgress, PackagingOrder
from packager.priority import Priority
from packager.renditions import Protection
from packager.seek_index import RenditionFacts


class Packager(Protocol):
    """Inspects masters and makes renditions of them, in workers beside the event loop.

    `packager.pool.PackagingPool` is one.
    """

    @property
    def identity(self) -> EncoderIdentity:
        """The encoders; equal identities make equal bytes."""
        ...

    async def inspect(
        self,
        master: Path,
        *,
        edges: Path,
        on_progress: OnProgress | None = None,
        priority: Priority = Priority.INGEST,
    ) -> Inspection:
        """Decode all of a master and describe it; `head.f32` and `tail.f32` go into `edges`.

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

    async def read_cover(
        self, master: Path, folder: Path, *, beside: Path | None = None
    ) -> CoverFinding:
        """Find a master's cover; its sizes go into `folder` as `cover_file_name` names them.

        Args:
            master: its file.
            folder: gets the files.
            beside: a picture to take if the master carries none that is good.

        Raises:
            PackagerError: it takes too much time or memory, or a worker failed.
        """
        ...

    async def package(
        self,
        order: PackagingOrder,
        *,
        on_progress: OnProgress | None = None,
        priority: Priority = Priority.INGEST,
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
        scheme: of Common Encryption for new versions, `cbcs` or `cenc`.
        clock: seconds since the epoch.
        monotonic: seconds since any moment.
    """

    store: ObjectStore
    records: RecordStore
    content_keys: ContentKeys
    packager: Packager
    scratch: Path
    master_bytes_max: int
    scheme: Protection
    clock: Callable[[], float]
    monotonic: Callable[[], float]
