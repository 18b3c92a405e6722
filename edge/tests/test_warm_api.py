"""Warming a running edge: what its operator is told, and what its listeners have of it."""

import asyncio
import contextlib
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import orjson
import pytest
from aiohttp import web

from config.listener import admin_app, open_listener
from edge.metrics import EdgeCounts, registry_of
from edge.purges import Purge, Purges
from edge.slices import SliceStore
from edge.tests.conftest import OPERATOR, Answer, Client, Node, content_of, open_client, open_node
from edge.tests.scripted_origin import FOREVER, Resource, ScriptedOrigin
from edge.tests.test_disk_serving import open_on_disk, written
from edge.tests.token_making import (
    AUDIO,
    CONTENT,
    bearer,
    open_guarded_node,
    open_scripted_drm,
    token_of,
)
from edge.tiers import Tiers
from edge.warm_api import WarmApi
from edge.warming import WarmCall, Warmed, WarmResult

pytestmark = pytest.mark.socket

SLICE = 64 * 1024
LONG = content_of(5 * SLICE + 77)


@contextlib.asynccontextmanager
async def open_admin(node: Node) -> AsyncIterator[Client]:
    async with open_client(node.service.admin_url, **bearer(OPERATOR.reveal())) as admin:
        yield admin


async def post(admin: Client, **document: object) -> Answer:
    return await admin.ask("/admin/warm", method="POST", data=orjson.dumps(document))


def lines_of(answer: Answer) -> list[dict[str, object]]:
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    assert answer.headers["Cache-Control"] == "no-store"
    return [json.loads(line) for line in answer.content.splitlines()]


async def test_what_was_warmed_is_a_hit(node: Node):
    node.origin.resources |= {"/a": Resource(LONG), "/b": Resource(b"b", cache_control="no-store")}
    async with open_admin(node) as admin:
        lines = lines_of(await post(admin, targets=["/a", "/b", "/c?d=e", "/a"], concurrency=1))
        metrics = (await admin.ask("/metrics")).content.decode()
    assert lines == [
        {"event": "target", "index": 0, "target": "/a", "result": "ok", "bytes": len(LONG)},
        {
            "event": "target",
            "index": 1,
            "target": "/b",
            "result": "not_storable",
            "bytes": 0,
            "reason": "no-store",
        },
        {
            "event": "target",
            "index": 2,
            "target": "/c?d=e",
            "result": "error",
            "bytes": 0,
            "reason": "status-404",
        },
        {"event": "target", "index": 3, "target": "/a", "result": "already", "bytes": 0},
        {
            "event": "done",
            "ok": 1,
            "already": 1,
            "not_storable": 1,
            "error": 1,
            "bytes": len(LONG),
        },
    ]
    answer = await node.ask("/a")
    assert answer.content == LONG
    assert answer.cache_status.startswith("attacca; hit")
    assert 'edge_warmed_targets_total{result="ok"} 1.0' in metrics
    assert f"edge_warmed_bytes_total {len(LONG):.1f}" in metrics
    assert 'edge_responses_total{result="hit"' not in metrics  # Nobody was served.


async def test_many_targets_go_at_once_and_each_is_told(node: Node):
    targets = [f"/{number}" for number in range(1000)]
    node.origin.resources |= {target: Resource(target.encode()) for target in targets}
    async with open_admin(node) as admin:
        *lines, done = lines_of(await post(admin, targets=targets))
        refused = await post(admin, targets=targets * 10)
    assert sorted(str(line["target"]) for line in lines) == sorted(targets)
    assert (done["ok"], done["error"]) == (1000, 0)
    assert refused.status == 400
    assert len(node.origin.seen) == 1000


async def test_a_token_is_neither_needed_nor_shown(origin: ScriptedOrigin):
    token = token_of()
    async with open_scripted_drm() as drm, open_guarded_node(origin, drm) as node:
        named = [
            f"{AUDIO}/flac.mp4",
            f"/~{token}{AUDIO}/flac.json",
            f"https://elsewhere.example/~{token}{AUDIO}/manifest.mpd",
            f"/~{token}/v1/../licenses",
            "/v1/licenses/clearkey",
        ]
        async with open_admin(node) as admin:
            answer = await post(admin, targets=named)
        *lines, done = lines_of(answer)
        assert (done["ok"], done["error"], done["bytes"]) == (3, 2, 3 * len(CONTENT))
        assert [line["target"] for line in lines if line["result"] == "ok"] == [
            f"{AUDIO}/{name}" for name in ("flac.mp4", "flac.json", "manifest.mpd")
        ]
        assert {line["reason"] for line in lines if line["result"] == "error"} == {"target"}
        assert token.encode() not in answer.content
        for name in ("flac.mp4", "flac.json", "manifest.mpd"):
            heard = await node.ask(f"{AUDIO}/{name}", headers=bearer(token))
            assert heard.cache_status.startswith("attacca; hit")
        assert (await node.ask(f"{AUDIO}/flac.mp4")).status == 401
        assert not any("Attacca-Session" in one.headers for one in origin.seen)


@pytest.mark.parametrize("is_known", [False, True], ids=["new", "in memory already"])
async def test_what_was_warmed_is_on_disk_after_a_restart(
    origin: ScriptedOrigin, tmp_path: Path, is_known: bool
):
    origin.resources["/a"] = Resource(LONG)
    async with open_on_disk(origin, tmp_path / "disk") as node:
        if is_known:
            await node.ask("/a")  # Once, which is not worth a write.
        async with open_admin(node) as admin:
            line, _ = lines_of(await post(admin, targets=["/a"]))
        assert line["result"] == ("already" if is_known else "ok")
        await written(node, 7)
    asked = len(origin.seen)
    async with open_on_disk(origin, tmp_path / "disk") as node:
        async with open_admin(node) as admin:
            line, _ = lines_of(await post(admin, targets=["/a"]))
        assert line["result"] == "already"
        answer = await node.ask("/a")
        assert (answer.content, "hit" in answer.cache_status) == (LONG, True)
    assert len(origin.seen) == asked


async def test_what_was_warmed_is_purged_like_all_else(node: Node):
    node.origin.resources["/a"] = Resource(b"old")
    async with open_admin(node) as admin:
        await post(admin, targets=["/a"])
        node.origin.resources["/a"] = Resource(b"new", '"v2"')
        await node.service.tiers.purge(Purge(urls=("/a",)))
        line, _ = lines_of(await post(admin, targets=["/a"]))
        assert line["result"] == "ok"
    assert (await node.ask("/a")).content == b"new"


async def test_a_listener_who_comes_meanwhile_shares_it(node: Node):
    gate = asyncio.Event()
    node.origin.resources["/a"] = Resource(b"shared", gate=gate)
    async with open_admin(node) as admin, asyncio.TaskGroup() as group:
        warming = group.create_task(post(admin, targets=["/a"]))
        await node.origin.wait_for_requests(1)
        listener = group.create_task(node.range("/a", "0-2"))
        await asyncio.sleep(0)
        gate.set()
    assert listener.result().content == b"sha"
    assert lines_of(warming.result())[0]["result"] == "ok"
    assert len(node.origin.seen) == 1


async def test_listeners_go_first(origin: ScriptedOrigin):
    gate = asyncio.Event()
    origin.resources |= {f"/{n}": Resource(b"x", gate=gate) for n in range(3)}
    origin.resources["/warm"] = Resource(b"w")
    async with open_node(origin, limits={"fills_max": 4, "shutdown_s": 0.2}) as node:
        async with open_admin(node) as admin, asyncio.TaskGroup() as group:
            for number in range(2):
                group.create_task(node.ask(f"/{number}"))
            await origin.wait_for_requests(2)
            warming = group.create_task(post(admin, targets=["/warm"]))
            group.create_task(node.ask("/2"))
            await origin.wait_for_requests(3)  # The listener's, while warming waits.
            assert not any(one.target == "/warm" for one in origin.seen)
            gate.set()
        assert lines_of(warming.result())[0]["result"] == "ok"
    assert origin.seen[-1].target == "/warm"


class EndlessWarmer:
    """Fetches for ever."""

    def __init__(self) -> None:
        self.begun = 0
        self.ended = asyncio.Event()
        self.left = 0

    async def warm(self, target: str, call: WarmCall) -> Warmed:
        if target == "/quick":
            return Warmed(WarmResult.OK)
        self.begun += 1
        self.left += 1
        call.bytes += 100
        try:
            await asyncio.Event().wait()
        finally:
            self.left -= 1
            if not self.left:
                self.ended.set()
        raise AssertionError


@contextlib.asynccontextmanager
async def open_api(warmer: EndlessWarmer, **changes: float) -> AsyncIterator[Client]:
    purges = Purges(entries_max=1)

    async def purge(wanted: Purge) -> int:
        return purges.apply(wanted)

    tiers = Tiers(SliceStore(bytes_max=1 << 20), None, purge)
    registry = registry_of(EdgeCounts(), tiers, purges)
    admin = admin_app(registry=registry, readiness=dict, operator=OPERATOR)
    WarmApi(warmer.warm, is_token_checked=True, **changes).add_to(admin)
    async with (
        open_listener(admin, host="127.0.0.1", port=0, shutdown_s=0.01) as url,
        open_client(url, **bearer(OPERATOR.reveal())) as client,
    ):
        yield client


@contextlib.asynccontextmanager
async def posted(client: Client, *targets: str) -> AsyncIterator[aiohttp.ClientResponse]:
    async with client.session.post(
        f"{client.url}/admin/warm", headers=client.headers, json={"targets": targets}
    ) as response:
        yield response


async def test_a_caller_who_goes_away_cancels_the_rest():
    warmer = EndlessWarmer()
    async with open_api(warmer, progress_s=0.01) as client:
        async with posted(client, "/quick", "/a", "/b") as response:
            first = json.loads(await response.content.readline())
            second = json.loads(await response.content.readline())
            assert first["target"] == "/quick"
            assert second == {"event": "progress", "bytes": 200}
            response.close()
        async with asyncio.timeout(10):
            await warmer.ended.wait()
    assert (warmer.begun, warmer.left) == (2, 0)


async def test_a_node_that_stops_ends_what_is_being_warmed():
    warmer = EndlessWarmer()
    async with open_api(warmer) as client, posted(client, "/quick", "/a") as response:
        await response.content.readline()
    async with asyncio.timeout(10):
        await warmer.ended.wait()
    assert (warmer.begun, warmer.left) == (1, 0)


async def test_no_more_calls_than_it_may_work_on():
    async with (
        open_api(EndlessWarmer()) as client,
        contextlib.AsyncExitStack() as stack,
    ):
        for _ in range(8):
            await stack.enter_async_context(posted(client, "/a"))
        async with posted(client, "/a") as response:
            assert response.status == 503
            assert (await response.json(content_type=None))["type"].endswith(":overloaded")


@pytest.mark.parametrize(
    ("headers", "data", "status", "slug"),
    [
        pytest.param(
            {"Authorization": "Bearer x"}, b"{}", 401, "credential-missing", id="stranger"
        ),
        pytest.param({"Origin": "http://127.0.0.1"}, b"{}", 403, "call-refused", id="web page"),
        pytest.param({}, b"{}", 400, "warm-request", id="nothing named"),
    ],
)
async def test_other_calls_warm_nothing(
    node: Node, headers: dict[str, str], data: bytes, status: int, slug: str
):
    async with open_admin(node) as admin:
        answer = await admin.ask("/admin/warm", method="POST", headers=headers, data=data)
    assert answer.status == status
    assert orjson.loads(answer.content)["type"].endswith(f":{slug}")
    assert not node.origin.seen


async def test_more_content_than_a_call_needs_is_refused(node: Node):
    async with (
        open_admin(node) as admin,
        admin.session.post(
            f"{admin.url}/admin/warm", headers=admin.headers, data=io.BytesIO(b" " * (2 << 20))
        ) as response,
    ):
        assert response.status == 413


async def test_a_content_that_does_not_come_is_not_waited_for():
    async def endless() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    async with (
        open_api(EndlessWarmer(), content_s_max=0.05) as client,
        client.session.post(
            f"{client.url}/admin/warm", headers=client.headers, data=endless()
        ) as response,
    ):
        assert response.status == 408


async def test_an_origin_whose_answers_hang_is_an_error(origin: ScriptedOrigin):
    async def hang(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Cache-Control": FOREVER, "ETag": '"v1"'})
        response.content_length = 100
        await response.prepare(request)
        await asyncio.Event().wait()
        return response

    origin.behaviours["/a"] = hang
    limits = {"upstream_stall_s": 0.05, "shutdown_s": 0.2}
    async with open_node(origin, limits=limits) as node, open_admin(node) as admin:
        line, _ = lines_of(await post(admin, targets=["/a"]))
        assert (line["result"], line["reason"]) == ("error", "upstream_stalled")
