"""Interim responses: passed on to all who wait for an answer, and never stored."""

import asyncio

import pytest
from aiohttp import web

from edge.tests.conftest import Node, open_node
from edge.tests.scripted_origin import Resource, open_raw_origin
from edge.tests.test_connection import exchange

pytestmark = pytest.mark.socket

FINAL = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 2\r\n\r\nhi"
ASK = b"GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


class Hinting:
    """A resource that sends a hint first, and the rest when it is told to."""

    def __init__(self) -> None:
        self.resume = asyncio.Event()
        self.asked = 0

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked += 1
        assert request.transport is not None
        await self.resume.wait()
        request.transport.write(b"HTTP/1.1 103 Early Hints\r\nLink: </next>; rel=next\r\n\r\n")
        return web.Response(body=b"hi", headers={"Cache-Control": "max-age=60"})


async def test_a_hint_goes_to_all_who_wait_and_to_nobody_later(node: Node):
    hinting = node.origin.behaviours["/a"] = Hinting()
    node.origin.resources["/b"] = Resource(b"other")
    await node.ask("/b")
    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(exchange(node.service.url, ASK)) for _ in range(3)]
        await node.origin.wait_for_requests(2)
        await node.ask("/b")  # Those who came before have been read by then.
        hinting.resume.set()
    for one in waiting:
        first, fields, rest = one.result()
        assert first == b"HTTP/1.1 103 Early Hints"
        assert fields == {"link": "</next>; rel=next"}
        assert rest.startswith(b"HTTP/1.1 200 OK\r\n")
        assert rest.endswith(b"\r\n\r\nhi")
    first, fields, content = await exchange(node.service.url, ASK)
    assert (first, content) == (b"HTTP/1.1 200 OK", b"hi")
    assert "link" not in fields
    assert hinting.asked == 1


@pytest.mark.parametrize("status", [104, 199])
async def test_an_interim_status_that_nobody_knows_makes_the_answer_an_error(status: int):
    interim = f"HTTP/1.1 {status} Something\r\nLink: </next>\r\n\r\n".encode()
    async with open_raw_origin(interim + FINAL) as origin, open_node(origin) as node:
        first, fields, rest = await exchange(node.service.url, ASK)
        assert first.split()[1] == str(status).encode()
        assert fields == {"link": "</next>"}
        assert rest.startswith(b"HTTP/1.1 200 OK\r\n")
        assert rest.endswith(b"hi")


@pytest.mark.parametrize("value", [b"a\x01b", b"a\x7fb"])
async def test_a_hint_with_control_characters_is_passed_on(value: bytes):
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: " + value + b"\r\nX: y\r\n\r\n"
    async with open_raw_origin(interim + FINAL) as origin, open_node(origin) as node:
        _, fields, _ = await exchange(node.service.url, ASK)
        assert fields == {"x": "y"}


async def test_one_listener_of_http_1_0_gets_none(node: Node):
    node.origin.behaviours["/a"] = hinting = Hinting()
    hinting.resume.set()
    first, _, content = await exchange(node.service.url, b"GET /a HTTP/1.0\r\n\r\n")
    assert (first, content) == (b"HTTP/1.0 200 OK", b"hi")


async def test_what_is_passed_through_has_its_hints_too(node: Node):
    node.origin.behaviours["/a"] = hinting = Hinting()
    hinting.resume.set()
    sent = b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    first, _, rest = await exchange(node.service.url, sent)
    assert first == b"HTTP/1.1 103 Early Hints"
    assert rest.endswith(b"hi")


@pytest.mark.parametrize("value", [b"a\x01b", b"a\x7fb"])
async def test_an_answer_with_control_characters_cuts_its_listeners(value: bytes):
    head, _, content = FINAL.partition(b"\r\n\r\n")
    answer = head + b"\r\nLink: " + value + b"\r\n\r\n" + content
    async with open_raw_origin(answer) as origin, open_node(origin) as node:
        for _ in range(2):
            first, fields, _ = await exchange(node.service.url, ASK)
            assert first.split()[1] == b"502"
            assert "link" not in fields
