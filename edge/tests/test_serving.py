"""GET and HEAD through the cache, over sockets, byte for byte."""

import asyncio
import random

import pytest
from aiohttp import web

from edge.tests.conftest import Node, content_of, open_node
from edge.tests.scripted_origin import Resource, ScriptedOrigin
from http_semantics.byte_range import parse_range, resolve
from http_semantics.http_date import format_http_date

pytestmark = pytest.mark.socket

KIB = 1024
SLICE = 256 * KIB
BODY = content_of(2 * 1024 * KIB + 77)
LONG = content_of(4 * 1024 * KIB)


async def test_a_whole_file_is_fetched_once_without_range(node: Node):
    node.origin.resources["/a"] = Resource(BODY, fields={"Content-Type": "audio/mp4"})
    first, second = await node.ask("/a"), await node.ask("/a")
    assert (first.status, second.status) == (200, 200)
    assert first.content == second.content == BODY
    assert node.origin.ranges() == [None]
    assert first.cache_status.startswith("attacca; fwd=uri-miss; fwd-status=200;")
    assert "stored" in first.cache_status
    assert second.cache_status == "attacca; hit; ttl=31536000"
    assert second.headers["Content-Type"] == "audio/mp4"
    assert second.headers["Accept-Ranges"] == "bytes"
    assert second.headers["Age"] == "0"
    assert "Age" not in first.headers
    assert second.headers["Via"] == "1.1 attacca"
    assert "cache;desc=hit" in second.headers["Server-Timing"]
    assert "origin;dur=" in first.headers["Server-Timing"]


async def test_a_cold_range_costs_one_slice_and_its_repeat_nothing(node: Node):
    node.origin.resources["/a"] = Resource(content_of(8 * 1024 * KIB))
    first = await node.range("/a", "300000-365535")
    assert first.status == 206
    assert first.headers["Content-Range"] == "bytes 300000-365535/8388608"
    assert first.content == content_of(400_000)[300_000:365_536]
    assert node.origin.content_bytes <= 4 * 64 * KIB
    assert node.origin.seen[0].headers["Accept-Encoding"] == "identity"
    assert node.origin.ranges()[0] == f"bytes=300000-{2 * SLICE - 1}"
    second = await node.range("/a", "300000-365535")
    assert second.content == first.content
    assert second.cache_status.startswith("attacca; hit")
    await node.settled()
    assert node.origin.ranges()[1:] == [f"bytes={SLICE}-299999"]
    assert node.service.store.slices == 1


async def test_a_cold_range_across_slices_costs_no_more_than_one(node: Node):
    node.origin.resources["/a"] = Resource(content_of(8 * 1024 * KIB))
    start = SLICE - 32 * KIB
    for status in ("fwd=uri-miss", "hit"):
        answer = await node.range("/a", f"{start}-{start + 64 * KIB - 1}")
        assert answer.content == content_of(SLICE + 32 * KIB)[start:]
        assert status in answer.cache_status
        await node.settled()
    assert node.origin.content_bytes == 64 * KIB
    whole = await node.range("/a", f"0-{2 * SLICE - 1}")
    assert whole.content == content_of(2 * SLICE)
    assert node.origin.content_bytes == 2 * SLICE


async def test_a_range_then_the_whole_fetches_each_byte_once(node: Node):
    node.origin.resources["/a"] = Resource(BODY)
    await node.range("/a", f"{SLICE}-{SLICE}")
    whole = await node.ask("/a")
    assert whole.content == BODY
    assert "fwd=partial" in whole.cache_status
    assert node.origin.content_bytes == len(BODY)
    assert (await node.ask("/a")).cache_status.startswith("attacca; hit")


@pytest.mark.parametrize(
    ("value", "start", "stop"),
    [
        pytest.param("-1000", len(BODY) - 1000, len(BODY), id="suffix"),
        pytest.param("-99999999", 0, len(BODY), id="suffix longer than all"),
        pytest.param("0-", 0, len(BODY), id="open end"),
        pytest.param(f"{len(BODY) - 1}-", len(BODY) - 1, len(BODY), id="last byte"),
        pytest.param("262143-262144", 262_143, 262_145, id="across slices"),
    ],
)
async def test_cold_ranges(node: Node, value: str, start: int, stop: int):
    node.origin.resources["/a"] = Resource(BODY)
    for expected in ("fwd=uri-miss", "hit"):
        answer = await node.range("/a", value)
        assert answer.status == 206
        assert answer.content == BODY[start:stop]
        assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{len(BODY)}"
        assert expected in answer.cache_status


async def test_a_cold_suffix_costs_its_own_slices(node: Node):
    node.origin.resources["/a"] = Resource(content_of(8 * 1024 * KIB))
    await node.range("/a", "-1000")
    assert node.origin.ranges() == ["bytes=-1000"]
    assert node.origin.content_bytes == 1000


async def test_2000_random_ranges_equal_the_origin_and_then_all_hit(node: Node):
    body = BODY * 3
    node.origin.resources["/a"] = Resource(body)
    generator = random.Random(5)
    spans = []
    for _ in range(2000):
        start = generator.randrange(len(body))
        spans.append((start, min(len(body), start + generator.choice((1, 5000, 70_000, 600_000)))))

    async def listen(part: list[tuple[int, int]], *, is_second: bool) -> None:
        for start, stop in part:
            answer = await node.range("/a", f"{start}-{stop - 1}")
            assert answer.status == 206
            assert answer.content == body[start:stop]
            assert not is_second or answer.cache_status.startswith("attacca; hit")

    for is_second in (False, True):
        async with asyncio.TaskGroup() as group:
            for listener in range(8):
                group.create_task(listen(spans[listener::8], is_second=is_second))
    assert len(body) <= node.origin.content_bytes <= len(body) + 2 * SLICE


async def test_an_empty_file(node: Node):
    node.origin.resources["/a"] = Resource(b"")
    for _ in range(2):
        answer = await node.ask("/a")
        assert (answer.status, answer.content) == (200, b"")
        assert answer.headers["Content-Length"] == "0"
    answer = await node.range("/a", "0-5")
    assert answer.status == 416
    assert answer.headers["Content-Range"] == "bytes */0"
    assert len(node.origin.seen) == 1


async def test_unsatisfiable_ranges(node: Node):
    node.origin.resources["/a"] = Resource(BODY)
    cold = await node.range("/a", "99999999-")
    assert cold.status == 416
    assert cold.headers["Content-Range"] == f"bytes */{len(BODY)}"
    await node.range("/a", "0-1")
    warm = await node.range("/a", "99999999-")
    assert warm.status == 416
    assert warm.headers["Content-Range"] == f"bytes */{len(BODY)}"
    assert warm.headers["Content-Type"] == "application/problem+json"
    assert warm.cache_status == "attacca; hit"


@pytest.mark.parametrize("value", ["bytes=9-5", "items=0-1", "bytes=x"])
async def test_a_range_that_is_ignored_gets_the_whole(node: Node, value: str):
    node.origin.resources["/a"] = Resource(BODY)
    for _ in range(2):
        answer = await node.ask("/a", headers={"Range": value})
        assert (answer.status, answer.content) == (200, BODY)


async def test_conditions(node: Node):
    modified = "Sun, 06 Nov 1994 08:49:37 GMT"
    node.origin.resources["/a"] = Resource(BODY, fields={"Last-Modified": modified, "Vary": "X"})
    node.origin.resources["/a"].fields.pop("Vary")
    for headers, status in (
        ({"If-None-Match": '"v1"'}, 304),
        ({"If-None-Match": '"v0", W/"v1"'}, 304),
        ({"If-None-Match": '"v0"'}, 200),
        ({"If-Modified-Since": modified}, 304),
        ({"Range": "bytes=0-9", "If-Range": '"v1"'}, 206),
        ({"Range": "bytes=0-9", "If-Range": '"v0"'}, 200),
        ({"Range": "bytes=0-9", "If-None-Match": '"v1"'}, 304),
    ):
        answer = await node.ask("/a", headers=headers)
        assert answer.status == status, headers
        if status == 304:
            assert answer.headers["ETag"] == '"v1"'
            assert "Content-Length" not in answer.headers
            assert answer.content == b""
    assert len(node.origin.seen) == 1


async def test_conditions_that_only_the_origin_may_judge_go_there(node: Node):
    fields = {"Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT"}
    node.origin.resources["/a"] = Resource(BODY, fields=fields)
    await node.ask("/a")
    for headers in (
        {"If-Match": '"v0"'},
        {"If-Unmodified-Since": "Sun, 06 Nov 1994 08:49:36 GMT"},
    ):
        asked = len(node.origin.seen)
        answer = await node.ask("/a", headers=headers)
        assert "fwd=request" in answer.cache_status
        assert len(node.origin.seen) == asked + 1
        assert headers.items() <= dict(node.origin.seen[-1].headers).items()
    holds = await node.ask("/a", headers={"If-Match": '"v1"'})
    assert holds.cache_status.startswith("attacca; hit")


async def test_head(node: Node):
    node.origin.resources["/a"] = Resource(BODY)
    cold = await node.ask("/a", method="HEAD")
    assert (cold.status, cold.headers["Content-Length"]) == (200, str(len(BODY)))
    assert [one.method for one in node.origin.seen] == ["HEAD"]
    await node.range("/a", "0-0")
    warm = await node.ask("/a", method="HEAD")
    assert (warm.status, warm.headers["Content-Length"]) == (200, str(len(BODY)))
    assert "hit" in warm.cache_status
    assert len(node.origin.seen) == 2


async def test_stale_content_is_validated_once_and_not_fetched_again(node: Node):
    node.origin.resources["/a"] = Resource(BODY, cache_control="max-age=60", fields={"X-N": "1"})
    await node.ask("/a")
    node.clock.now_s += 30
    fresh = await node.ask("/a")
    assert (fresh.cache_status, fresh.headers["Age"]) == ("attacca; hit; ttl=30", "30")
    node.clock.now_s += 31
    node.origin.resources["/a"].fields["X-N"] = "2"
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(node.range("/a", "5-9")) for _ in range(20)]
    answers = [task.result() for task in tasks]
    assert {answer.content for answer in answers} == {BODY[5:10]}
    assert all("fwd=stale; fwd-status=304" in answer.cache_status for answer in answers)
    assert sum("collapsed" in answer.cache_status for answer in answers) == 19
    assert len(node.origin.seen) == 2
    assert node.origin.seen[1].headers["If-None-Match"] == '"v1"'
    assert node.origin.content_bytes == len(BODY)
    later = await node.ask("/a")
    assert later.headers["X-N"] == "2"
    assert later.cache_status == "attacca; hit; ttl=60"


async def test_stale_content_that_has_changed_is_replaced(node: Node):
    node.origin.resources["/a"] = Resource(BODY, cache_control="max-age=60")
    await node.ask("/a")
    node.clock.now_s += 61
    other = BODY[::-1]
    node.origin.resources["/a"] = Resource(other, etag='"v2"', cache_control="max-age=60")
    answer = await node.range("/a", "0-99")
    assert answer.content == other[:100]
    assert "fwd=stale; fwd-status=206" in answer.cache_status
    assert (await node.ask("/a")).content == other


async def test_stale_content_that_is_gone_is_no_longer_served(node: Node):
    node.origin.resources["/a"] = Resource(BODY, cache_control="max-age=60")
    await node.ask("/a")
    node.clock.now_s += 61
    del node.origin.resources["/a"]
    assert (await node.ask("/a")).status == 404
    assert node.service.store.records == 0


async def test_last_modified_validates_for_want_of_a_tag(node: Node):
    modified = "Sun, 06 Nov 1994 08:49:37 GMT"
    resource = Resource(
        BODY, etag=None, cache_control="max-age=60", fields={"Last-Modified": modified}
    )
    node.origin.resources["/a"] = resource
    await node.ask("/a")
    node.clock.now_s += 61
    assert (await node.ask("/a")).content == BODY
    assert node.origin.seen[1].headers["If-Modified-Since"] == modified


async def test_without_a_strong_validator_nothing_is_combined(node: Node):
    node.origin.resources["/a"] = Resource(BODY, etag='W/"v1"')
    first = await node.range("/a", "0-99")
    assert (first.status, first.content) == (206, BODY[:100])
    again = await node.range("/a", "10-19")
    assert (again.content, "hit" in again.cache_status) == (BODY[10:20], True)
    assert (await node.ask("/a")).content == BODY
    assert [one.headers.get("Range") for one in node.origin.seen[-1:]] == [None]
    warm = await node.range("/a", "500000-500099")
    assert warm.content == BODY[500_000:500_100]
    assert warm.cache_status.startswith("attacca; hit")
    assert [one.headers.get("Range") for one in node.origin.seen[-1:]] == [None]


async def test_a_weak_representation_that_lost_a_slice_is_fetched_as_a_whole(
    origin: ScriptedOrigin,
):
    cache = {"memory_bytes": 2 << 20, "object_share_max": 1.0}
    async with open_node(origin, cache=cache) as node:
        body = content_of(1_500_000)
        origin.resources["/a"] = Resource(body, etag=None)
        origin.resources["/b"] = Resource(body, etag=None)
        await node.ask("/a")
        await node.ask("/b")
        assert (await node.ask("/a")).content == body
        assert origin.ranges() == [None, None, None]


async def test_memory_smaller_than_the_file_still_serves_it_right(origin: ScriptedOrigin):
    cache = {"memory_bytes": 1 << 20, "object_share_max": 1.0, "slice_bytes": 64 * KIB}
    async with open_node(origin, cache=cache) as node:
        body = content_of(1_040_000)
        origin.resources["/a"] = Resource(body)
        for _ in range(3):
            assert (await node.ask("/a")).content == body
            assert node.service.store.bytes <= 1 << 20
        assert node.service.store.evicted > 0


async def test_unsafe_methods_pass_and_invalidate(node: Node):
    node.origin.resources["/a"] = Resource(BODY)
    await node.ask("/a")
    answer = await node.ask("/a", method="PUT", data=b"new content")
    assert "fwd=method" in answer.cache_status
    assert node.origin.seen[1].content == b"new content"
    assert "uri-miss" in (await node.ask("/a")).cache_status


async def test_a_query_is_part_of_the_key_and_sent_as_it_is(node: Node):
    node.origin.resources["/a%20%7e"] = Resource(BODY)
    for target in ("/a%20%7e?x=%2F&y", "/a%20%7e?x=/&y", "/a%20%7e"):
        assert (await node.ask(target)).status == 200
        assert node.origin.seen[-1].target == target
    assert len(node.origin.seen) == 3


async def test_dates_of_the_origin_count_in_the_age(node: Node):
    date = format_http_date(node.clock.now_s - 40)
    node.origin.resources["/a"] = Resource(
        BODY, cache_control="max-age=60", fields={"Date": date, "Age": "10"}
    )
    await node.ask("/a")
    node.clock.now_s += 5
    answer = await node.ask("/a")
    assert answer.headers["Age"] == "45"
    assert answer.headers["Date"] == date


async def test_ranges_of_what_is_larger_than_memory_are_asked_for_each_time(node: Node):
    complete_length = 1 << 40

    async def endless(request: web.BaseRequest) -> web.StreamResponse:
        specs = parse_range(request.headers["Range"])
        assert specs is not None
        (part,) = resolve(specs, complete_length)
        start, stop = part.start, part.stop
        fields = {
            "ETag": '"v1"',
            "Cache-Control": "max-age=60",
            "Content-Range": f"bytes {start}-{stop - 1}/{complete_length}",
        }
        return web.Response(status=206, body=LONG[: stop - start], headers=fields)

    node.origin.behaviours["/a"] = endless
    for value in ("5-9", "300000000000-300000000004", f"{complete_length - 5}-", "-5"):
        await node.range("/a", value)
        await node.settled()
        asked = len(node.origin.seen)
        answer = await node.range("/a", value)
        assert answer.cache_status == "attacca; hit; ttl=60"
        assert len(answer.content) == 5
        assert len(node.origin.seen) == asked
    # An open range goes on as far as it is listened to.
    url = f"{node.client.url}/a"
    async with node.client.session.get(url, headers={"Range": "bytes=5-"}) as response:
        assert await response.content.readexactly(SLICE) == LONG[5:SLICE] + LONG[:5]
