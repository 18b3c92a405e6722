"""The ingest API for tests: on a store in memory, with an ingest of no time and a clock by hand."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from aiohttp import web
from prometheus_client import CollectorRegistry

from config.credentials import Credential
from config.listener import answering_problems, open_listener
from drm.errors import DrmError
from origin.adapters.memory_store import MemoryStore
from origin.claims import Claims
from origin.errors import ObjectConflictError, ObjectMissingError, OriginError
from origin.ingest import IngestResult
from origin.intake.intake import Intake, IntakeMeans
from origin.intake.labels import KnownLabel, Label, Labels, Quota
from origin.intake.routes import add_intake
from origin.intake.settings import UploadSettings
from origin.object_key import fingerprint_key
from origin.ports import (
    IfAbsent,
    KeyPage,
    ObjectContent,
    ObjectHead,
    ObjectStore,
    PutCondition,
    StoredObject,
)
from origin.progress import IngestProgress, OnIngestProgress, Stage
from origin.track_id import track_id_of
from packager.errors import NotAudioError, PackagerError
from packager.fingerprint import encode_fingerprint

NOW_S = 1_700_000_000
LEASE_S = 15.0
OPERATOR = Credential("operator-credential")
TOKENS = {
    "nebula": Credential("token-of-nebula-label"),
    "quasar": Credential("token-of-quasar-label"),
}
WEB_ORIGIN = "https://upload.example.com"
TUS = {"Tus-Resumable": "1.0.0"}
CONTENT = {"Content-Type": "application/offset+octet-stream"}


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self, now_s: float = NOW_S) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s


@dataclass
class TextIngest:
    """Takes files that begin with `tone` for audio, and makes tracks of them in no time.

    A track is an object that is put if it is absent, and a fingerprint of what stands after `:`.

    Attributes:
        failures: raised one after another before there is a track.
        late_failures: the same, once there is one.
    """

    store: ObjectStore
    failures: list[OriginError | PackagerError | DrmError] = field(default_factory=list)
    late_failures: list[OriginError | PackagerError | DrmError] = field(default_factory=list)
    calls: list[tuple[str, str, Mapping[str, Sequence[str]]]] = field(default_factory=list)
    go: asyncio.Event | None = None
    is_reached: asyncio.Event = field(default_factory=asyncio.Event)

    async def ingest(
        self,
        path: Path,
        *,
        label: str = "",
        overrides: Mapping[str, Sequence[str]] | None = None,
        on_progress: OnIngestProgress | None = None,
    ) -> IngestResult:
        content = await asyncio.to_thread(path.read_bytes)
        self.calls.append((path.name, label, overrides or {}))
        if self.failures:
            raise self.failures.pop(0)
        if not content.startswith(b"tone"):
            raise NotAudioError
        if on_progress is not None:
            on_progress(IngestProgress(Stage.PACKAGING, 0.5))
        self.is_reached.set()
        await asyncio.sleep(0)  # What follows the progress may run.
        if self.go is not None:
            await self.go.wait()
        track_id = track_id_of(hashlib.sha256(content).hexdigest())
        sound = content.partition(b":")[2]
        if sound:
            words = encode_fingerprint([int(word) for word in sound.split(b",")])
            await self.store.put(fingerprint_key(track_id), words)
        try:
            await self.store.put(f"tracks/{track_id}.json", label.encode(), condition=IfAbsent())
        except ObjectConflictError:
            is_new = False
        else:
            is_new = True
        if on_progress is not None:
            on_progress(IngestProgress(Stage.PACKAGING, 0.6, is_new))
        if self.late_failures:
            raise self.late_failures.pop(0)
        return IngestResult(
            track_id=track_id,
            version="0123456789abcdef",
            title=path.stem,
            samples=1,
            sample_rate_hz=44_100,
            pcm_sha256="0" * 64,
            renditions=(),
            is_new=is_new,
        )

    async def label_of(self, track_id: str) -> str | None:
        try:
            found = await self.store.read(f"tracks/{track_id}.json", size_max=100)
        except ObjectMissingError:
            return None
        return found.content.decode()


def sound_of(seed: int, count: int = 300) -> bytes:
    """Content of a master with a certain sound."""
    words = (
        str(int.from_bytes(hashlib.sha256(f"{seed} {index}".encode()).digest()[:4], "big"))
        for index in range(count)
    )
    return b"tone:" + ",".join(words).encode()


def make_store(clock: Callable[[], float] | None = None) -> MemoryStore:
    return MemoryStore(size_max=1 << 30, clock=clock or Clock())


def make_labels(*, quota: Quota | None = None, origins: frozenset[str] = frozenset()) -> Labels:
    given = quota or Quota(1 << 30, None, 100)
    return Labels(
        KnownLabel(Label("", given), OPERATOR),
        [KnownLabel(Label(name, given), token) for name, token in TOKENS.items()],
        allowed_hosts=frozenset(),
        origins=origins,
    )


def make_claims(store: ObjectStore, clock: Clock) -> Claims:
    return Claims(store, owner="test", lease_s=LEASE_S, monotonic=clock)


def make_intake(
    store: ObjectStore,
    scratch: Path,
    *,
    clock: Clock | None = None,
    ingest: TextIngest | None = None,
    labels: Labels | None = None,
    **settings: object,
) -> Intake:
    given = clock or Clock()
    scratch.mkdir(exist_ok=True)
    return Intake(
        IntakeMeans(
            store=store,
            claims=make_claims(store, given),
            ingest=ingest or TextIngest(store),
            labels=labels or make_labels(),
            scratch=scratch,
            master_bytes_max=1 << 30,
            registry=CollectorRegistry(),
            clock=given,
            monotonic=given,
        ),
        UploadSettings.model_validate({"poll_s": 0.01, **settings}),
    )


@contextlib.asynccontextmanager
async def open_api(intake: Intake) -> AsyncIterator[str]:
    """Serve the API; yields its URL."""
    app = web.Application(middlewares=[answering_problems(OriginError, PackagerError, DrmError)])
    add_intake(app, intake)
    async with open_listener(app, host="127.0.0.1", port=0, shutdown_s=1.0) as url:
        yield url


@contextlib.asynccontextmanager
async def open_client(
    url: str, *, label: str = "nebula", **headers: str
) -> AsyncIterator[aiohttp.ClientSession]:
    """A session that speaks tus with a label's token; the empty one is the operator."""
    token = TOKENS[label] if label else OPERATOR
    fields = {**TUS, "Authorization": f"Bearer {token.reveal()}", **headers}
    async with aiohttp.ClientSession(url, headers=fields) as session:
        yield session


async def keys_in(store: ObjectStore, prefix: str = "") -> list[str]:
    return list((await store.list_keys(prefix, limit=1000)).keys)


class KilledError(BaseException):
    """The process is killed: nothing that it does from here on reaches the store."""


class DyingStore:
    """A store whose process is killed at a certain write.

    Args:
        store: what it stands for.
        writes: how many go well.
        is_late: whether the next one is done nevertheless.
    """

    def __init__(self, store: ObjectStore, *, writes: int, is_late: bool) -> None:
        self._store = store
        self._writes = writes
        self._is_late = is_late
        self.is_dead = False

    async def put(
        self,
        key: str,
        source: bytes | Path,
        *,
        sha256: str | None = None,
        condition: PutCondition | None = None,
    ) -> ObjectHead:
        self._check()
        is_last = self._count()
        if is_last and not self._is_late:
            raise KilledError
        head = await self._store.put(key, source, sha256=sha256, condition=condition)
        if is_last:
            raise KilledError
        return head

    async def delete(self, key: str) -> bool:
        self._check()
        is_last = self._count()
        if is_last and not self._is_late:
            raise KilledError
        was_there = await self._store.delete(key)
        if is_last:
            raise KilledError
        return was_there

    async def head(self, key: str) -> ObjectHead | None:
        self._check()
        return await self._store.head(key)

    async def read(self, key: str, *, size_max: int) -> StoredObject:
        self._check()
        return await self._store.read(key, size_max=size_max)

    def stream(
        self, content: ObjectContent, *, start: int, stop: int
    ) -> AsyncGenerator[bytes, None]:
        self._check()
        return self._store.stream(content, start=start, stop=stop)

    def open_local(self, key: str) -> AbstractAsyncContextManager[Path]:
        self._check()
        return self._store.open_local(key)

    async def list_keys(self, prefix: str, *, after: str = "", limit: int) -> KeyPage:
        self._check()
        return await self._store.list_keys(prefix, after=after, limit=limit)

    async def touch(self, key: str) -> None:
        self._check()
        await self._store.touch(key)

    async def check(self) -> None:
        self._check()

    def _check(self) -> None:
        if self.is_dead:
            raise KilledError

    def _count(self) -> bool:
        self._writes -= 1
        self.is_dead = self._writes < 0
        return self.is_dead
