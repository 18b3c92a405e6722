"""Sending what is stored, over sockets: parts, growing contents, and what is still to come."""

import asyncio
import email
import email.policy

import pytest

from edge.tests.conftest import Answer, Node, content_of
from edge.tests.scripted_origin import Resource
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
