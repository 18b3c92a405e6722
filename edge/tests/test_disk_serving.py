"""A node with a disk: what is asked for again outlives a restart, what was purged does not."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from edge.disk.disk_index import DiskIndex
from edge.disk.folder_listing import FolderListing
from edge.disk_shelf import record_id
from edge.tests.conftest import (
    OPERATOR,
    ManualClock,
    Node,
    content_of,
    open_client,
    open_node,
)
from edge.tests.scripted_origin import Resource, ScriptedOrigin

pytestmark = pytest.mark.socket

SLICE = 64 * 1024
BODY = content_of(5 * SLICE + 77)
SCARCE = 1 << 20


@contextlib.asynccontextmanager
async def open_on_disk(
    origin: ScriptedOrigin, folder: Path, *, clock: ManualClock | None = None, **cache: object
) -> AsyncIterator[Node]:
    disk: dict[str, object] = {
        "folders": [{"path": str(folder), "bytes_max": 16 << 20}],
        "min_free_bytes": 0,
        "admission": cache.pop("admission", "second-request"),
    }
    values = {"memory_bytes": SCARCE, "slice_bytes": SLICE, "object_share_max": 1.0, **cache}
    async with open_node(origin, clock=clock, cache={"disk": disk, **values}) as node:
        await listed(node)
        yield node


async def listed(node: Node) -> None:
    """Wait until the folders have been listed: before that nothing is written."""
    disk = node.service.tiers.disk
    assert disk is not None
    async with asyncio.timeout(10):
        while not disk.is_listed:  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0.01)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "disk"


async def written(node: Node, count: int) -> None:
    """Wait until so many entries have been written."""
    async with asyncio.timeout(20):
        while await metric(node, "edge_disk_writes_total") < count:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def metric(node: Node, name: str) -> float:
    async with open_client(node.service.admin_url) as client:
        lines = (await client.ask("/metrics")).content.decode().splitlines()
    return float(next(line.split()[-1] for line in lines if line.startswith(f"{name} ")))


async def purge(node: Node, **what: object) -> None:
    headers = {"Authorization": f"Bearer {OPERATOR.reveal()}"}
    async with (
        open_client(node.service.admin_url, **headers) as client,
        client.session.post(f"{client.url}/admin/purge", json=what, headers=headers) as response,
    ):
        assert response.status == 200


async def test_what_is_asked_for_twice_is_there_after_a_restart(
    origin: ScriptedOrigin, folder: Path
):
    origin.resources["/a"] = Resource(BODY)
    async with open_on_disk(origin, folder) as node:
        await node.ask("/a")
        await node.ask("/a")
        await written(node, 7)
    asked = len(origin.seen)
    async with open_on_disk(origin, folder) as node:
        answer = await node.range("/a", f"{SLICE + 5}-{3 * SLICE}")
        assert answer.content == BODY[SLICE + 5 : 3 * SLICE + 1]
        assert answer.cache_status.startswith("attacca; hit")
        assert (await node.ask("/a")).content == BODY
        head = await node.ask("/a", method="HEAD")
        assert head.headers["Content-Length"] == str(len(BODY))
    assert len(origin.seen) == asked


async def test_what_is_asked_for_once_is_not_written(origin: ScriptedOrigin, folder: Path):
    origin.resources |= {"/once": Resource(BODY), "/again": Resource(BODY)}
    async with open_on_disk(origin, folder) as node:
        await node.ask("/once")
        await node.ask("/again")
        await node.ask("/again")
        await written(node, 7)
        assert await metric(node, "edge_disk_writes_total") == 7
    asked = len(origin.seen)
    async with open_on_disk(origin, folder) as node:
        assert (await node.ask("/once")).content == BODY
        assert len(origin.seen) == asked + 1


async def test_what_memory_has_dropped_comes_from_the_disk(origin: ScriptedOrigin, folder: Path):
    targets = [f"/{n}" for n in range(12)]
    origin.resources |= {target: Resource(content_of(3 * SLICE)) for target in targets}
    async with open_on_disk(origin, folder, admission="all") as node:
        for target in targets:
            await node.ask(target)
        await written(node, 48)
        asked = len(origin.seen)
        for target in targets:
            answer = await node.ask(target)
            assert answer.content == content_of(3 * SLICE)
            assert answer.cache_status.startswith("attacca; hit")
        assert len(origin.seen) == asked
        assert node.service.store.bytes <= SCARCE


@pytest.mark.parametrize(
    "what", [{"urls": ["/a"]}, {"prefixes": ["/"]}, {"tags": ["album"]}, {"all": True}]
)
async def test_what_was_purged_does_not_come_back(
    origin: ScriptedOrigin, folder: Path, what: dict[str, object]
):
    resource = origin.resources["/a"] = Resource(BODY, fields={"Surrogate-Key": "album"})
    async with open_on_disk(origin, folder, admission="all") as node:
        await node.ask("/a")
        await written(node, 7)
        await purge(node, **what)
        resource.content = BODY[::-1]  # Under the same tag, which is what purges are for.
        assert (await node.ask("/a")).content == BODY[::-1]
    async with open_on_disk(origin, folder) as node:
        assert (await node.ask("/a")).content == BODY[::-1]


async def test_a_purge_before_a_restart_counts_after_it(origin: ScriptedOrigin, folder: Path):
    resource = origin.resources["/a"] = Resource(BODY)
    async with open_on_disk(origin, folder, admission="all") as node:
        await node.ask("/a")
        await written(node, 7)
        await purge(node, urls=["/a"])
    resource.content = BODY[::-1]
    async with open_on_disk(origin, folder) as node:
        assert (await node.ask("/a")).content == BODY[::-1]


async def test_a_soft_purge_before_a_restart_is_validated_after_it(
    origin: ScriptedOrigin, folder: Path
):
    origin.resources["/a"] = Resource(BODY)
    async with open_on_disk(origin, folder, admission="all") as node:
        await node.ask("/a")
        await written(node, 7)
        await purge(node, urls=["/a"], soft=True)
    async with open_on_disk(origin, folder) as node:
        answer = await node.ask("/a")
        assert answer.content == BODY
        assert "fwd=stale; fwd-status=304" in answer.cache_status


async def test_an_unsafe_method_makes_what_is_on_disk_invalid(origin: ScriptedOrigin, folder: Path):
    resource = origin.resources["/a"] = Resource(BODY)
    async with open_on_disk(origin, folder, admission="all") as node:
        await node.ask("/a")
        await written(node, 7)
    async with open_on_disk(origin, folder) as node:

        async def post(_: web.BaseRequest) -> web.StreamResponse:
            return web.Response(status=204)

        origin.behaviours["/a"] = post
        assert (await node.ask("/a", method="POST", data=b"x")).status == 204
        del origin.behaviours["/a"]
        resource.content, resource.etag = BODY[::-1], '"v2"'
        assert (await node.ask("/a")).content == BODY[::-1]


async def test_a_freshened_response_is_fresh_after_a_restart(origin: ScriptedOrigin, folder: Path):
    clock = ManualClock()
    origin.resources["/a"] = Resource(BODY, cache_control="max-age=60")
    async with open_on_disk(origin, folder, clock=clock, admission="all") as node:
        await node.ask("/a")
        await written(node, 7)
        clock.now_s += 90
        assert "fwd-status=304" in (await node.ask("/a")).cache_status
        await written(node, 8)
    async with open_on_disk(origin, folder, clock=clock) as node:
        clock.now_s += 30
        answer = await node.ask("/a")
        assert answer.cache_status == "attacca; hit; ttl=30"
        assert answer.headers["Age"] == "30"


async def test_a_new_version_takes_the_place_of_the_old_one(origin: ScriptedOrigin, folder: Path):
    clock = ManualClock()
    resource = origin.resources["/a"] = Resource(BODY, cache_control="max-age=60")
    async with open_on_disk(origin, folder, clock=clock, admission="all") as node:
        await node.ask("/a")
        await written(node, 7)
        clock.now_s += 90
        resource.content, resource.etag = BODY[::-1], '"v2"'
        assert (await node.ask("/a")).content == BODY[::-1]
        await written(node, 14)
    async with open_on_disk(origin, folder, clock=clock) as node:
        answer = await node.ask("/a")
        assert (answer.content, answer.headers["ETag"]) == (BODY[::-1], '"v2"')
        assert answer.cache_status.startswith("attacca; hit")


async def test_variants_come_back_each_to_its_own(origin: ScriptedOrigin, folder: Path):
    async def translate(request: web.BaseRequest) -> web.StreamResponse:
        language = request.headers.get("Accept-Language", "")
        fields = {"Vary": "Accept-Language", "Cache-Control": "max-age=60", "ETag": f'"{language}"'}
        return web.Response(body=language.encode() * 100, headers=fields)

    origin.behaviours["/a"] = translate
    async with open_on_disk(origin, folder, admission="all") as node:
        for language in ("de", "fr"):
            await node.ask("/a", headers={"Accept-Language": language})
            await written(node, 2 if language == "de" else 4)
    asked = len(origin.seen)
    async with open_on_disk(origin, folder) as node:
        for language in ("fr", "de"):
            answer = await node.ask("/a", headers={"Accept-Language": language})
            assert answer.content == language.encode() * 100
    assert len(origin.seen) == asked


@pytest.mark.parametrize("etag", [None, 'W/"v1"'])
async def test_without_a_strong_validator_all_of_it_comes_back_or_nothing(
    origin: ScriptedOrigin, folder: Path, etag: str | None
):
    origin.resources["/a"] = Resource(BODY, etag=etag)
    async with open_on_disk(origin, folder, admission="all") as node:
        await node.ask("/a")
        await written(node, 7)
    async with open_on_disk(origin, folder) as node:
        answer = await node.ask("/a")
        assert answer.content == BODY
        assert answer.cache_status.startswith("attacca; hit")
    some = max(files_of(folder), key=lambda path: path.stat().st_size)
    some.unlink()
    async with open_on_disk(origin, folder) as node:
        answer = await node.ask("/a")
        assert answer.content == BODY
        assert "fwd=uri-miss" in answer.cache_status


def files_of(folder: Path) -> list[Path]:
    return [path for path in (folder / "v1").rglob("*") if path.is_file()]


async def test_damage_is_fetched_again(origin: ScriptedOrigin, folder: Path):
    origin.resources["/a"] = Resource(BODY)
    async with open_on_disk(origin, folder, admission="all") as node:
        await node.ask("/a")
        await written(node, 7)
    for path in files_of(folder):
        if path.stat().st_size > SLICE:
            data = bytearray(path.read_bytes())
            data[-100] ^= 1
            path.write_bytes(data)
    async with open_on_disk(origin, folder) as node:
        assert (await node.ask("/a")).content == BODY
        assert (await node.range("/a", "5-9")).content == BODY[5:10]


@pytest.fixture
async def two_folders(
    origin: ScriptedOrigin, tmp_path: Path
) -> AsyncIterator[tuple[Node, list[Path]]]:
    paths = [tmp_path / name for name in ("one", "two")]
    disk = {
        "folders": [{"path": str(path), "bytes_max": 16 << 20} for path in paths],
        "min_free_bytes": 0,
        "admission": "all",
    }
    cache = {"disk": disk, "memory_bytes": SCARCE, "slice_bytes": SLICE, "object_share_max": 1.0}
    async with open_node(origin, cache=cache) as node:
        await listed(node)
        yield node, paths


async def test_several_folders_share_the_entries(
    origin: ScriptedOrigin, two_folders: tuple[Node, list[Path]]
):
    node, paths = two_folders
    targets = [f"/{n}" for n in range(12)]
    origin.resources |= {target: Resource(content_of(3 * SLICE)) for target in targets}
    for target in targets:
        await node.ask(target)
    await written(node, 48)
    counts = [len(files_of(path)) for path in paths]
    assert sum(counts) == 48
    assert min(counts) > 5


@pytest.fixture
def may_list(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Lets folders be listed."""
    allowed = threading.Event()
    build = FolderListing.build

    def build_late(self: FolderListing) -> DiskIndex:
        allowed.wait(10)
        return build(self)

    monkeypatch.setattr(FolderListing, "build", build_late)
    return allowed


def kept_in(folder: Path) -> dict[str, object]:
    disk: dict[str, object] = {
        "folders": [{"path": str(folder), "bytes_max": 16 << 20}],
        "min_free_bytes": 0,
        "admission": "all",
    }
    return {"disk": disk, "slice_bytes": SLICE}


async def test_what_arrives_while_a_folder_is_listed_is_written_when_it_is_asked_for_again(
    origin: ScriptedOrigin, folder: Path, may_list: threading.Event
):
    origin.resources["/a"] = Resource(BODY)
    async with open_node(origin, cache=kept_in(folder)) as node:
        await node.ask("/a")
        await node.ask("/a")
        may_list.set()
        await listed(node)
        assert await metric(node, "edge_disk_writes_total") == 0
        await node.ask("/a")
        await written(node, 7)
    assert len(origin.seen) == 1


@pytest.mark.parametrize("etag", ['"v1"', None])
async def test_the_upstream_is_not_asked_for_what_a_folder_has_that_is_still_being_listed(
    origin: ScriptedOrigin, folder: Path, may_list: threading.Event, etag: str | None
):
    origin.resources["/a"] = Resource(BODY, etag=etag)
    may_list.set()
    async with open_node(origin, cache=kept_in(folder)) as node:
        await listed(node)
        await node.ask("/a")
        await written(node, 7)
    may_list.clear()
    asked = len(origin.seen)
    async with open_node(origin, cache=kept_in(folder)) as node:
        answer = await node.ask("/a")
        assert answer.content == BODY
        assert answer.cache_status.startswith("attacca; hit")
        may_list.set()
    assert len(origin.seen) == asked


async def test_what_is_larger_than_the_memory_is_kept_on_disk(origin: ScriptedOrigin, folder: Path):
    body = content_of(40 * SLICE)
    origin.resources["/a"] = Resource(body)
    async with open_on_disk(origin, folder, admission="all") as node:
        assert (await node.ask("/a")).content == body
        await written(node, 41)
        again = await node.ask("/a")
        assert again.content == body
        assert again.cache_status.startswith("attacca; hit")
        assert node.service.store.bytes <= SCARCE


@pytest.mark.parametrize("admission", ["all", "second-request"])
async def test_content_of_unknown_length_is_there_after_a_restart(
    origin: ScriptedOrigin, folder: Path, admission: str
):
    async def stream(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Cache-Control": "max-age=60", "ETag": '"v1"'})
        response.enable_chunked_encoding()
        await response.prepare(request)
        await response.write(BODY)
        await response.write_eof()
        return response

    origin.behaviours["/a"] = stream
    async with open_on_disk(origin, folder, admission=admission) as node:
        await node.ask("/a")
        await node.ask("/a")
        await written(node, 7)
    asked = len(origin.seen)
    async with open_on_disk(origin, folder) as node:
        answer = await node.ask("/a")
        assert answer.content == BODY
        assert answer.cache_status.startswith("attacca; hit")
    assert len(origin.seen) == asked


async def test_an_older_version_comes_back_after_a_restart(origin: ScriptedOrigin, folder: Path):
    origin.resources["/a"] = Resource(BODY)
    async with open_on_disk(origin, folder) as node:
        await node.ask("/a")
        await node.ask("/a")
        await written(node, 7)
        origin.resources["/a"] = Resource(b"new", etag='"v2"')
        # It has come once, which is not enough to be written.
        answer = await node.ask("/a", headers={"Cache-Control": "no-cache"})
        assert answer.content == b"new"
    async with open_on_disk(origin, folder) as node:
        assert (await node.ask("/a")).content == b"new"


async def test_what_head_found_out_is_forgotten_in_a_restart(origin: ScriptedOrigin, folder: Path):
    origin.resources["/a"] = Resource(BODY)
    async with open_on_disk(origin, folder) as node:
        await node.ask("/a")
        await node.ask("/a")
        await written(node, 7)
        origin.resources["/a"] = Resource(b"new", etag='"v2"')
        await node.ask("/a", method="HEAD", headers={"Cache-Control": "no-cache"})
        await written(node, 8)
    async with open_on_disk(origin, folder) as node:
        assert (await node.ask("/a")).content == b"new"


async def test_a_record_that_the_disk_has_dropped_is_written_again(
    origin: ScriptedOrigin, folder: Path
):
    origin.resources["/a"] = Resource(BODY)
    async with open_on_disk(origin, folder, admission="all") as node:
        await node.range("/a", "0-9")
        await written(node, 2)
        disk = node.service.tiers.disk
        assert disk is not None
        disk.remove(record_id("/a"))
        assert (await node.ask("/a")).content == BODY
        await written(node, 8)
    asked = len(origin.seen)
    async with open_on_disk(origin, folder) as node:
        assert (await node.ask("/a")).content == BODY
    assert len(origin.seen) == asked
