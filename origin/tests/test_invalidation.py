from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from config.credentials import Credential
from config.listener import open_listener
from origin.adapters.http_edge import HttpEdge
from origin.adapters.memory_store import MemoryStore
from origin.invalidation import NOTE_AGE_S_MAX, UNRELEASED_S, Invalidation
from origin.metrics import OriginMetrics
from origin.outbox import Outbox

pytestmark = pytest.mark.socket

OPERATOR = Credential.generate()


class AdminListener:
    """A real listener in an edge's place, which can be told to refuse."""

    def __init__(self) -> None:
        self.status = 200
        self.asked = 0
        self.purged: list[list[str]] = []

    async def purge(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == f"Bearer {OPERATOR.reveal()}"
        document = await request.json()
        self.asked += 1
        if self.status == 200:
            self.purged.append(document["tags"])
        return web.Response(status=self.status)


class World:
    """Two edges, an outbox, and clocks that are set by hand."""

    def __init__(self, session: aiohttp.ClientSession, urls: list[str]) -> None:
        self.now_s = 1_700_000_000.0
        store = MemoryStore(size_max=1 << 20, clock=lambda: self.now_s)
        self.outbox = Outbox(store, clock=lambda: self.now_s)
        self.figures = OriginMetrics()
        self.edges = [HttpEdge(url, OPERATOR, session) for url in urls]
        self.invalidation = self.restarted()

    def restarted(self) -> Invalidation:
        return Invalidation(
            self.outbox,
            self.edges,
            figures=self.figures,
            clock=lambda: self.now_s,
            monotonic=lambda: self.now_s,
        )

    async def change(self, *tags: str) -> None:
        async with self.outbox.announcing(tags):
            pass


@pytest.fixture
def listeners() -> list[AdminListener]:
    return [AdminListener(), AdminListener()]


@pytest.fixture
async def world(listeners: list[AdminListener]) -> AsyncIterator[World]:
    async with aiohttp.ClientSession() as session:
        urls = []
        apps = []
        for listener in listeners:
            app = web.Application()
            app.router.add_post("/admin/purge", listener.purge)
            opened = open_listener(app, host="127.0.0.1", port=0)
            urls.append(await opened.__aenter__())
            apps.append(opened)
        yield World(session, urls)
        for opened in apps:
            await opened.__aexit__(None, None, None)


async def test_every_edge_is_told_once_and_the_note_is_dropped(
    world: World, listeners: list[AdminListener]
):
    await world.change("track:a", "album:x")
    world.now_s += 1
    await world.change("track:b", "album:x")
    await world.invalidation.deliver()
    await world.invalidation.deliver()
    assert [one.purged for one in listeners] == [[["track:a", "album:x", "track:b"]]] * 2
    assert await world.outbox.notes() == []


async def test_an_edge_that_refuses_is_told_again_and_holds_up_nobody(
    world: World, listeners: list[AdminListener]
):
    well, ill = listeners
    ill.status = 503
    await world.change("track:a")
    await world.invalidation.deliver()
    world.now_s += 1
    await world.change("track:b")
    await world.invalidation.deliver()
    assert well.purged == [["track:a"], ["track:b"]]
    assert len(await world.outbox.notes()) == 2
    ill.status = 200
    await world.invalidation.deliver()
    assert ill.purged == [["track:a", "track:b"]]
    assert await world.outbox.notes() == []


async def test_an_edge_that_stays_away_is_asked_less_and_less_often(
    world: World, listeners: list[AdminListener]
):
    well, ill = listeners
    ill.status = 503
    for _ in range(120):
        await world.change(f"track:{world.now_s}")
        await world.invalidation.deliver()
        world.now_s += 1
    assert len(well.purged) == 120
    assert ill.asked == len([0, 1, 2, 3, 6, 13, 28, 58, 88, 118])
    ill.status = 200
    world.now_s += 30
    await world.invalidation.deliver()
    assert await world.outbox.notes() == []


async def test_what_was_not_confirmed_is_told_after_a_restart(
    world: World, listeners: list[AdminListener]
):
    listeners[1].status = 500
    await world.change("track:a")
    await world.invalidation.deliver()
    listeners[1].status = 200
    await world.restarted().deliver()
    assert listeners[1].purged == [["track:a"]]
    assert await world.outbox.notes() == []


async def test_a_change_under_way_waits_and_a_change_that_died_does_not_wait_for_ever(
    world: World, listeners: list[AdminListener]
):
    async with world.outbox.announcing(["track:a"]):
        await world.invalidation.deliver()
        assert listeners[0].purged == []
        world.now_s += UNRELEASED_S
        await world.invalidation.deliver()
        assert listeners[0].purged == [["track:a"]]


async def test_a_note_that_nobody_confirms_is_dropped_in_the_end(
    world: World, listeners: list[AdminListener]
):
    listeners[0].status = 500
    await world.change("track:a")
    world.now_s += NOTE_AGE_S_MAX + 1
    await world.invalidation.deliver()
    assert await world.outbox.notes() == []


async def test_an_origin_without_edges_leaves_the_notes_to_others(world: World):
    world.edges = []
    await world.change("track:a")
    await world.restarted().deliver()
    assert len(await world.outbox.notes()) == 1


async def test_many_tags_go_out_in_several_calls(world: World, listeners: list[AdminListener]):
    for number in range(5):
        await world.change(*(f"track:{number}-{one}" for one in range(64)))
    await world.invalidation.deliver()
    assert [len(tags) for tags in listeners[0].purged] == [256, 64]
