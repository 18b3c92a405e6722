"""A workshop for tests: small real adapters of the ports, and no waiting."""

import asyncio
import contextlib
import hashlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

from drm.adapters.memory_content_keys import MemoryContentKeys
from drm.ports import ContentKeys
from origin.claims import Claims
from origin.demand import Demand, DemandLimits, open_demand
from origin.errors import StoreError
from origin.ingest import IngestOrder, IngestResult, Ingests
from origin.metrics import OriginMetrics
from origin.ports import (
    KeyPage,
    ObjectContent,
    ObjectHead,
    ObjectStore,
    PutCondition,
    StoredObject,
)
from origin.progress import OnIngestProgress
from origin.record_store import RecordStore
from origin.tests.examples import IDENTITY, LOUDNESS, MASTER, rendition
from origin.workshop import Packager, Workshop
from packager.cover_facts import (
    CoverExtension,
    CoverFacts,
    CoverFinding,
    CoverRefusal,
    CoverSize,
    cover_file_name,
)
from packager.errors import NotAudioError
from packager.identity import EncoderIdentity
from packager.inspection_result import Edge, Inspection
from packager.jobs import OnProgress, PackagingOrder
from packager.priority import Priority
from packager.renditions import Protection
from packager.seek_index import RenditionFacts, SeekIndex, Segment

NOW_S = 1_700_000_000


class TextPackager:
    """Takes files that begin with `tone` for audio, and packages them in no time.

    Equal orders make equal bytes, like real encoders of one identity.
    """

    def __init__(self, identity: EncoderIdentity = IDENTITY) -> None:
        self._identity = identity
        self.packaged: list[str] = []
        self.inspected_for: list[Priority] = []
        self.packaged_for: list[Priority] = []
        # While this is there and not set, packaging stands still.
        self.gate: asyncio.Event | None = None
        self.failure: Exception | None = None

    @property
    def identity(self) -> EncoderIdentity:
        return self._identity

    async def inspect(
        self,
        master: Path,
        *,
        edges: Path,
        on_progress: OnProgress | None = None,
        priority: Priority = Priority.INGEST,
    ) -> Inspection:
        self.inspected_for.append(priority)
        content = await asyncio.to_thread(master.read_bytes)
        if not content.startswith(b"tone"):
            raise NotAudioError
        if on_progress is not None:
            on_progress(1.0)
        facts = replace(MASTER, sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))
        ends = {name: content + name.encode() for name in ("head", "tail")}
        for name, end in ends.items():
            (edges / f"{name}.f32").write_bytes(end)
        head, tail = (
            Edge(4410, hashlib.sha256(end).hexdigest(), is_silent=b"silent" in content)
            for end in ends.values()
        )
        return Inspection(facts, LOUDNESS, None, (1, 2, 3), head, tail)

    async def read_tags(self, master: Path) -> Mapping[str, Sequence[str]]:
        return {"artist": [f"Artist of {master.name}"]}

    async def read_cover(
        self, master: Path, folder: Path, *, beside: Path | None = None
    ) -> CoverFinding:
        if beside is None and b"cover" not in await asyncio.to_thread(master.read_bytes):
            return CoverFinding(None, (CoverRefusal.BROKEN,))
        picture = b"a picture"
        size = CoverSize(
            480, 480, 320, len(picture), hashlib.sha256(picture).hexdigest(), CoverExtension.JPG
        )
        (folder / cover_file_name("3c" * 16, size)).write_bytes(picture)
        return CoverFinding(CoverFacts("3c" * 16, (size,)))

    async def package(
        self,
        order: PackagingOrder,
        *,
        on_progress: OnProgress | None = None,
        priority: Priority = Priority.INGEST,
    ) -> RenditionFacts:
        self.packaged.append(order.rendition)
        self.packaged_for.append(priority)
        if self.failure is not None:
            raise self.failure
        if self.gate is not None:
            if on_progress is not None:
                on_progress(0.25)
            await self.gate.wait()
        contexts = [path.read_bytes() if path else b"" for path in (order.before, order.after)]
        parts = (
            order.master.read_bytes(),
            order.version.encode(),
            order.rendition.encode(),
            order.key.key,
            *contexts,
        )
        content = hashlib.sha256(b"|".join(parts)).digest() * 40
        order.output.write_bytes(content)
        if on_progress is not None:
            on_progress(0.5)
        return replace(
            rendition(order.rendition),
            bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            kid=str(order.key.kid),
            seek=SeekIndex(0, 80, 80, 20, (Segment(100, len(content) - 100, 0, 441_000),)),
        )


class BreakingStore:
    """A store that stops working after some puts.

    Args:
        store: what it stands for.
        writes: how many puts go well.
        error: of the next one.
        is_late: whether that one is done nevertheless, as when it is cancelled too late.
    """

    def __init__(
        self, store: ObjectStore, *, writes: int, error: BaseException, is_late: bool = False
    ) -> None:
        self._store = store
        self._writes = writes
        self._error = error
        self._is_late = is_late
        self.is_broken_for_good = False

    async def put(
        self,
        key: str,
        source: bytes | Path,
        *,
        sha256: str | None = None,
        condition: PutCondition | None = None,
    ) -> ObjectHead:
        if self._is_late and self._writes == 0:
            await self._store.put(key, source, sha256=sha256, condition=condition)
        self._count()
        return await self._store.put(key, source, sha256=sha256, condition=condition)

    async def head(self, key: str) -> ObjectHead | None:
        return await self._store.head(key)

    async def read(self, key: str, *, size_max: int) -> StoredObject:
        return await self._store.read(key, size_max=size_max)

    def stream(
        self, content: ObjectContent, *, start: int, stop: int
    ) -> AsyncGenerator[bytes, None]:
        return self._store.stream(content, start=start, stop=stop)

    def open_local(self, key: str) -> AbstractAsyncContextManager[Path]:
        return self._store.open_local(key)

    async def list_keys(self, prefix: str, *, after: str = "", limit: int) -> KeyPage:
        return await self._store.list_keys(prefix, after=after, limit=limit)

    async def delete(self, key: str) -> bool:
        if self.is_broken_for_good:
            raise StoreError("gone")
        return await self._store.delete(key)

    async def touch(self, key: str) -> None:
        await self._store.touch(key)

    async def check(self) -> None:
        raise self._error

    def _count(self) -> None:
        self._writes -= 1
        if self._writes == -1 or (self._writes < 0 and self.is_broken_for_good):
            raise self._error


def make_workshop(
    store: ObjectStore,
    scratch: Path,
    *,
    packager: Packager | None = None,
    content_keys: ContentKeys | None = None,
    master_bytes_max: int = 1 << 20,
) -> Workshop:
    scratch.mkdir(exist_ok=True)
    return Workshop(
        store=store,
        records=RecordStore(store, kept_bytes_max=1 << 20),
        content_keys=content_keys or MemoryContentKeys(),
        packager=packager or TextPackager(),
        scratch=scratch,
        master_bytes_max=master_bytes_max,
        scheme=Protection.CBCS,
        clock=lambda: NOW_S + 0.5,
        monotonic=time.monotonic,
    )


@contextlib.asynccontextmanager
async def open_demand_of(
    workshop: Workshop,
    *,
    owner: str = "test",
    lease_s: float = 15.0,
    places: int = 2,
    session_jobs_max: int = 8,
    figures: OriginMetrics | None = None,
) -> AsyncIterator[Demand]:
    claims = Claims(workshop.store, owner=owner, lease_s=lease_s, monotonic=time.monotonic)
    limits = DemandLimits(places=places, session_jobs_max=session_jobs_max)
    async with open_demand(workshop, claims, limits, figures or OriginMetrics()) as demand:
        yield demand


async def ingest_master(
    workshop: Workshop,
    path: Path,
    *,
    album: str | None = None,
    renditions: tuple[str, ...] | None = None,
    on_progress: OnIngestProgress | None = None,
) -> IngestResult:
    """Take one master in, with a packaging of its own."""
    order = IngestOrder(path, album=album, renditions=renditions)
    async with open_demand_of(workshop) as demand:
        return await Ingests(workshop, demand).ingest(order, on_progress=on_progress)


async def keys_in(store: ObjectStore) -> list[str]:
    return list((await store.list_keys("", limit=1000)).keys)
