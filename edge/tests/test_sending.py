"""Sending what is stored, over sockets: parts, growing contents, and what is still to come."""

import asyncio
import email
import email.policy

import pytest

from edge.tests.conftest import Answer, Node, content_of, open_node
from edge.tests.scripted_origin import Resource, ScriptedOrigin
from edge.tests.test_growing import Growing

pytestmark = pytest.mark.socket

SLICE = 256 * 1024
BODY = content_of(3 * SLICE + 77)


def parts_of(answer: Answer) -> list[tuple[str, str, bytes]]:
    """Place, type and content of the parts, as somebody else reads them."""
    head = f"Content-Type: {answer.headers['Content-Type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + answer.content, policy=email.policy.HTTP)
    return [
        (part["Content-Range"], part["Content-Type"], bytes(part.get_payload(decode=True)))
        for part in message.iter_parts()
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("0-1,5000-5001", [(0, 2), (5000, 5002)], id="in one slice"),
        pytest.param(
            f"{2 * SLICE - 1}-{2 * SLICE},5-6,-3",
            [(2 * SLICE - 1, 2 * SLICE + 1), (5, 7), (len(BODY) - 3, len(BODY))],
            id="in many slices, in the order asked for",
        ),
    ],
)
async def test_several_ranges(node: Node, value: str, expected: list[tuple[int, int]]):
    resource = node.origin.resources["/a"] = Resource(BODY)
    resource.fields = {"Content-Type": "audio/mp4"}
    for status in ("fwd=uri-miss", "hit"):
        answer = await node.range("/a", value)
        assert answer.status == 206
        assert "Content-Range" not in answer.headers
        assert int(answer.headers["Content-Length"]) == len(answer.content)
        places = [f"bytes {start}-{stop - 1}/{len(BODY)}" for start, stop in expected]
        contents = [BODY[start:stop] for start, stop in expected]
        assert parts_of(answer) == list(
            zip(places, ["audio/mp4"] * len(expected), contents, strict=True)
        )
        assert status in answer.cache_status
        await node.settled()


async def test_one_of_several_ranges_that_lies_within_is_sent_alone(node: Node):
    node.origin.resources["/a"] = Resource(BODY)
    answer = await node.range("/a", "0-9,99999999-")
    assert answer.headers["Content-Range"] == f"bytes 0-9/{len(BODY)}"
    assert answer.content == BODY[:10]


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
async def test_growing_content_ends_with_its_connection_or_its_last_chunk(
    node: Node, version: bytes
):
    node.origin.behaviours["/a"] = grown = Growing(BODY[:1000], BODY[1000:2000])
    host, _, port = node.service.url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(b"GET /a HTTP/" + version + b"\r\nHost: a\r\nConnection: close\r\n\r\n")
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        assert b"content-length" not in head
        assert (b"transfer-encoding: chunked" in head) == (version == b"1.1")
        grown.resume.set()
        rest = await reader.read()
    finally:
        writer.close()
    if version == b"1.0":
        assert rest == BODY[:2000]
    else:
        assert rest.endswith(b"0\r\n\r\n")


async def test_head_says_what_get_would(node: Node):
    node.origin.resources["/a"] = Resource(BODY)
    whole = await node.ask("/a")
    head = await node.ask("/a", method="HEAD")
    own = {"Date", "Age", "Cache-Status", "Server-Timing"}
    assert {name for name in whole.headers if name not in own} == {
        name for name in head.headers if name not in own
    }
    assert head.headers["Content-Length"] == str(len(BODY))
    assert head.content == b""


async def test_nothing_is_sent_before_the_first_bytes_are_there(node: Node):
    resource = node.origin.resources["/a"] = Resource(BODY, cache_control="max-age=600")
    await node.range("/a", "0-9")
    await node.settled()
    resource.content, resource.etag = BODY[::-1], '"v2"'
    answer = await node.range("/a", f"{SLICE - 10}-{2 * SLICE - 1}")
    assert answer.headers["ETag"] == '"v2"'
    assert answer.content == BODY[::-1][SLICE - 10 : 2 * SLICE]


async def test_a_version_that_changed_while_the_rest_was_coming_cuts_who_follows(node: Node):
    resource = node.origin.resources["/a"] = Resource(BODY, cache_control="max-age=600")
    await node.range("/a", "0-9")
    await node.settled()
    resource.content, resource.etag, resource.gate = BODY[::-1], '"v2"', asyncio.Event()
    asked = len(node.origin.seen)
    first = asyncio.create_task(node.range("/a", f"{SLICE}-{2 * SLICE - 1}"))
    await node.origin.wait_for_requests(asked + 1)
    follower = asyncio.create_task(node.range("/a", f"0-{2 * SLICE - 1}"))
    (found,) = node.service.store.offered("/a")
    async with asyncio.timeout(5):
        while found.requests < 3:  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0)
    resource.gate.set()
    assert (await first).content == BODY[::-1][SLICE : 2 * SLICE]
    assert (await follower).content == BODY[::-1][: 2 * SLICE]


@pytest.mark.parametrize("is_stored", [False, True])
async def test_a_long_answer_is_sent_as_it_is_listened_to(origin: ScriptedOrigin, is_stored: bool):
    # Ten slices, 2 s of listening each; of them 16 s at once, the rest four times as quickly.
    content = content_of(4096) * 640
    origin.resources["/a"] = Resource(content, fields={"Attacca-Bitrate": str(SLICE * 8 // 2)})
    limits = {"pace": 4.0, "pace_burst_s": 16.0, "shutdown_s": 0.2}
    loop = asyncio.get_running_loop()
    async with open_node(origin, limits=limits) as node:
        if is_stored:
            for number in range(10):
                await node.range("/a", f"{number * SLICE}-{(number + 1) * SLICE - 1}")
        begun_s = loop.time()
        assert (await node.ask("/a")).content == content
        # The last slice waits for what was sent before it.
        assert loop.time() - begun_s >= 0.5 - 0.001
