"""First contacts: what goes upstream, and who waits for whom."""

import asyncio

import pytest
from aiohttp import web

from edge.contacts import range_key
from edge.tests.conftest import Answer, Node, content_of, open_node
from edge.tests.scripted_origin import Resource, ScriptedOrigin

SLICE = 256 * 1024
BODY = content_of(20 * SLICE)


@pytest.mark.socket
@pytest.mark.parametrize(
    ("value", "sent"),
    [
        pytest.param("bytes=0-0", f"bytes=0-{SLICE - 1}", id="first slice"),
        pytest.param(f"bytes={SLICE - 1}-{SLICE}", f"bytes={SLICE - 1}-{SLICE}", id="two slices"),
        pytest.param(
            f"bytes={2 * SLICE}-", f"bytes={2 * SLICE}-{18 * SLICE - 1}", id="open, up to a run"
        ),
        pytest.param("bytes=-5", "bytes=-5", id="suffix"),
        pytest.param("bytes=0-1,4-5", f"bytes=0-{SLICE - 1}", id="several: the first"),
    ],
)
async def test_what_goes_upstream_first(node: Node, value: str, sent: str | None):
    node.origin.resources["/a"] = Resource(BODY)
    await node.ask("/a", headers={"Range": value})
    assert node.origin.ranges()[0] == sent


@pytest.mark.socket
async def test_waiting_is_bounded_by_the_number_of_fills(origin: ScriptedOrigin):
    async with open_node(origin, limits={"fills_max": 2}) as node:
        for n in range(6):
            origin.resources[f"/{n}"] = Resource(BODY[: SLICE * 2])
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(node.ask(f"/{n}")) for n in range(6)]
        assert {task.result().status for task in tasks} == {200}


def test_ranges_are_remembered_apart():
    assert not range_key("/a").startswith("/")


ALICE = {"Authorization": "Basic alice"}
BOB = {"Authorization": "Basic bob"}
VALIDATED = "max-age=0, must-revalidate"


class Members:
    """A resource that each listener gets his own version of, and strangers none.

    Attributes:
        cache_control: of its answers.
        is_open: strangers get "for all".
        gate: heads wait for it.
    """

    def __init__(self, cache_control: str = VALIDATED, *, is_open: bool = False) -> None:
        self.cache_control = cache_control
        self.is_open = is_open
        self.gate = asyncio.Event()

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        await self.gate.wait()
        who = request.headers.get("Authorization") or request.headers.get("Cookie")
        if who is None and not self.is_open:
            return web.Response(status=401, text="who are you?")
        content = f"for {who or 'all'}"
        etag = '"' + content.replace(" ", "-") + '"'
        fields = {"ETag": etag, "Cache-Control": self.cache_control}
        if request.headers.get("If-None-Match") == fields["ETag"]:
            return web.Response(status=304, headers=fields)
        return web.Response(text=content, headers=fields)


async def ask_at_once(node: Node, members: Members, *asked: dict[str, str]) -> list[Answer]:
    """Answers to requests that reach the edge in this order, the origin answering none before."""
    origin, started = node.origin, len(node.origin.seen)
    members.gate.clear()
    async with asyncio.TaskGroup() as group:
        tasks = []
        for headers in asked:
            tasks.append(group.create_task(node.ask("/a", headers=headers)))
            await origin.wait_for_requests(started + 1)
        for _ in range(50):
            await node.ask("/other")  # All have reached the edge by the time that these are over.
        members.gate.set()
    return [task.result() for task in tasks]


@pytest.mark.socket
@pytest.mark.parametrize(
    "credentials", [ALICE, {"Cookie": "session=alice"}], ids=["authorization", "cookie"]
)
@pytest.mark.parametrize("cache_control", [VALIDATED, "public, max-age=0", "public, no-cache"])
async def test_a_stranger_gets_what_came_for_a_member(
    node: Node, credentials: dict[str, str], cache_control: str
):
    members = node.origin.behaviours["/a"] = Members(cache_control)
    mine, strange = await ask_at_once(node, members, credentials, {})
    (who,) = credentials.values()
    assert (mine.status, mine.content) == (200, f"for {who}".encode())
    assert (strange.status, strange.content) == (401, b"who are you?")


@pytest.mark.socket
async def test_a_member_gets_the_refusal_of_a_stranger(node: Node):
    members = node.origin.behaviours["/a"] = Members()
    strange, mine = await ask_at_once(node, members, {}, ALICE)
    assert (strange.status, mine.status) == (401, 200)
    assert mine.content == b"for Basic alice"


@pytest.mark.socket
async def test_a_member_gets_what_came_for_another(node: Node):
    members = node.origin.behaviours["/a"] = Members()
    for _ in range(2):  # The second time what is stored is validated.
        answers = await ask_at_once(node, members, ALICE, BOB, ALICE)
        assert [answer.content for answer in answers] == [
            b"for Basic alice",
            b"for Basic bob",
            b"for Basic alice",
        ]


@pytest.mark.socket
async def test_a_stranger_shares_a_members_validation(node: Node):
    members = node.origin.behaviours["/a"] = Members()
    members.gate.set()
    await node.ask("/a", headers=ALICE)
    mine, strange = await ask_at_once(node, members, ALICE, {})
    assert (mine.status, mine.content) == (200, b"for Basic alice")
    assert "fwd=stale; fwd-status=304" in mine.cache_status
    assert strange.status == 401
    # Whom the origin refuses says nothing of what others may validate.
    (again,) = await ask_at_once(node, members, ALICE)
    assert "fwd-status=304" in again.cache_status


@pytest.mark.socket
@pytest.mark.parametrize("status", [401, 403, 407])
async def test_refusals_of_listeners_are_shared(node: Node, status: int):
    gate = asyncio.Event()

    async def refuse(_: web.BaseRequest) -> web.StreamResponse:
        await gate.wait()
        return web.Response(status=status)

    node.origin.behaviours["/a"] = refuse
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(node.ask("/a")) for _ in range(5)]
        await node.origin.wait_for_requests(1)
        gate.set()
    assert {task.result().status for task in tasks} == {status}
    assert len(node.origin.seen) == 5
    node.origin.resources["/a"] = Resource(BODY)
    del node.origin.behaviours["/a"]
    assert "stored" in (await node.ask("/a")).cache_status


@pytest.mark.socket
async def test_a_follower_takes_what_has_to_be_validated_for_each(node: Node):
    members = node.origin.behaviours["/a"] = Members("no-cache", is_open=True)
    answers = await ask_at_once(node, members, *[{}] * 5)
    assert {answer.content for answer in answers} == {b"for all"}
    contacts = [one for one in node.origin.seen if one.target == "/a"]
    assert [one.headers.get("If-None-Match") for one in contacts] == [None, *['"for-all"'] * 4]


@pytest.mark.socket
async def test_a_members_uncacheable_answer_keeps_strangers_from_the_cache(node: Node):
    members = node.origin.behaviours["/a"] = Members("max-age=60", is_open=True)
    members.gate.set()
    mine = await node.ask("/a", headers=ALICE)
    assert mine.cache_status.endswith("detail=authorization")
    assert "stored" in (await node.ask("/a")).cache_status
    assert (await node.ask("/a")).cache_status.startswith("attacca; hit")


@pytest.mark.socket
@pytest.mark.parametrize(
    ("headers", "fields"),
    [
        pytest.param(ALICE, {}, id="authorization"),
        pytest.param({}, {"Cache-Control": "private"}, id="private"),
        pytest.param({}, {"Cache-Control": "no-store"}, id="no-store"),
        pytest.param({}, {"Set-Cookie": "session=alice"}, id="cookie"),
    ],
)
async def test_a_304_for_one_listener_frees_the_content_for_all(
    node: Node, headers: dict[str, str], fields: dict[str, str]
):
    async def validate(request: web.BaseRequest) -> web.StreamResponse:
        if "If-None-Match" in request.headers:
            return web.Response(status=304, headers={"ETag": '"v1"', **fields})
        return web.Response(text="content", headers=fields)

    node.origin.resources["/a"] = Resource(BODY, cache_control="max-age=60")
    await node.ask("/a")
    node.clock.now_s += 61
    node.origin.behaviours["/a"] = validate
    mine = await node.ask("/a", headers=headers)
    assert mine.content == b"content"
    assert "hit" not in (await node.ask("/a")).cache_status


@pytest.mark.socket
async def test_a_members_credentials_fill_what_came_without(node: Node):
    node.origin.resources["/a"] = Resource(BODY, cache_control="max-age=60")
    await node.range("/a", "0-0")
    answer = await node.ask("/a", headers=ALICE)
    assert answer.content == BODY
    assert len(node.origin.seen) > 1
    assert all("Authorization" not in one.headers for one in node.origin.seen)


@pytest.mark.socket
async def test_who_wants_nothing_stored_keeps_nobody_from_the_cache(node: Node):
    resource = node.origin.resources["/a"] = Resource(BODY, gate=asyncio.Event())
    async with asyncio.TaskGroup() as group:
        private = group.create_task(node.ask("/a", headers={"Cache-Control": "no-store"}))
        await node.origin.wait_for_requests(1)
        others = [group.create_task(node.ask("/a")) for _ in range(5)]
        await node.origin.wait_for_requests(2)
        assert resource.gate is not None
        resource.gate.set()
    assert private.result().content == BODY
    assert {task.result().content for task in others} == {BODY}
    assert len(node.origin.seen) == 2
    assert "hit" in (await node.ask("/a")).cache_status
