"""What reading from a bucket costs: our own signed reads beside aiobotocore's, in one run.

Both read ranges of one object of a SeaweedFS, in turns, under uvloop. Then a stored object is asked
for straight from the store and through the origin's HTTP interface, in turns: how much later the
first byte comes. All of it shares this machine with the store.
"""

import asyncio
import contextlib
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
import uvloop
from aiobotocore.session import get_session
from pydantic import SecretStr
from typing_extensions import override

from config.credentials import EDGE_CREDENTIAL_HEADER, Credential
from config.listener import open_listener
from loadtest.seaweed import REGION, Seaweed, running_seaweed
from origin.access import OriginCredentials
from origin.adapters.s3_connection import open_control
from origin.adapters.s3_store import S3Store, open_s3_store
from origin.answer import IMMUTABLE, Representation
from origin.metrics import OriginMetrics
from origin.ports import ObjectHead
from origin.rendition_file import RenditionFile, RenditionMeans
from origin.rendition_job import Target
from origin.resources import Resource, Resources
from origin.routes import origin_app
from origin.settings import S3Settings

OBJECT_BYTES: Final = 64 << 20
AT_ONCE: Final = 16
RUNS: Final = 5
READS: Final = {64 << 10: 400, 1 << 20: 100}
FIRST_BYTES: Final = 300
EDGE: Final = "edge-credential-of-benchmarks"
OPERATOR: Final = "operator-credential-of-benchmarks"
TARGET: Final = Target("track", "version", "flac")
KEY: Final = TARGET.file_key


@dataclass(frozen=True, slots=True)
class Way:
    """One way to read `length` bytes from `start`."""

    name: str
    read: Callable[[int, int], Awaitable[None]]


def main() -> None:
    uvloop.run(measure())


async def measure() -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with running_seaweed(Path(folder) / "seaweed") as seaweed:
            settings = settings_of(seaweed)
            session = get_session()
            session.set_credentials(seaweed.access_key, seaweed.secret_key)
            async with (
                open_s3_store(
                    settings, scratch=Path(folder), clock=time.time, session=session
                ) as store,
                open_control(settings, session) as client,
            ):
                source = Path(folder) / "object"
                source.write_bytes(random.randbytes(OBJECT_BYTES))
                head = await store.put(KEY, source)
                await compare_cpu([ours(store, head), theirs(client, seaweed.bucket, head)])
                await compare_first_bytes(store, head)


async def compare_cpu(ways: list[Way]) -> None:
    for length, reads in READS.items():
        costs: dict[str, list[float]] = {way.name: [] for way in ways}
        for _ in range(RUNS):
            for way in ways:
                costs[way.name].append(await cpu_us(way, length, reads))
        medians = {name: statistics.median(values) for name, values in costs.items()}
        told = ", ".join(f"{name} {value:6.0f} us" for name, value in medians.items())
        print(f"  {length >> 10:5} KiB: CPU a read: {told}")


class OneObject(Resources):
    """Serves the object, whatever album is asked for."""

    def __init__(self, store: S3Store, head: ObjectHead) -> None:
        async def package(target: Target) -> None:
            raise AssertionError(f"{target.file_key} is there")

        means = RenditionMeans(
            store, package=package, repair=lambda _: None, note_use=lambda _: None
        )
        representation = Representation(head.size_bytes, head.sha256, "audio/mp4", IMMUTABLE, ())
        self._file = RenditionFile(representation, TARGET, means)

    @override
    async def album(self, album_id: str) -> Resource:
        return self._file


async def compare_first_bytes(store: S3Store, head: ObjectHead) -> None:
    """Milliseconds to the first byte, asked for one at a time, by both ways in turn."""
    app = origin_app(
        OneObject(store, head),
        credentials=OriginCredentials(operator=Credential(OPERATOR), edge=Credential(EDGE)),
        allowed_hosts=frozenset(),
        figures=OriginMetrics(),
        clock=time.time,
    )
    straight: list[float] = []
    through: list[float] = []
    async with (
        open_listener(app, host="127.0.0.1", port=0) as url,
        aiohttp.ClientSession(headers={EDGE_CREDENTIAL_HEADER: EDGE}) as session,
    ):
        for _ in range(FIRST_BYTES):
            start = random.randrange(OBJECT_BYTES - 65536)
            begin = time.perf_counter()
            async with contextlib.aclosing(
                store.stream(head, start=start, stop=start + 65536)
            ) as chunks:
                await anext(chunks)
                straight.append(time.perf_counter() - begin)
                async for _ in chunks:
                    pass
            begin = time.perf_counter()
            ranged = {"Range": f"bytes={start}-{start + 65535}"}
            async with session.get(f"{url}/v1/albums/one", headers=ranged) as response:
                assert response.status == 206
                await response.content.readany()
                through.append(time.perf_counter() - begin)
                await response.read()
    for name, times in (("straight", straight), ("through the origin", through)):
        ordered = sorted(times)
        p95 = ordered[len(ordered) * 95 // 100]
        print(
            f"  first byte {name}: median {statistics.median(times) * 1e3:.1f} ms, "
            f"p95 {p95 * 1e3:.1f} ms"
        )


def settings_of(seaweed: Seaweed) -> S3Settings:
    return S3Settings(
        bucket=seaweed.bucket,
        endpoint_url=seaweed.endpoint_url,
        region=REGION,
        access_key_id=SecretStr(seaweed.access_key),
        secret_access_key=SecretStr(seaweed.secret_key),
    )


def ours(store: S3Store, head: ObjectHead) -> Way:
    async def read(start: int, length: int) -> None:
        async for _ in store.stream(head, start=start, stop=start + length):
            pass

    return Way("ours", read)


def theirs(client: Any, bucket: str, head: ObjectHead) -> Way:  # noqa: ANN401 - it has no types
    async def read(start: int, length: int) -> None:
        answer = await client.get_object(
            Bucket=bucket, Key=KEY, Range=f"bytes={start}-{start + length - 1}", IfMatch=head.etag
        )
        async with answer["Body"] as body:
            await body.read()

    return Way("aiobotocore", read)


async def cpu_us(way: Way, length: int, reads: int) -> float:
    """CPU microseconds of this process for one read, `AT_ONCE` of them under way."""
    starts = iter([random.randrange(OBJECT_BYTES - length) for _ in range(reads)])

    async def work() -> None:
        for start in starts:
            await way.read(start, length)

    begin = time.process_time()
    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(work())
    return (time.process_time() - begin) / reads * 1e6


if __name__ == "__main__":
    main()
