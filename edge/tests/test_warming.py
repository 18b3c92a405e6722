"""Warming: what is here afterwards, what it costs the origin, and who goes first."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from config.tasks import open_tasks
from edge.adapters.aiohttp_upstream import open_upstream
from edge.metrics import EdgeCounts
from edge.pacing import Pace
from edge.purges import Purge, Purges
from edge.road_laying import Ground, WayToContent
from edge.slices import SliceStore
from edge.tests.conftest import ManualClock, content_of, settings_for
from edge.tests.scripted_origin import Resource, ScriptedOrigin
from edge.tiers import open_tiers
from edge.warm_request import Extent
from edge.warming import WarmCall, Warmed, Warmer, WarmLimits, WarmParts, WarmResult
from http_semantics.byte_range import ByteSlice

pytestmark = pytest.mark.socket

SLICE = 64 * 1024
STEP = 4 * SLICE
LONG = content_of(10 * SLICE + 77)


@dataclass
class Lane:
    """A warmer with a clock that moves only when it waits."""

    warmer: Warmer
    way: WayToContent
    store: SliceStore
    purges: Purges
    counts: EdgeCounts
    clock: ManualClock
    waits: list[float] = field(default_factory=list)

    async def warm(self, target: str, call: WarmCall | None = None) -> Warmed:
        return await self.warmer.warm(target, call or WarmCall())

    def has(self, target: str, start: int, stop: int) -> bool:
        (found,) = self.store.offered(target)
        return not list(self.way.fills.coverage.absent(found, ByteSlice(start, stop)))


@contextlib.asynccontextmanager
async def open_lane(
    origin: ScriptedOrigin,
    *,
    is_busy: Callable[[], bool] = lambda: False,
    bytes_per_s: float = 1e12,
    kept_bytes_max: int = 1 << 30,
    targets_max: int = 8,
    **cache: object,
) -> AsyncIterator[Lane]:
    settings = settings_for(origin.url, cache={"slice_bytes": SLICE, **cache})
    purges, counts, clock = Purges(entries_max=1000), EdgeCounts(), ManualClock()
    upstream = open_upstream(
        origin.url, credential=None, node_id="test", limits=settings.limits, clock=clock
    )
    async with (
        open_tiers(settings.cache, purges) as tiers,
        upstream as reached,
        open_tasks() as tasks,
    ):
        ground = Ground(settings, tiers, purges, reached, reached, tasks, counts, clock)
        way = WayToContent.of(ground)
        waits: list[float] = []

        async def wait(seconds: float) -> None:
            waits.append(seconds)
            clock.now_s += seconds
            await asyncio.sleep(0)

        warmer = Warmer(
            WarmParts(tiers.store, way.fills, way.reading, way.contacts, purges, is_busy, counts),
            WarmLimits(targets_max, bytes_per_s, SLICE, STEP, kept_bytes_max),
            is_token_checked=False,
            clock=clock,
            monotonic=clock,
            wait=wait,
        )
        yield Lane(warmer, way, tiers.store, purges, counts, clock, waits)


async def test_all_of_a_target_is_here_and_a_second_time_already(origin: ScriptedOrigin):
    origin.resources["/a"] = Resource(LONG)
    async with open_lane(origin) as lane:
        assert await lane.warm("/a") == Warmed(WarmResult.OK, len(LONG))
        assert lane.has("/a", 0, len(LONG))
        asked = len(origin.seen)
        assert await lane.warm("/a") == Warmed(WarmResult.ALREADY)
        assert len(origin.seen) == asked
    assert origin.ranges() == [
        f"bytes=0-{STEP - 1}",
        f"bytes={STEP}-{2 * STEP - 1}",
        f"bytes={2 * STEP}-{len(LONG) - 1}",
    ]
    assert origin.content_bytes == len(LONG)
    assert lane.counts.warmed == {"ok": 1, "already": 1}
    assert lane.counts.warmed_bytes == len(LONG)


@pytest.mark.parametrize(
    ("extent", "start", "stop"),
    [
        pytest.param(Extent(0, 1000), 0, SLICE, id="a beginning"),
        pytest.param(Extent(0, SLICE + 1), 0, 2 * SLICE, id="whole slices"),
        pytest.param(Extent(SLICE + 5, 2 * SLICE), SLICE, 2 * SLICE, id="a middle"),
        pytest.param(Extent(9 * SLICE + 5), 9 * SLICE, len(LONG), id="an end"),
        pytest.param(Extent(0, 10**9), 0, len(LONG), id="more than there is"),
    ],
)
async def test_whole_slices_of_what_is_wanted_are_fetched(
    origin: ScriptedOrigin, extent: Extent, start: int, stop: int
):
    origin.resources["/a"] = Resource(LONG)
    async with open_lane(origin) as lane:
        warmed = await lane.warm("/a", WarmCall(extent))
        assert warmed == Warmed(WarmResult.OK, stop - start)
        assert lane.has("/a", start, stop)
    assert origin.content_bytes == stop - start


async def test_only_what_is_missing_is_fetched(origin: ScriptedOrigin):
    origin.resources["/a"] = Resource(LONG)
    async with open_lane(origin) as lane:
        await lane.warm("/a", WarmCall(Extent(2 * SLICE, 3 * SLICE)))
        assert await lane.warm("/a") == Warmed(WarmResult.OK, len(LONG) - SLICE)
    assert origin.content_bytes == len(LONG)


@pytest.mark.parametrize(
    "resource",
    [
        pytest.param(Resource(LONG, ignores_ranges=True), id="ranges are ignored"),
        pytest.param(Resource(LONG, etag=None), id="no validator"),
        pytest.param(Resource(b""), id="empty"),
        pytest.param(Resource(b"x"), id="one byte"),
        pytest.param(Resource(LONG, truncate_at=5 * SLICE + 9), id="each answer is cut off"),
    ],
)
async def test_other_origins_and_contents(origin: ScriptedOrigin, resource: Resource):
    origin.resources["/a"] = resource
    async with open_lane(origin) as lane:
        warmed = await lane.warm("/a")
        assert warmed == Warmed(WarmResult.OK, len(resource.content))
        (found,) = lane.store.offered("/a")
        assert found.complete_length == len(resource.content)
        if resource.content:
            assert lane.has("/a", 0, len(resource.content))
        assert (await lane.warm("/a")).result is WarmResult.ALREADY


async def test_a_content_whose_length_only_its_end_tells(origin: ScriptedOrigin):
    async def stream(request: web.BaseRequest) -> web.StreamResponse:
        headers = {"Cache-Control": "max-age=60", "ETag": '"v1"'}
        response = web.StreamResponse(headers=headers)
        response.enable_chunked_encoding()
        await response.prepare(request)
        await response.write(LONG)
        return response

    origin.behaviours["/a"] = stream
    async with open_lane(origin) as lane:
        assert await lane.warm("/a") == Warmed(WarmResult.OK, len(LONG))
        assert lane.has("/a", 0, len(LONG))


@pytest.mark.parametrize(
    ("resource", "result", "reason"),
    [
        pytest.param(
            Resource(LONG, cache_control="no-store"), "not_storable", "no-store", id="no-store"
        ),
        pytest.param(
            Resource(LONG, cache_control="private"), "not_storable", "private", id="private"
        ),
        pytest.param(None, "error", "status-404", id="not there"),
    ],
)
async def test_what_cannot_be_warmed_is_told(
    origin: ScriptedOrigin, resource: Resource | None, result: str, reason: str
):
    if resource is not None:
        origin.resources["/a"] = resource
    async with open_lane(origin) as lane:
        assert await lane.warm("/a") == Warmed(WarmResult(result), 0, reason)
        assert lane.store.records == 0
    assert len(origin.seen) == 1


async def test_an_error_that_may_be_stored_is_not_what_was_meant(origin: ScriptedOrigin):
    async def refuse(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=404, text="nothing", headers={"Cache-Control": "max-age=60"})

    origin.behaviours["/a"] = refuse
    async with open_lane(origin) as lane:
        for _ in range(2):
            assert await lane.warm("/a") == Warmed(WarmResult.ERROR, 0, "status-404")
    assert len(origin.seen) == 1


async def test_what_would_take_the_place_of_everything_is_left(origin: ScriptedOrigin):
    origin.resources["/a"] = Resource(LONG)
    async with open_lane(origin, kept_bytes_max=5 * SLICE) as lane:
        assert (await lane.warm("/a")).reason == "too-large"
        warmed = await lane.warm("/a", WarmCall(Extent(0, 5 * SLICE)))
        assert warmed.result is WarmResult.OK
        assert lane.has("/a", 0, 5 * SLICE)


async def test_an_origin_that_is_away_is_an_error(origin: ScriptedOrigin):
    origin.url = "http://127.0.0.1:9"
    async with open_lane(origin) as lane:
        assert await lane.warm("/a") == Warmed(
            WarmResult.ERROR, 0, "upstream_unreachable", retry_after_s=1
        )


async def test_an_origin_that_asks_for_patience_tells_when_to_come_again(origin: ScriptedOrigin):
    async def package(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(
            status=503,
            headers={"Retry-After": "7", "Content-Type": "application/problem+json"},
            body=b'{"type": "urn:attacca:problem:packaging", "progress": 0.5}',
        )

    origin.behaviours["/a"] = package
    async with open_lane(origin) as lane:
        assert await lane.warm("/a") == Warmed(WarmResult.ERROR, 0, "packaging", 7)
        assert not lane.counts.upstream_errors


async def test_what_is_stale_is_validated_and_not_fetched_again(origin: ScriptedOrigin):
    origin.resources["/a"] = Resource(LONG, cache_control="max-age=60")
    async with open_lane(origin) as lane:
        await lane.warm("/a")
        lane.clock.now_s += 100
        assert await lane.warm("/a") == Warmed(WarmResult.ALREADY)
        lane.clock.now_s += 100
        origin.resources["/a"] = Resource(LONG[::-1], '"v2"', "max-age=60")
        assert await lane.warm("/a") == Warmed(WarmResult.OK, len(LONG))
    assert origin.content_bytes == 2 * len(LONG)


async def test_a_listener_and_warming_share_what_is_fetched(origin: ScriptedOrigin):
    resource = origin.resources["/a"] = Resource(LONG, pause_at=1000)
    async with open_lane(origin) as lane, asyncio.TaskGroup() as group:
        first = group.create_task(lane.warm("/a"))
        second = group.create_task(lane.warm("/a"))
        await origin.wait_for_requests(1)
        resource.pause_at = None
        resource.resume.set()
    assert first.result().result is second.result().result is WarmResult.OK
    assert origin.content_bytes == len(LONG)


async def test_what_is_purged_while_it_comes_is_fetched_again(origin: ScriptedOrigin):
    old = origin.resources["/a"] = Resource(LONG, pause_at=1000)
    async with open_lane(origin) as lane, asyncio.TaskGroup() as group:
        warming = group.create_task(lane.warm("/a"))
        await origin.wait_for_requests(1)
        lane.purges.apply(Purge(urls=("/a",)))
        origin.resources["/a"] = Resource(b"new", '"v2"')
        old.resume.set()
        assert (await warming).result is WarmResult.OK
        (found,) = lane.store.offered("/a")
        assert found.complete_length == 3


async def test_a_pace_holds_in_the_long_run(origin: ScriptedOrigin):
    targets = [f"/{number}" for number in range(6)]
    origin.resources |= {target: Resource(LONG) for target in targets}
    async with open_lane(origin, bytes_per_s=1 << 20) as lane:
        begin_s = lane.clock.now_s
        call = WarmCall(pace=Pace(256 << 10))
        await asyncio.gather(*(lane.warm(target, call) for target in targets))
        # What is fetched before its size is known is paid off by whoever comes next.
        charged_s = call.bytes / (256 << 10)
        unpaid_s = len(targets) * STEP / (256 << 10)
        assert charged_s - unpaid_s <= lane.clock.now_s - begin_s <= charged_s
        begin_s = lane.clock.now_s
        await lane.warm("/0")
        assert lane.clock.now_s - begin_s == 0  # What is here costs nothing.


async def test_nothing_begins_while_listeners_have_enough_to_wait_for(origin: ScriptedOrigin):
    origin.resources["/a"] = Resource(LONG)
    looks: list[int] = []

    def is_busy() -> bool:
        looks.append(len(origin.seen))
        return len(looks) % 5 != 0

    async with open_lane(origin, is_busy=is_busy) as lane:
        assert (await lane.warm("/a")).result is WarmResult.OK
    assert looks == [0] * 5 + [1] * 5 + [2] * 5
    assert len(origin.seen) == 3


async def test_so_many_at_once(origin: ScriptedOrigin):
    gate = asyncio.Event()
    targets = [f"/{number}" for number in range(10)]
    origin.resources |= {target: Resource(b"x", gate=gate) for target in targets}
    async with open_lane(origin, targets_max=3) as lane, asyncio.TaskGroup() as group:
        for target in targets:
            group.create_task(lane.warm(target))
        await origin.wait_for_requests(3)
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(origin.seen) == 3
        gate.set()
    assert len(origin.seen) == 10


async def test_who_stops_warming_leaves_no_more_than_a_slice_to_come(origin: ScriptedOrigin):
    resource = origin.resources["/a"] = Resource(LONG, pause_at=1000)
    async with open_lane(origin) as lane:
        async with asyncio.TaskGroup() as group:
            warming = group.create_task(lane.warm("/a"))
            await origin.wait_for_requests(1)
            warming.cancel()
        resource.resume.set()
        async with asyncio.timeout(10):
            while lane.counts.fills_under_way:  # noqa: ASYNC110 - nobody is told
                await asyncio.sleep(0)
        assert len(origin.seen) == 1
        assert (await lane.warm("/a")).result is WarmResult.OK
    assert lane.counts.upstream_errors == {}
