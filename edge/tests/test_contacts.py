"""First contacts: what goes upstream, and who waits for whom."""

import asyncio

import pytest

from edge.contacts import range_key
from edge.tests.conftest import Node, content_of, open_node
from edge.tests.scripted_origin import Resource, ScriptedOrigin

SLICE = 256 * 1024
BODY = content_of(20 * SLICE)


@pytest.mark.socket
@pytest.mark.parametrize(
    ("value", "sent"),
    [
        pytest.param("bytes=0-0", f"bytes=0-{SLICE - 1}", id="first slice"),
        pytest.param(f"bytes={SLICE - 1}-{SLICE}", f"bytes=0-{2 * SLICE - 1}", id="two slices"),
        pytest.param(
            f"bytes={2 * SLICE}-", f"bytes={2 * SLICE}-{18 * SLICE - 1}", id="open, up to a run"
        ),
        pytest.param("bytes=-5", "bytes=0-0", id="suffix: the length first"),
        pytest.param("bytes=0-1,4-5", None, id="several: the whole"),
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
