"""Proof: nothing that may wait happens on the edge's event loop while it serves.

An edge goes through all that it does: misses, hits from memory and from disk (with the kernel's
memory and without), ranges, validations, listeners who leave, purges, warming, an origin that
fails, hangs, tears its answers and hangs up, good and bad tokens, its metrics. Once with all its
calls watched, once with the time of each callback. See `loadtest.verify_loop_edge`.
"""

import argparse
import asyncio
import contextlib
import logging
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
import orjson
from aiohttp import web

from edge.tests.conftest import Client, open_client
from edge.tests.scripted_origin import Resource, ScriptedOrigin, open_scripted_origin
from edge.tests.token_making import (
    AUDIO,
    OTHER_KEY,
    TRACK,
    bearer,
    open_scripted_drm,
    token_of,
)
from loadtest.verify_loop_edge import SLOW_S

OBJECTS: Final = 60
OBJECT_BYTES: Final = 600 * 1024
OPERATOR: Final = "operator-of-the-watched-edge"
_DEADLINE_S: Final = 600.0
_TRIES_MAX: Final = 3

# What may be called on the loop, and why it does not wait. By call and by place.
INTENDED: Final[dict[tuple[str, str], str]] = {
    (
        "posix.preadv",
        "edge/disk/disk_folder.py:_read",
    ): "RWF_NOWAIT: EAGAIN for the disk",
    ("posix.close", "edge/disk/disk_folder.py:_read"): "of a file that was only read",
    ("posix.preadv", "edge/disk/page_cache.py:has_read"): "RWF_NOWAIT: it is a question",
    ("posix.preadv", "edge/disk/verified_files.py:view"): "of pages just found in memory",
    ("posix.pwrite", "edge/arena.py:lay"): "into memory that has a descriptor",
    ("posix.fstat", "edge/disk/verified_files.py:_stamp_of"): "of an open file: no disk is asked",
    ("posix.close", "edge/disk/verified_files.py:__del__"): "of a file that was only read",
    ("posix.sendfile", "edge/hit_writing.py:write_hit"): "of memory, or of pages just found in it",
}


@dataclass(frozen=True)
class Stage:
    """An edge that is watched, and what it stands between."""

    origin: ScriptedOrigin
    listener: Client
    admin: Client
    disk: Path
    order: Callable[[str], Any]


def target_of(number: int) -> str:
    """Of one object."""
    return f"/v1/audio/{TRACK}/{number:016x}/flac.mp4"


async def together(asked: Iterable[Any], *, at_once: int = 8) -> None:
    """Run all, some at a time; failures are part of it."""
    gate = asyncio.Semaphore(at_once)

    async def one(ask: Any) -> None:  # noqa: ANN401
        async with gate:
            with contextlib.suppress(aiohttp.ClientError):
                await ask

    async with asyncio.TaskGroup() as group:
        for ask in asked:
            group.create_task(one(ask))


async def serve_content(stage: Stage) -> None:
    """Misses, then hits of all kinds; the memory holds a part of it, the disk everything."""
    ask, ranged = stage.listener.ask, stage.listener.range
    every = range(OBJECTS)
    await together(ranged(target_of(number), "100000-165535") for number in every)
    for _ in range(3):
        await together(ask(target_of(number)) for number in every)
    await asyncio.to_thread(forget_pages, stage.disk)
    await together(ask(target_of(number)) for number in every)
    for _ in range(20):
        await together(ask(target_of(number), method="HEAD") for number in range(8))
        await together(ranged(target_of(number), "0-65535") for number in range(8))
        await together(ranged(target_of(number), "0-9,500000-") for number in range(8))
        known = {"If-None-Match": '"v1"'}
        await together(ask(target_of(number), headers=known) for number in range(8))


def forget_pages(folder: Path) -> None:
    """Have the kernel read from the disk again."""
    for path in folder.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


async def serve_changes(stage: Stage) -> None:
    """Validations, variants, passing through, listeners who leave."""
    ask = stage.listener.ask
    for kind in ("max-age=0", "no-cache", "no-store", "max-age=0, stale-while-revalidate=60"):
        path = f"{AUDIO}/{kind.partition('=')[0]}.mp4"
        stage.origin.resources[path] = Resource(b"content" * 100, cache_control=kind)
        for _ in range(5):
            await together(ask(path) for _ in range(10))
    await together(ask(f"{AUDIO}/x", method="POST", data=b"x" * 200_000) for _ in range(10))
    await together(leave(stage, target_of(number)) for number in range(40))


async def leave(stage: Stage, target: str) -> None:
    """Ask, and go away in the middle of the answer."""
    async with stage.listener.session.get(
        stage.listener.url + target, headers=stage.listener.headers
    ) as response:
        await response.content.readany()
        response.close()


async def operate(stage: Stage) -> None:
    """Purges of all kinds, warming, metrics, a log file that was moved away."""

    def call(path: str, document: dict[str, Any]) -> Any:  # noqa: ANN401
        return stage.admin.ask(path, method="POST", data=orjson.dumps(document))

    for number in range(10):
        await call("/admin/purge", {"urls": [target_of(number)]})
        await call("/admin/purge", {"prefixes": [f"/v1/audio/{TRACK}/000000000000002"]})
        await call("/admin/purge", {"tags": [f"track:{number}"], "soft": True})
        targets = [target_of(number) for number in range(20)]
        await call("/admin/warm", {"targets": targets, "bytes_per_s": 1 << 30})
        for path in ("/metrics", "/readyz", "/healthz"):
            await stage.admin.ask(path)
        await asyncio.to_thread(stage.order, "reopen")
    await call("/admin/purge", {"all": True})
    await together(stage.listener.ask(target_of(number)) for number in range(20))


async def suffer(stage: Stage) -> None:
    """An origin that fails in every way, and comes back."""
    ask = stage.listener.ask

    async def fail(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=503)

    async def hang_up(request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async def hang(_: web.BaseRequest) -> web.StreamResponse:
        await asyncio.sleep(3)
        return web.Response(status=504)

    for number, behaviour in enumerate((fail, hang_up, hang)):
        paths = [f"{AUDIO}/sick-{number}-{one}.mp4" for one in range(10)]
        for path in paths:
            stale = "max-age=0, stale-if-error=600"
            stage.origin.resources[path] = Resource(b"content", cache_control=stale)
        await together(ask(path) for path in paths)
        stage.origin.behaviours |= dict.fromkeys(paths, behaviour)
        for _ in range(2):
            await together((ask(path) for path in paths), at_once=20)
    torn = [f"{AUDIO}/torn-{one}.mp4" for one in range(10)]
    for path in torn:
        stage.origin.resources[path] = Resource(b"x" * 900_000, truncate_at=300_000)
    await together(ask(path) for path in torn)


async def refuse(stage: Stage) -> None:
    """Tokens that are none, and heads that are none."""
    now_s = int(time.time())
    for token in (
        "no.to.ken",
        token_of(key=OTHER_KEY, expires_s=now_s + 3600),
        token_of(expires_s=now_s - 10),
        token_of(prefixes=("/v1/elsewhere/",), expires_s=now_s + 3600),
    ):
        await together(stage.listener.ask(target_of(1), headers=bearer(token)) for _ in range(10))
        await together(stage.listener.ask(f"/~{token}{target_of(1)}") for _ in range(5))
    await together(stage.listener.ask("/v1/%2e%2e/x") for _ in range(5))
    host, _, port = stage.listener.url.removeprefix("http://").rpartition(":")
    for _ in range(10):
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n")
        writer.close()


@contextlib.asynccontextmanager
async def open_stage(folder: Path, watch: str) -> AsyncIterator[Stage]:
    """A watched edge between an origin, drm and listeners."""
    disk = folder / "disk"
    await asyncio.to_thread(disk.mkdir)
    async with open_scripted_origin() as origin, open_scripted_drm() as drm:
        for number in range(OBJECTS):
            origin.resources[target_of(number)] = Resource(
                os.urandom(OBJECT_BYTES), fields={"Surrogate-Key": f"track:{number}"}
            )
        cache = {
            "memory_bytes": 8 << 20,
            "disk": {
                "folders": [{"path": str(disk), "bytes_max": 256 << 20}],
                "admission": "all",
                "min_free_bytes": 0,
                "snapshot_s": 1,
                "probe_s": 1,
            },
        }
        settings = {
            "port": 0,
            "admin_port": 0,
            # By its name, so that it is looked up.
            "upstream": origin.url.replace("127.0.0.1", "localhost"),
            "drm": drm.url,
            "cache": cache,
            "access_log": str(folder / "access.log"),
            "limits": {"shutdown_s": 0.2, "upstream_head_s": 1.0},
            "tokens": {"refresh_s": 1.0},
        }
        order = {"settings": settings, "operator": OPERATOR, "watch": watch}
        async with _open_process(order) as tell:
            url, admin_url = await asyncio.to_thread(tell, None)
            token = token_of(expires_s=int(time.time()) + 3600)
            async with (
                open_client(url, **bearer(token)) as listener,
                open_client(admin_url, Authorization=f"Bearer {OPERATOR}") as admin,
            ):
                yield Stage(origin, listener, admin, disk, tell)


@contextlib.asynccontextmanager
async def _open_process(order: dict[str, Any]) -> AsyncIterator[Callable[[str | None], Any]]:
    import subprocess  # noqa: PLC0415 - as is

    process = subprocess.Popen(  # noqa: ASYNC220 - its pipes are used from threads
        [sys.executable, "-m", "loadtest.verify_loop_edge"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    orders, answers = process.stdin, process.stdout

    def tell(text: str | None) -> Any:  # noqa: ANN401
        if text is not None:
            orders.write(text + "\n")
            orders.flush()
        return orjson.loads(answers.readline()) if text in {None, "end"} else None

    orders.write(orjson.dumps(order).decode() + "\n")
    orders.flush()
    try:
        yield tell
    finally:
        orders.close()
        await asyncio.to_thread(process.wait, 20)


async def watched(watch: str) -> dict[str, Any]:
    """The report on an edge that has done everything."""
    with tempfile.TemporaryDirectory(prefix="attacca-") as name:
        async with asyncio.timeout(_DEADLINE_S), open_stage(Path(name), watch) as stage:
            await asyncio.to_thread(stage.order, "begin")
            for part in (serve_content, serve_changes, operate, suffer, refuse):
                await part(stage)
            report: dict[str, Any] = await asyncio.to_thread(stage.order, "end")
            return report


def judge_calls(report: dict[str, Any]) -> bool:
    """Print what was called; whether all of it is intended."""
    unintended = 0
    for call, place, count in report["calls"]:
        reason = INTENDED.get((call, place))
        unintended += reason is None
        print(f"{count:8} {call:32} {place:60} {reason or 'NOT INTENDED'}")
    return not unintended


def judge_times(report: dict[str, Any]) -> bool:
    """Print the slowest callbacks; whether none of them held the loop for long."""
    asleep = f"{report['asleep']} slept for {report['asleep_ms']:.0f} ms in all"
    print(f"{report['callbacks']} callbacks, of which {asleep}")
    print("  held, ms   CPU, ms  what")
    for one in report["slowest"]:
        what = one["what"][:120]
        print(f"{one['held_ms']:10.1f} {one['cpu_ms']:9.1f}  {what}")
    for warning in report["warnings"]:
        print(f"asyncio: {warning[:160]}")
    return not any(one["held_ms"] > SLOW_S * 1e3 for one in report["slowest"])


def main() -> int:
    """Run the proof; 0 when everything holds."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # The origin's: listeners leave.
    print("calls on the loop's thread that may wait:")
    is_clean = judge_calls(asyncio.run(watched("calls")))
    print("\ncallbacks by how long they held the loop:")
    # What waits does so each time. That a thread with the interpreter's lock was not running, since
    # other programs were, comes and goes.
    is_quick = any(judge_times(asyncio.run(watched("times"))) for _ in range(_TRIES_MAX))
    print(f"\n{'holds' if is_clean and is_quick else 'DOES NOT HOLD'}")
    return 0 if is_clean and is_quick else 1


if __name__ == "__main__":
    sys.exit(main())
