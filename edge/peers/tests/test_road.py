"""The road of members' requests: from node to worker, no further, and for members alone."""

import contextlib
from pathlib import Path

import aiohttp
import pytest

from edge.peers.mesh import ALONE
from edge.peers.ownership import Candidate, ranked
from edge.peers.tests.company import all_are_up, peers_of, ports_of, rank_of_workers
from edge.peers.wording import HOP_FIELD
from edge.slot import Slot
from edge.tests.conftest import ManualClock, content_of, open_worker
from edge.tests.scripted_origin import Resource, ScriptedOrigin

pytestmark = pytest.mark.socket


async def test_any_worker_of_a_node_leads_to_the_one_that_owns(
    origin: ScriptedOrigin, run_dir: Path
):
    ports = ports_of("a", "b")
    of_a: dict[str, object] = {"peers": peers_of(ports, "a")}
    keys = [key for key in map("/k{}".format, range(40)) if owner_of(key) == "a"][:6]
    content = content_of(300_000)
    for key in keys:
        origin.resources[key] = Resource(content)
    clock = ManualClock()
    async with contextlib.AsyncExitStack() as stack:
        workers = [
            await stack.enter_async_context(
                open_worker(origin, Slot(number, 2, run_dir), clock, of_a)
            )
            for number in range(2)
        ]
        of_b: dict[str, object] = {"peers": peers_of(ports, "b")}
        asker = await stack.enter_async_context(open_worker(origin, ALONE, clock, of_b))
        await all_are_up([*workers, asker], 1)
        for key in keys:
            assert (await asker.ask(key)).content == content
        for key in keys:
            owner, other = rank_of_workers(2, key)
            await workers[owner].settled()
            assert workers[owner].service.store.offered(key)
            assert not workers[other].service.store.offered(key)  # It has kept nothing of it.
    assert len(origin.seen) == len(keys)


def owner_of(key: str) -> str:
    return ranked([Candidate("a"), Candidate("b")], key)[0]


@pytest.mark.parametrize(
    ("method", "path", "headers", "data", "status"),
    [
        pytest.param("GET", "/x", {}, None, 403, id="no member"),
        pytest.param("POST", "/purge", {}, b"{}", 403, id="no member's call"),
        pytest.param("POST", "/purge", {HOP_FIELD: "node"}, b"x", 400, id="not JSON"),
        pytest.param("POST", "/purge", {HOP_FIELD: "node"}, b"{}", 400, id="nothing to purge"),
        pytest.param("POST", "/other", {HOP_FIELD: "node"}, b"{}", 400, id="no such call"),
        pytest.param("PUT", "/x", {HOP_FIELD: "node"}, b"", 503, id="no method of a cache"),
    ],
)
async def test_what_no_member_asks_is_refused(
    method: str,
    path: str,
    headers: dict[str, str],
    data: bytes | None,
    status: int,
    origin: ScriptedOrigin,
):
    ports = ports_of("a", "b")
    of_a: dict[str, object] = {"peers": peers_of(ports, "a")}
    url = f"http://127.0.0.1:{ports['a']}{path}"
    async with (
        open_worker(origin, ALONE, ManualClock(), of_a),
        aiohttp.ClientSession() as session,
        session.request(method, url, headers=headers, data=data) as response,
    ):
        assert response.status == status
    assert not origin.seen
