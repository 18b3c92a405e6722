"""Purging a running edge: what it serves afterwards, and what it does not."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import orjson
import pytest
from aiohttp import web

from config.listener import admin_app, open_listener
from edge.metrics import EdgeCounts, registry_of
from edge.purge_api import PurgeApi
from edge.purges import Purge, Purges
from edge.slices import SliceStore
from edge.tests.conftest import OPERATOR, Answer, Client, Node, content_of, open_client, open_node
from edge.tests.scripted_origin import Resource, ScriptedOrigin
from edge.tests.token_making import (
    AUDIO,
    bearer,
    open_guarded_node,
    open_scripted_drm,
    token_of,
)
from edge.tiers import Tiers

pytestmark = pytest.mark.socket

OLD, NEW = b"old" * 100, b"new" * 100
SLICE = 256 * 1024
LONG = content_of(6 * SLICE)


@pytest.fixture
async def admin(node: Node) -> AsyncIterator[Client]:
    async with open_admin(node) as admin:
        yield admin


@contextlib.asynccontextmanager
async def open_admin(node: Node) -> AsyncIterator[Client]:
    own = bearer(OPERATOR.reveal())
    async with open_client(node.service.admin_url, **own) as admin:
        yield admin


async def purge(admin: Client, **document: object) -> dict[str, object]:
    answer = await admin.ask("/admin/purge", method="POST", data=orjson.dumps(document))
    assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
    told: dict[str, object] = orjson.loads(answer.content)
    return told


def publish(node: Node, path: str, content: bytes, etag: str = '"v1"', tags: str = "t") -> None:
    node.origin.resources[path] = Resource(content, etag, fields={"Surrogate-Key": tags})


@pytest.mark.parametrize(
    "named",
    [
        pytest.param({"urls": ["/a/1"]}, id="URL"),
        pytest.param({"prefixes": ["/a/"]}, id="prefix"),
        pytest.param({"tags": ["mine"]}, id="tag"),
        pytest.param({"all": True}, id="all"),
    ],
)
async def test_nothing_purged_is_served_again(node: Node, admin: Client, named: dict[str, object]):
    publish(node, "/a/1", OLD, tags="mine album:b")
    publish(node, "/b", OLD)
    for target in ("/a/1", "/b"):
        await node.ask(target)
    publish(node, "/a/1", NEW, '"v2"')
    assert (await node.ask("/a/1")).content == OLD
    assert await purge(admin, **named) == {"applied": 1, "sequence": 1, "soft": False}
    answer = await node.ask("/a/1")
    assert answer.content == NEW
    assert "fwd=uri-miss" in answer.cache_status
    assert "hit" in (await node.ask("/a/1")).cache_status
    is_spared = "all" not in named
    assert ("hit" in (await node.ask("/b")).cache_status) is is_spared


async def test_a_soft_purge_validates_before_use_and_keeps_what_is_still_true(
    node: Node, admin: Client
):
    publish(node, "/a", OLD)
    await node.ask("/a")
    told = await purge(admin, tags=["t"], soft=True)
    assert told == {"applied": 1, "sequence": 1, "soft": True}
    validated = await node.ask("/a")
    assert validated.content == OLD
    assert "fwd=stale; fwd-status=304" in validated.cache_status
    assert "hit" in (await node.ask("/a")).cache_status
    publish(node, "/a", NEW, '"v2"')
    await purge(admin, tags=["t"], soft=True)
    assert (await node.ask("/a")).content == NEW


async def test_a_fill_from_before_a_purge_does_not_outlive_it(node: Node, admin: Client):
    old = node.origin.resources["/a"] = Resource(LONG, '"v1"', pause_at=1000)
    async with asyncio.TaskGroup() as group:
        early = group.create_task(node.range("/a", f"0-{len(LONG) - 1}"))
        await node.origin.wait_for_requests(1)
        await purge(admin, urls=["/a"])
        publish(node, "/a", NEW, '"v2"')
        late = await node.ask("/a")
        old.resume.set()
    assert late.content == NEW
    assert early.result().content == LONG  # Who reads it already finishes.
    again = await node.ask("/a")
    assert (again.content, "hit" in again.cache_status) == (NEW, True)


async def test_what_was_asked_before_a_purge_is_not_for_who_asks_after_it(
    node: Node, admin: Client
):
    gate = asyncio.Event()
    node.origin.resources["/a"] = Resource(OLD, '"v1"', gate=gate)
    async with asyncio.TaskGroup() as group:
        early = group.create_task(node.ask("/a"))
        await node.origin.wait_for_requests(1)
        await purge(admin, tags=["unknown yet"])
        publish(node, "/a", NEW, '"v2"')
        late = await node.ask("/a")
        await purge(admin, prefixes=["/a"])
        publish(node, "/a", b"newest", '"v3"')
        assert (await node.ask("/a")).content == b"newest"
        gate.set()
    assert (early.result().content, late.content) == (OLD, NEW)
    assert (await node.ask("/a")).content == b"newest"


async def test_a_purge_during_a_validation_counts(node: Node, admin: Client):
    publish(node, "/a", OLD)
    await node.ask("/a")
    await purge(admin, urls=["/a"], soft=True)
    gate = node.origin.resources["/a"].gate = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        early = group.create_task(node.ask("/a"))
        await node.origin.wait_for_requests(2)
        await purge(admin, urls=["/a"])
        gate.set()
    assert early.result().content == OLD
    assert "fwd=uri-miss" in (await node.ask("/a")).cache_status


GONE = {"Cache-Control": "no-store", "Content-Type": "application/problem+json"}


@pytest.mark.parametrize("status", [404, 410, 451])
@pytest.mark.parametrize("is_soft", [False, True], ids=["hard", "soft"])
async def test_what_was_taken_down_is_served_to_nobody(
    node: Node, admin: Client, status: int, is_soft: bool
):
    publish(node, "/a", LONG)
    assert (await node.range("/a", "0-99")).status == 206

    async def refuse(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=status, text="taken down", headers=GONE)

    node.origin.behaviours["/a"] = refuse
    await purge(admin, tags=["t"], soft=is_soft)
    for value in ("0-99", "0-99", f"{SLICE}-{SLICE + 9}"):
        answer = await node.range("/a", value)
        assert (answer.status, answer.content) == (status, b"taken down")
        assert answer.headers["Cache-Control"] == "no-store"
    assert (await node.ask("/a")).status == status
    assert node.service.store.records == 0


async def test_parts_that_are_still_missing_are_not_had_after_a_takedown(node: Node):
    publish(node, "/a", LONG)
    await node.range("/a", "0-99")

    async def refuse(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=451, headers=GONE)

    node.origin.behaviours["/a"] = refuse
    assert (await node.range("/a", f"{3 * SLICE}-")).status == 451
    assert (await node.range("/a", "0-99")).status == 451


@pytest.mark.parametrize(
    ("headers", "data", "status", "slug"),
    [
        pytest.param(
            {"Authorization": "Bearer x"}, b"{}", 401, "credential-missing", id="stranger"
        ),
        pytest.param({"Origin": "http://127.0.0.1"}, b"{}", 403, "call-refused", id="web page"),
        pytest.param({}, b"{}", 400, "purge-request", id="nothing named"),
    ],
)
async def test_other_calls_purge_nothing(
    node: Node, admin: Client, headers: dict[str, str], data: bytes, status: int, slug: str
):
    publish(node, "/a", OLD)
    await node.ask("/a")
    answer = await admin.ask("/admin/purge", method="POST", headers=headers, data=data)
    assert answer.status == status
    assert orjson.loads(answer.content)["type"].endswith(f":{slug}")
    assert "hit" in (await node.ask("/a")).cache_status


async def test_a_content_that_does_not_come_is_not_waited_for():
    purges = Purges(entries_max=1)

    async def purge(wanted: Purge) -> int:
        return purges.apply(wanted)

    tiers = Tiers(SliceStore(bytes_max=1 << 20), None, purge)
    registry = registry_of(EdgeCounts(), tiers, purges)
    admin = admin_app(registry=registry, readiness=dict, operator=OPERATOR)
    PurgeApi(purge, is_token_checked=True, content_s_max=0.05).add_to(admin)

    async def endless() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    async with (
        open_listener(admin, host="127.0.0.1", port=0, shutdown_s=0.01) as url,
        open_client(url) as client,
        client.session.post(
            f"{url}/admin/purge", headers=bearer(OPERATOR.reveal()), data=endless()
        ) as response,
    ):
        assert response.status == 408


async def test_purges_are_counted(node: Node, admin: Client):
    publish(node, "/a", OLD)
    await node.ask("/a")
    await purge(admin, urls=["/a", "/b"], tags=["t"])
    await node.ask("/a")
    await purge(admin, all=True, soft=True)
    await node.ask("/a")
    text = (await admin.ask("/metrics")).content.decode()
    for line in (
        'edge_purge_entries_total{kind="hard"} 3.0',
        'edge_purge_entries_total{kind="soft"} 1.0',
        'edge_purged_records_total{kind="hard"} 1.0',
        'edge_purged_records_total{kind="soft"} 1.0',
        "edge_purge_sequence 2.0",
        "edge_purge_entries_remembered 3.0",
    ):
        assert line in text, line


async def test_tags_are_for_the_edge_alone_while_tokens_are_checked(origin: ScriptedOrigin):
    tagged = {"Surrogate-Key": "track:a", "Cache-Groups": '"g"'}
    async with open_scripted_drm() as drm, open_guarded_node(origin, drm) as node:
        origin.resources[f"{AUDIO}/flac.mp4"] = Resource(OLD, fields=tagged)
        origin.resources[f"{AUDIO}/flac.json"] = Resource(OLD, None, "no-store", fields=tagged)
        headers = bearer(token_of())
        answers: list[Answer] = [
            await node.ask(f"{AUDIO}/{name}", headers=headers)
            for name in ("flac.mp4", "flac.mp4", "flac.json")
        ]
        assert [answer.status for answer in answers] == [200] * 3
        assert not any("Surrogate-Key" in answer.headers for answer in answers)
        async with open_admin(node) as admin:
            await purge(admin, tags=["track:a"])
        again = await node.ask(f"{AUDIO}/flac.mp4", headers=headers)
        assert "fwd=uri-miss" in again.cache_status
    async with open_node(origin) as node:
        general = await node.ask(f"{AUDIO}/flac.mp4")
        assert general.headers["Surrogate-Key"] == "track:a"


async def test_an_answer_to_head_from_before_a_purge_undoes_it(node: Node, admin: Client):
    publish(node, "/a", OLD)
    await node.ask("/a")
    resource = node.origin.resources["/a"]
    resource.gate = asyncio.Event()
    asking = asyncio.create_task(
        node.ask("/a", method="HEAD", headers={"Cache-Control": "no-cache"})
    )
    await node.origin.wait_for_requests(2)
    await purge(admin, urls=["/a"], soft=True)
    resource.gate.set()
    assert (await asking).status == 200
    assert "fwd=stale" in (await node.ask("/a")).cache_status
