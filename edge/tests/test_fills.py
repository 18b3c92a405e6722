"""Fills: one per slice, followed as bytes arrive, apart from listeners, never wrong."""

import asyncio
import json

import aiohttp
import pytest
from aiohttp import web

from edge.fields import session_digest
from edge.tests.conftest import Answer, Node, content_of, open_client, open_node
from edge.tests.scripted_origin import FOREVER, Resource, ScriptedOrigin
from edge.tests.token_making import AUDIO, bearer, open_guarded_node, open_scripted_drm, token_of

pytestmark = pytest.mark.socket

SLICE = 256 * 1024
BODY = content_of(8 * SLICE)


async def test_50_listeners_on_one_cold_slice_cost_one_request(node: Node):
    resource = node.origin.resources["/a"] = Resource(BODY, gate=asyncio.Event())
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(node.range("/a", f"{n}-{n + 65_535}")) for n in range(50)]
        await node.origin.wait_for_requests(1)
        assert resource.gate is not None
        resource.gate.set()
    for n, task in enumerate(tasks):
        assert task.result().content == BODY[n : n + 65_536]
    assert len(node.origin.seen) == 1
    assert sum("collapsed" in task.result().cache_status for task in tasks) == 49


async def test_followers_get_bytes_while_the_fill_is_under_way(node: Node):
    resource = node.origin.resources["/a"] = Resource(BODY, pause_at=300_000)
    async with node.client.session.get(f"{node.client.url}/a") as leader:
        assert await leader.content.readexactly(300_000) == BODY[:300_000]
        async with node.client.session.get(f"{node.client.url}/a") as follower:
            assert await follower.content.readexactly(300_000) == BODY[:300_000]
            behind = await node.range("/a", "1000-1999")
            assert behind.content == BODY[1000:2000]
            within = await node.range("/a", f"{SLICE}-{SLICE + 999}")
            assert within.content == BODY[SLICE : SLICE + 1000]
            assert within.cache_status.startswith("attacca; hit")
            resource.resume.set()
            assert await follower.content.read() == BODY[300_000:]
        assert await leader.content.read() == BODY[300_000:]
    assert len(node.origin.seen) == 1


async def test_a_range_ahead_of_the_fill_is_fetched_at_once_and_stored_once(node: Node):
    resource = node.origin.resources["/a"] = Resource(BODY, pause_at=100_000)
    async with node.client.session.get(f"{node.client.url}/a") as leader:
        await leader.content.readexactly(100_000)
        resource.pause_at = None
        tail = await node.range("/a", f"{7 * SLICE}-{7 * SLICE + 999}")
        assert tail.content == BODY[7 * SLICE :][:1000]
        assert node.origin.ranges() == [None, f"bytes={7 * SLICE}-{8 * SLICE - 1}"]
        resource.resume.set()
        assert await leader.content.read() == BODY[100_000:]
    assert node.service.store.slices == 8
    assert (await node.ask("/a")).content == BODY


async def test_a_fill_leaves_out_what_others_have_fetched_meanwhile(node: Node):
    resource = node.origin.resources["/a"] = Resource(BODY, pause_at=100_000)
    async with node.client.session.get(f"{node.client.url}/a") as leader:
        await leader.content.readexactly(100_000)
        resource.pause_at = None
        await node.range("/a", f"{2 * SLICE}-{7 * SLICE - 1}")
        resource.resume.set()
        assert await leader.content.read() == BODY[100_000:]
    assert node.service.store.slices == 8
    assert node.origin.ranges() == [None, f"bytes={2 * SLICE}-{8 * SLICE - 1}"]


async def test_a_leaving_listener_does_not_end_the_fill(node: Node):
    resource = node.origin.resources["/a"] = Resource(BODY, pause_at=100_000)
    async with open_client(node.client.url) as other:
        response = await other.session.get(f"{node.client.url}/a")
        await response.content.readexactly(50_000)
        response.close()
    follower = asyncio.create_task(node.ask("/a"))
    resource.resume.set()
    assert (await follower).content == BODY
    assert len(node.origin.seen) == 1
    assert (await node.ask("/a")).cache_status.startswith("attacca; hit")


async def test_a_listener_who_leaves_before_the_head_leaves_the_others_waiting(node: Node):
    resource = node.origin.resources["/a"] = Resource(BODY, gate=asyncio.Event())
    leader = asyncio.create_task(node.ask("/a"))
    await node.origin.wait_for_requests(1)
    follower = asyncio.create_task(node.ask("/a"))
    leader.cancel()
    assert resource.gate is not None
    resource.gate.set()
    assert (await follower).content == BODY
    assert len(node.origin.seen) == 1


async def test_a_slow_listener_does_not_slow_the_fill(node: Node):
    node.origin.resources["/a"] = Resource(content_of(32 * SLICE))
    async with node.client.session.get(f"{node.client.url}/a") as slow:
        await slow.content.readexactly(1)
        assert (await node.ask("/a")).content == content_of(32 * SLICE)
    assert node.origin.content_bytes == 32 * SLICE


async def test_a_truncated_answer_goes_on_where_it_was_cut_off(node: Node):
    node.origin.resources["/a"] = Resource(BODY, truncate_at=SLICE + 5000)
    assert (await node.ask("/a")).content == BODY
    second = node.origin.seen[1].headers
    assert second["Range"] == f"bytes={SLICE + 5000}-{len(BODY) - 1}"
    assert second["If-Range"] == '"v1"'
    assert node.origin.content_bytes == len(BODY)
    assert node.service.counts.resumptions == len(node.origin.seen) - 1
    assert node.service.counts.upstream_errors["upstream_truncated"] == len(node.origin.seen) - 1


async def test_a_version_that_changes_before_the_rest_is_asked_for_cuts_the_listener(node: Node):
    resource = node.origin.resources["/a"] = Resource(BODY, truncate_at=SLICE + 5000)
    async with node.client.session.get(f"{node.client.url}/a") as response:
        assert await response.content.readexactly(1000) == BODY[:1000]
        resource.etag = '"v2"'
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.content.read()


async def test_without_a_strong_validator_a_truncated_answer_is_forgotten(node: Node):
    resource = node.origin.resources["/a"] = Resource(BODY, etag='W/"v1"', truncate_at=SLICE + 5000)
    async with node.client.session.get(f"{node.client.url}/a") as response:
        assert await response.content.readexactly(SLICE) == BODY[:SLICE]
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.content.read()
    assert node.service.counts.upstream_errors["upstream_truncated"] == 1
    resource.truncate_at = None
    assert (await node.ask("/a")).content == BODY


async def test_a_truncated_answer_is_an_error_where_nothing_was_sent_yet(node: Node):
    resource = node.origin.resources["/a"] = Resource(BODY)
    await node.range("/a", "0-0")
    resource.truncate_at = 0
    node.origin.behaviours["/a"] = cut_at_once
    answer = await node.range("/a", f"{SLICE}-{SLICE + 9}")
    assert answer.status == 502
    assert answer.headers["Content-Type"] == "application/problem+json"
    del node.origin.behaviours["/a"]
    resource.truncate_at = None
    assert (await node.range("/a", f"{SLICE}-{SLICE + 9}")).status == 206


async def cut_at_once(request: web.BaseRequest) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


def answering(status: int, content: bytes, **fields: str):
    """An origin that says this and nothing else."""

    async def behave(request: web.BaseRequest) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in fields.items()}
        return web.Response(status=status, body=content, headers=named)

    return behave


@pytest.mark.parametrize(
    ("status", "fields", "reason"),
    [
        pytest.param(
            206,
            {"ETag": '"v1"', "Content_Range": f"bytes 0-{SLICE - 1}/{len(BODY)}"},
            "upstream_range",
            id="other range",
        ),
        pytest.param(206, {"ETag": '"v1"'}, "upstream_range", id="no Content-Range"),
        pytest.param(
            206,
            {"ETag": '"v1"', "Content_Range": f"bytes {SLICE}-{2 * SLICE - 2}/{len(BODY)}"},
            "upstream_range",
            id="shorter range",
        ),
        pytest.param(500, {}, "upstream_status", id="failing"),
    ],
)
async def test_a_wrong_answer_to_a_fill_is_an_error(
    node: Node, status: int, fields: dict[str, str], reason: str
):
    node.origin.resources["/a"] = Resource(BODY)
    await node.range("/a", "0-0")
    node.origin.behaviours["/a"] = answering(status, BODY[:SLICE], **fields)
    answer = await node.range("/a", f"{SLICE}-{SLICE + 9}")
    assert answer.status == 502
    assert node.service.store.slices == 1
    assert node.service.counts.upstream_errors[reason] > 0
    del node.origin.behaviours["/a"]
    again = await node.range("/a", f"{SLICE}-{SLICE + 9}")
    assert again.content == BODY[SLICE : SLICE + 10]


@pytest.mark.parametrize("is_known", [False, True], ids=["first contact", "missing part"])
async def test_packaging_is_told_at_once_to_all_who_wait_and_kept_for_nobody(
    node: Node, is_known: bool
):
    node.origin.resources["/a"] = Resource(BODY)
    if is_known:
        await node.range("/a", "0-9")
    gate = asyncio.Event()
    told = {"type": "urn:attacca:problem:packaging", "progress": 0.5}

    async def package(_: web.BaseRequest) -> web.StreamResponse:
        await gate.wait()
        fields = {
            "Retry-After": "2",
            "Cache-Control": "no-store",
            "Content-Type": "application/problem+json",
        }
        return web.Response(status=503, body=json.dumps(told), headers=fields)

    before = len(node.origin.seen)
    node.origin.behaviours["/a"] = package
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(node.range("/a", "600000-600009")) for _ in range(5)]
        await node.origin.wait_for_requests(before + 1)
        for _ in range(20):
            await node.ask("/other", method="HEAD")  # All have reached the edge by then.
        gate.set()
    paths = [one.target for one in node.origin.seen[before:]]
    assert paths.count("/a") == 1
    for task in asked:
        answer = task.result()
        assert (answer.status, json.loads(answer.content)) == (503, told)
        assert answer.headers["Retry-After"] == "2"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert "stored" not in answer.cache_status
    del node.origin.behaviours["/a"]
    ready = await node.range("/a", "600000-600009")
    assert (ready.status, ready.content) == (206, BODY[600_000:600_010])
    assert not node.service.counts.upstream_errors
    assert node.service.counts.packaging == 1


class BusySessions:
    """An origin that does no more for some sessions; it answers when all have asked."""

    def __init__(self, origin: ScriptedOrigin, *sessions: str) -> None:
        self._origin = origin
        self._digests = [session_digest(session) for session in sessions]
        self.asked: list[str | None] = []
        self.gate = asyncio.Event()

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        digest = request.headers.get("Attacca-Session")
        self.asked.append(digest)
        await self.gate.wait()
        if digest not in self._digests:
            return await self._origin.serve(request, Resource(BODY))
        problem = {"type": "urn:attacca:problem:session-busy"}
        fields = {"Retry-After": "5", "Cache-Control": "no-store"}
        return web.json_response(
            problem, status=503, headers=fields, content_type="application/problem+json"
        )


async def ask_in_order(
    node: Node, behaviour: BusySessions, target: str, sessions: list[str]
) -> list[Answer]:
    """Answers to the same range for several sessions that ask in this order and then wait."""
    before = len(node.origin.seen)
    node.origin.behaviours[target] = behaviour
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        tasks = []
        for session in sessions:
            headers = {"Range": "bytes=600000-600009", **bearer(token_of(session=session))}
            tasks.append(group.create_task(node.ask(target, headers=headers)))
            await node.origin.wait_for_requests(before + 1)
            for _ in range(10):  # It has reached the edge by then.
                await node.ask(
                    "/v1/x",
                    method="HEAD",
                    headers=bearer(token_of(prefixes=("/v1/",), is_path_bound=False)),
                )
        behaviour.gate.set()
    return [task.result() for task in tasks]


@pytest.mark.parametrize("is_known", [False, True], ids=["first contact", "missing part"])
async def test_a_busy_session_is_told_to_none_but_itself(origin: ScriptedOrigin, is_known: bool):
    target = f"{AUDIO}/flac.mp4"
    async with open_scripted_drm() as drm, open_guarded_node(origin, drm) as node:
        origin.resources[target] = Resource(BODY)
        if is_known:
            await node.range(target, "0-9", **bearer(token_of()))
        behaviour = BusySessions(origin, "busy", "busy-too")
        sessions = ["busy", "idle", "busy-too", "idle-too", "busy"]
        answers = await ask_in_order(node, behaviour, target, sessions)
    assert [one.status for one in answers] == [503, 206, 206, 206, 503]
    assert answers[0].headers["Retry-After"] == "5"
    assert answers[1].content == BODY[600_000:600_010]
    assert behaviour.asked[:2] == [session_digest("busy"), session_digest("idle")]
    assert set(behaviour.asked[2:]) <= {session_digest("idle")}
    assert node.service.counts.session_busy == 1
    assert not node.service.counts.upstream_errors


async def test_who_follows_none_but_busy_sessions_is_served_in_the_end(origin: ScriptedOrigin):
    target = f"{AUDIO}/flac.mp4"
    busy = [f"busy-{number}" for number in range(12)]
    async with open_scripted_drm() as drm, open_guarded_node(origin, drm) as node:
        origin.resources[target] = Resource(BODY)
        behaviour = BusySessions(origin, *busy)
        answers = await ask_in_order(node, behaviour, target, [*busy, "idle"])
    assert [one.status for one in answers] == [503] * 12 + [206]


async def test_another_503_for_a_missing_part_is_told_and_counted_as_a_failure(node: Node):
    node.origin.resources["/a"] = Resource(BODY)
    await node.range("/a", "0-9")

    async def refuse(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=503, text="try later", headers={"Retry-After": "9"})

    node.origin.behaviours["/a"] = refuse
    answer = await node.range("/a", "600000-600009")
    assert (answer.status, answer.content) == (503, b"try later")
    assert answer.headers["Retry-After"] == "9"
    assert node.service.counts.upstream_errors == {"upstream_busy": 1}
    assert (await node.range("/a", "0-9")).status == 206


async def test_a_version_that_changes_under_a_listener_cuts_him_and_heals_at_once(node: Node):
    node.origin.resources["/a"] = Resource(BODY)
    await node.range("/a", f"0-{2 * SLICE - 1}")
    other = BODY[::-1]
    node.origin.resources["/a"] = Resource(other, etag='"v2"')
    async with node.client.session.get(f"{node.client.url}/a") as response:
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.content.read()
    assert (await node.ask("/a")).content == other


async def test_a_version_that_changed_before_the_first_byte_is_not_noticed(node: Node):
    node.origin.resources["/a"] = Resource(BODY)
    await node.range("/a", "0-0")
    other = BODY[::-1]
    node.origin.resources["/a"] = Resource(other, etag='"v2"')
    answer = await node.range("/a", f"{3 * SLICE}-{3 * SLICE + 9}")
    assert answer.content == other[3 * SLICE :][:10]
    assert answer.headers["ETag"] == '"v2"'


async def test_a_reader_of_the_old_version_finishes_on_it(node: Node):
    resource = node.origin.resources["/a"] = Resource(
        BODY, cache_control="max-age=60", pause_at=SLICE + 1000
    )
    async with node.client.session.get(f"{node.client.url}/a") as old:
        await old.content.readexactly(SLICE)
        node.clock.now_s += 61
        other = BODY[::-1]
        node.origin.resources["/a"] = Resource(other, etag='"v2"', cache_control="max-age=60")
        assert (await node.ask("/a")).content == other
        resource.resume.set()
        assert await old.content.read() == BODY[SLICE:]


async def test_an_upstream_that_ignores_ranges_is_read_through(node: Node):
    node.origin.resources["/a"] = Resource(BODY, ignores_ranges=True)
    cold = await node.range("/a", f"{5 * SLICE}-{5 * SLICE + 9}")
    assert (cold.status, cold.content) == (206, BODY[5 * SLICE :][:10])
    assert (await node.range("/a", "0-9")).content == BODY[:10]
    assert len(node.origin.seen) == 1


async def test_an_upstream_that_begins_to_ignore_ranges(node: Node):
    resource = node.origin.resources["/a"] = Resource(BODY)
    await node.range("/a", "0-9")
    resource.ignores_ranges = True
    late = await node.range("/a", f"{7 * SLICE}-{7 * SLICE + 9}")
    assert late.content == BODY[7 * SLICE :][:10]
    assert (await node.range("/a", f"{3 * SLICE}-{3 * SLICE + 9}")).content == BODY[3 * SLICE :][
        :10
    ]


async def test_a_hanging_upstream_is_given_up(origin: ScriptedOrigin):
    async with open_node(origin, limits={"upstream_head_s": 0.05}) as node:
        origin.resources["/a"] = Resource(BODY, gate=asyncio.Event())
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(node.ask("/a")) for _ in range(5)]
        assert {task.result().status for task in tasks} == {504}
        assert len(origin.seen) == 1
        assert node.service.counts.upstream_errors["upstream_timeout"] > 0


async def test_a_stalling_upstream_is_given_up(origin: ScriptedOrigin):
    async with open_node(origin, limits={"upstream_stall_s": 0.05}) as node:
        origin.resources["/a"] = Resource(BODY, pause_at=1000)
        async with node.client.session.get(f"{node.client.url}/a") as response:
            assert await response.content.readexactly(3000) == BODY[:3000]
            with pytest.raises(aiohttp.ClientPayloadError):
                await response.content.read()
        assert node.service.counts.upstream_errors["upstream_stalled"] == 3
        assert node.service.counts.resumptions == 2


async def test_no_more_fills_at_once_than_allowed(origin: ScriptedOrigin):
    limits = {"fills_max": 1, "fill_wait_s": 0.05}
    async with open_node(origin, limits=limits) as node:
        gate = asyncio.Event()
        origin.resources["/a"] = Resource(BODY, gate=gate)
        origin.resources["/b"] = Resource(BODY)
        first = asyncio.create_task(node.ask("/a"))
        await origin.wait_for_requests(1)
        second = await node.ask("/b")
        assert (second.status, second.headers["Retry-After"]) == (503, "1")
        gate.set()
        assert (await first).content == BODY
        await node.settled()
        assert (await node.ask("/b")).content == BODY


async def test_content_whose_length_only_its_end_tells_is_kept(node: Node):
    async def chunked(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"ETag": '"v1"', "Cache-Control": FOREVER})
        response.enable_chunked_encoding()
        await response.prepare(request)
        await response.write(BODY)
        return response

    node.origin.behaviours["/a"] = chunked
    assert (await node.ask("/a")).content == BODY
    await node.settled()
    answer = await node.range("/a", "5-9")
    assert answer.content == BODY[5:10]
    assert "hit" in answer.cache_status


async def test_a_longer_answer_than_announced_is_not_believed(node: Node):
    async def chunked(request: web.BaseRequest) -> web.StreamResponse:
        fields = {
            "ETag": '"v1"',
            "Content-Range": f"bytes 0-{SLICE - 1}/{len(BODY)}",
            "Cache-Control": FOREVER,
        }
        response = web.StreamResponse(status=206, headers=fields)
        await response.prepare(request)
        await response.write(BODY[: SLICE - 10])
        await response.write(BODY[SLICE - 10 : SLICE + 10])
        return response

    node.origin.behaviours["/a"] = chunked
    async with node.client.session.get(
        f"{node.client.url}/a", headers={"Range": f"bytes=0-{SLICE - 1}"}
    ) as response:
        if response.status == 206:
            with pytest.raises(aiohttp.ClientPayloadError):
                await response.content.read()
        else:
            assert response.status == 502
    assert node.service.store.slices == 0
