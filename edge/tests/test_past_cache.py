"""Requests past the cache, and what the answer to HEAD says of what is stored."""

import pytest

from edge.tests.conftest import Node
from edge.tests.scripted_origin import Resource

pytestmark = pytest.mark.socket


async def stale(node: Node) -> Resource:
    """A resource of which a stale response is stored."""
    resource = node.origin.resources["/a"] = Resource(b"hello", cache_control="max-age=10")
    assert (await node.ask("/a")).content == b"hello"
    node.clock.now_s += 20
    return resource


async def test_head_freshens_what_is_stored(node: Node):
    await stale(node)
    assert (await node.ask("/a", method="HEAD")).status == 200
    assert [one.method for one in node.origin.seen] == ["GET", "HEAD"]
    answer = await node.ask("/a")
    assert (answer.content, answer.cache_status.startswith("attacca; hit")) == (b"hello", True)
    assert len(node.origin.seen) == 2


@pytest.mark.parametrize(
    ("changes", "is_kept"),
    [
        pytest.param({"etag": '"v2"'}, False, id="another entity tag"),
        pytest.param({"content": b"longer than it was"}, False, id="another length"),
        pytest.param({"cache_control": "no-store"}, True, id="a head that is not to be stored"),
    ],
)
async def test_head_tells_that_what_is_stored_has_changed(
    node: Node, changes: dict[str, object], *, is_kept: bool
):
    resource = await stale(node)
    for name, value in changes.items():
        setattr(resource, name, value)
    await node.ask("/a", method="HEAD")
    (found,) = node.service.store.offered("/a")
    assert found.is_purged_softly is not is_kept
    assert "fwd=stale" in (await node.ask("/a")).cache_status


async def test_a_conditional_head_says_nothing_of_what_is_stored(node: Node):
    await stale(node)
    assert (await node.ask("/a", method="HEAD", headers={"If-None-Match": '"v1"'})).status == 304
    assert "fwd=stale" in (await node.ask("/a")).cache_status


async def test_nothing_is_passed_on_for_whom_only_wants_what_is_stored(node: Node):
    headers = {"Cache-Control": "only-if-cached"}
    assert (await node.ask("/a", method="HEAD", headers=headers)).status == 504
    assert not node.origin.seen
