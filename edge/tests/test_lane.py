"""The fast lane answers what the ordinary road would answer, and leaves to it all else."""

import asyncio
import json
import socket
from pathlib import Path

import pytest

from edge.metrics import CacheResult
from edge.tests.conftest import Node, open_node
from edge.tests.scripted_origin import Resource, ScriptedOrigin
from edge.tests.token_making import (
    AUDIO,
    CONTENT,
    bearer,
    open_guarded_node,
    open_scripted_drm,
    token_of,
)

FLAC = f"{AUDIO}/flac.mp4"
pytestmark = pytest.mark.socket


async def talk(node: Node, *parts: bytes) -> bytes:
    """All that comes back on one connection to which these are sent, one after the other."""
    host, _, port = node.service.url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        for part in parts:
            writer.write(part)
            await asyncio.sleep(0.02)
        async with asyncio.timeout(10):
            return await reader.read()
    finally:
        writer.close()


def plain(target: str, *lines: str) -> bytes:
    return "\r\n".join((f"GET {target} HTTP/1.1", "Host: a", *lines, "", "")).encode()


LAST = plain("/last", "Connection: close")
PLAIN = [
    pytest.param("/a", [], b"0123456789", id="all"),
    pytest.param("/a", ["Range: bytes=2-4"], b"234", id="a range"),
    pytest.param("/a", ["range: bytes=2-4"], b"234", id="a range in small letters"),
    pytest.param("/a", ["Range: bytes=7-"], b"789", id="all from a position on"),
    pytest.param("/a", ["Range: bytes=7-99"], b"789", id="behind the end"),
    pytest.param("/a", ["Range: bytes=-3"], b"789", id="the last ones"),
    pytest.param("/a", ["Range: bytes=-30"], b"0123456789", id="more than all"),
    pytest.param("/a", ["Connection: keep-alive", "Accept: */*"], b"0123456789", id="other fields"),
]
NOT_PLAIN = [
    pytest.param(plain("/a", "Range: bytes=4-2"), id="inverted"),
    pytest.param(plain("/a", "Range: bytes=-"), id="no range"),
    pytest.param(plain("/a", "Range: bytes=-0"), id="none of the last"),
    pytest.param(plain("/a", "Range: bytes=10-"), id="unsatisfiable"),
    pytest.param(plain("/a", "Range: bytes=0-1,4-5"), id="two ranges"),
    pytest.param(plain("/a", "Range: bytes=0-1", "Range: bytes=2-3"), id="twice"),
    pytest.param(plain("/a", "Range: bytes=0-1", "range: bytes=2-3"), id="twice, in other letters"),
    pytest.param(plain("/a", "Range: bytes=\u0661-2"), id="other digits"),
    pytest.param(plain("/a", "If-None-Match: *"), id="a condition"),
    pytest.param(plain("/a", "Cache-Control: no-cache"), id="a wish"),
    pytest.param(plain("/a", "Content-Length: 0"), id="a length"),
    pytest.param(plain("/a", "Expect: 100-continue"), id="an expectation"),
    pytest.param(plain("/a?"), id="an empty query"),
    pytest.param(plain("/a "), id="two spaces"),
    pytest.param(plain("http://a/a"), id="a URL"),
    pytest.param(plain("/b"), id="not stored"),
    pytest.param(b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", id="a POST"),
]


@pytest.fixture
async def ten(origin: ScriptedOrigin):
    """A node that has the ten digits in memory, as `/a`."""
    origin.resources["/a"] = Resource(b"0123456789")
    async with open_node(origin) as node:
        await node.ask("/a")
        yield node


@pytest.mark.parametrize(("target", "lines", "content"), PLAIN)
async def test_plain_hits_take_it(ten: Node, target: str, lines: list[str], content: bytes):
    answer = await talk(ten, plain(target, *lines), LAST)
    assert answer.partition(b"\r\n\r\n")[2].startswith(content + b"HTTP/1.1 404")
    assert ten.service.counts.hits.answers == 1


@pytest.mark.parametrize("sent", NOT_PLAIN)
async def test_all_else_takes_the_road(ten: Node, sent: bytes):
    await talk(ten, sent, LAST)
    assert ten.service.counts.hits.answers == 0


async def test_a_head_in_two_reads_takes_the_road_and_the_next_one_the_lane(ten: Node):
    sent = plain("/a")
    for cut in (1, 5, len(sent) - 1):
        before = ten.service.counts.hits.answers
        answer = await talk(ten, sent[:cut], sent[cut:], sent, LAST)
        assert answer.count(b"0123456789") == 2
        assert ten.service.counts.hits.answers == before + 1


async def test_it_takes_what_a_client_sends_as_it_connects(ten: Node):
    host, _, port = ten.service.url.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port))) as connection:  # Nobody has accepted it yet.
        connection.sendall(plain("/a"))
        reader, writer = await asyncio.open_connection(sock=connection.dup())
        async with asyncio.timeout(10):
            assert (await reader.readuntil(b"0123456789")).startswith(b"HTTP/1.1 200")
        writer.close()
    assert ten.service.counts.hits.answers == 1


async def test_the_rest_of_a_head_is_no_request(ten: Node):
    """What looks like a request is the end of a field section, or content."""
    sent = plain("/a")
    half = b"GET /a HTTP/1.1\r\nX: "
    body = b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(sent)
    for first in (half, body):
        answer = await talk(ten, first, sent, LAST)
        assert answer.count(b"HTTP/1.1 ") == 2
        assert ten.service.counts.hits.answers == 0


async def test_what_is_stale_or_purged_takes_the_road(ten: Node):
    ten.clock.now_s += 100_000_000
    assert "hit" not in (await ten.ask("/a")).cache_status.split("; ")
    assert ten.service.counts.hits.answers == 0
    await ten.ask("/a")
    assert ten.service.counts.hits.answers == 1


async def test_slow_listeners_get_all_of_it(origin: ScriptedOrigin):
    content = bytes(range(256)) * 4000
    origin.resources["/a"] = Resource(content)
    async with open_node(origin) as node:
        await node.ask("/a")
        host, _, port = node.service.url.removeprefix("http://").rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=1 << 12)
        writer.write(plain("/a") * 1)
        await asyncio.sleep(0.1)
        async with asyncio.timeout(10):
            await reader.readuntil(b"\r\n\r\n")
            assert await reader.readexactly(len(content)) == content
            writer.write(plain("/a", "Range: bytes=300000-699999"))
            await reader.readuntil(b"\r\n\r\n")
            assert await reader.readexactly(400_000) == content[300_000:700_000]
        writer.close()
        assert node.service.counts.hits.answers == 2


@pytest.mark.parametrize("carrier", ["field", "own field", "path"])
async def test_tokens_of_all_carriers_are_checked(origin: ScriptedOrigin, carrier: str):
    token, foreign = token_of(), token_of(prefixes=("/v1/tracks/",), is_path_bound=False)
    async with open_scripted_drm() as drm, open_guarded_node(origin, drm) as node:

        async def status(text: str) -> int:
            target = f"/~{text}{FLAC}" if carrier == "path" else FLAC
            fields = bearer(text) if carrier == "field" else {"CTA-Common-Access-Token": text}
            answer = await node.ask(target, headers={} if carrier == "path" else fields)
            return int(answer.status)

        assert [await status(token) for _ in range(3)] == [200, 200, 200]
        hits = node.service.counts.hits
        assert (hits.answers, hits.content_bytes) == (2, 2 * len(CONTENT))
        assert [await status(foreign) for _ in range(2)] == [403, 403]
        assert await status(token[:-8] + "AAAAAAAA") == 401
        both = await node.ask(f"/~{token}{FLAC}", headers=bearer(token))
        assert both.status == 400
        node.clock.now_s += 3600
        assert await status(token) == 401
        assert hits.answers == 2


async def test_it_is_logged_and_counted_like_all_else(origin: ScriptedOrigin, tmp_path: Path):
    token, log = token_of(), tmp_path / "access.log"
    async with open_scripted_drm() as drm:
        for is_fast in (True, False):
            async with open_guarded_node(
                origin, drm, access_log=str(log), fast_lane=is_fast
            ) as node:
                await node.ask(FLAC, headers=bearer(token))
                await node.range(f"/~{token}{FLAC}", "3-9")
                await node.ask(FLAC, method="HEAD", headers=bearer(token))
                counts = node.service.counts
                assert counts.hits.answers == (2 if is_fast else 0)
                assert counts.all_responses() == {
                    (CacheResult.URI_MISS, 2): 1,
                    (CacheResult.HIT, 2): 2,
                }
                assert counts.all_content_bytes()[CacheResult.HIT] == 7
                assert sum(counts.all_first_bytes()[CacheResult.HIT].by_bucket) == 2
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    for line in lines:
        for name in ("timestamp", "first_byte_ms", "duration_ms"):
            line.pop(name)
        line.pop("upstream_ms", None)
    assert len(lines) == 6
    assert lines[1:3] == lines[4:6]


async def test_what_keeps_a_pace_takes_the_road_unless_it_is_short(origin: ScriptedOrigin):
    content = bytes(range(256)) * 4000
    origin.resources["/a"] = Resource(content, fields={"Attacca-Bitrate": "320000"})
    origin.resources["/b"] = Resource(content)
    async with open_node(origin, limits={"pace": 1.5, "pace_burst_s": 100.0}) as node:
        answers = []
        for target in ("/a", "/b"):
            await node.ask(target)
            for value in ("0-9", "10-262143", "10-262144"):
                before = node.service.counts.hits.answers
                await node.range(target, value)
                answers.append(node.service.counts.hits.answers - before)
        assert answers == [1, 1, 0, 1, 1, 1]
