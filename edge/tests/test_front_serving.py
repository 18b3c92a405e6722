"""An edge behind fronts: whom it takes its clients to be on both roads, and whom it believes."""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest
import uvloop

from edge.tests.conftest import Node, open_node
from edge.tests.scripted_origin import Resource, ScriptedOrigin, open_scripted_origin
from edge.tls.tests.certificate_making import make, trusting, write

pytestmark = pytest.mark.socket

CLIENT = "192.0.2.7"
# Lingers not at all.
RESET = struct.pack("ii", 1, 0)
REQUEST = b"GET /a HTTP/1.1\r\nHost: edge\r\n%b\r\n"
LAST = REQUEST % b"%bConnection: close\r\n"


@contextlib.asynccontextmanager
async def _behind(
    origin: ScriptedOrigin, folder: Path, telling: str, **changes: object
) -> AsyncIterator[Node]:
    origin.resources["/a"] = Resource(b"content")
    front = {"socket": folder / "edge.sock", "telling": telling, **changes}
    async with open_node(origin, front=front, access_log=str(folder / "log")) as node:
        assert (await node.ask("/a")).status == 200
        yield node


async def _say(address: Path | tuple[str, int], said: bytes) -> bytes:
    """What is answered to all of it, until the end."""
    if isinstance(address, Path):
        reader, writer = await asyncio.open_unix_connection(address)
    else:
        reader, writer = await asyncio.open_connection(*address)
    writer.write(said)
    try:
        async with asyncio.timeout(10):
            return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


def _address(node: Node) -> tuple[str, int]:
    host, _, port = node.service.url.rpartition("//")[2].rpartition(":")
    return host, int(port)


def _clients(folder: Path) -> list[str]:
    """Those in the access log, but the first: that was the node's own."""
    lines = (folder / "log").read_bytes().splitlines()
    return [orjson.loads(line)["client"] for line in lines][1:]


@pytest.mark.parametrize("is_lane", [True, False], ids=["lane", "road"])
@pytest.mark.parametrize(
    ("telling", "preface", "field"),
    [
        ("proxy", b"PROXY TCP4 192.0.2.7 198.51.100.9 56324 443\r\n", b""),
        ("forwarded", b"", b'Forwarded: for=203.0.113.9, For="192.0.2.7:80";proto=https\r\n'),
        ("x-forwarded-for", b"", b"X-Forwarded-For: 203.0.113.9\r\nx-forwarded-for: 192.0.2.7\r\n"),
    ],
)
async def test_a_front_is_believed(
    origin: ScriptedOrigin,
    tmp_path: Path,
    telling: str,
    preface: bytes,
    field: bytes,
    is_lane: bool,
):
    # A condition is none of the lane's business.
    field += b"" if is_lane else b'If-None-Match: "other"\r\n'
    async with _behind(origin, tmp_path, telling) as node:
        answer = await _say(tmp_path / "edge.sock", preface + LAST % field)
        assert answer.endswith(b"content")
        assert (await _say(_address(node), LAST % field)).endswith(b"content")
        await node.settled()
    assert _clients(tmp_path) == [CLIENT, "127.0.0.1"]


async def test_clients_of_one_connection_are_told_apart(origin: ScriptedOrigin, tmp_path: Path):
    names = [b"192.0.2.1", b"192.0.2.2"]
    said = REQUEST % b"X-Forwarded-For: 192.0.2.1\r\n" + LAST % b"X-Forwarded-For: 192.0.2.2\r\n"
    async with _behind(origin, tmp_path, "x-forwarded-for"):
        await _say(tmp_path / "edge.sock", said)
    assert _clients(tmp_path) == [name.decode() for name in names]


async def test_a_front_on_the_network_is_believed(origin: ScriptedOrigin, tmp_path: Path):
    async with _behind(origin, tmp_path, "proxy", networks=["127.0.0.2/32"]) as node:
        host, port = _address(node)
        del host
        with socket.create_connection(("127.0.0.1", port), 10, ("127.0.0.2", 0)) as front:
            front.sendall(b"PROXY TCP4 192.0.2.7 127.0.0.1 1 2\r\n" + LAST % b"")
            answer = await asyncio.to_thread(_read_all, front)
    assert answer.endswith(b"content")
    assert _clients(tmp_path) == [CLIENT]


def test_who_resets_his_connection_is_not_taken_for_a_front(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    async def reset_at_once() -> None:
        async with (
            open_scripted_origin() as origin,
            _behind(origin, tmp_path, "x-forwarded-for") as node,
        ):
            # Nobody has accepted him before he is gone.
            with socket.create_connection(_address(node)) as connection:
                connection.sendall(REQUEST % b"X-Forwarded-For: 192.0.2.7\r\n")
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            assert (await node.ask("/a")).status == 200
            await node.settled()

    # asyncio's own loop remembers who was accepted; this one asks when it is too late.
    uvloop.run(reset_at_once())
    assert set(_clients(tmp_path)) <= {"127.0.0.1"}
    assert not caplog.text


def _read_all(connection: socket.socket) -> bytes:
    received = b""
    while part := connection.recv(65536):
        received += part
    return received


async def test_what_a_front_begins_with_may_come_in_pieces(origin: ScriptedOrigin, tmp_path: Path):
    async with _behind(origin, tmp_path, "proxy"):
        reader, writer = await asyncio.open_unix_connection(tmp_path / "edge.sock")
        for byte in b"PROXY TCP4 192.0.2.7 127.0.0.1 1 2\r\n" + LAST % b"":
            writer.write(bytes([byte]))
            await asyncio.sleep(0)
        async with asyncio.timeout(10):
            assert (await reader.read()).endswith(b"content")
        writer.close()
    assert _clients(tmp_path) == [CLIENT]


@pytest.mark.parametrize(
    "said", [LAST % b"", b"PROXY NONSENSE\r\n" + LAST % b""], ids=["nothing", "nonsense"]
)
async def test_a_front_that_does_not_tell_is_not_served(
    origin: ScriptedOrigin, tmp_path: Path, said: bytes
):
    async with _behind(origin, tmp_path, "proxy"):
        assert await _say(tmp_path / "edge.sock", said) == b""
    assert _clients(tmp_path) == []


async def test_nobody_else_is_believed(origin: ScriptedOrigin, tmp_path: Path):
    async with _behind(origin, tmp_path, "proxy") as node:
        said = b"PROXY TCP4 192.0.2.7 127.0.0.1 1 2\r\n" + LAST % b""
        assert b" 400 " in await _say(_address(node), said)
    assert _clients(tmp_path) == ["127.0.0.1"]


async def test_the_socket_is_for_whom_it_is_said(origin: ScriptedOrigin, tmp_path: Path):
    async with _behind(origin, tmp_path, "proxy", socket_mode="0660"):
        assert (tmp_path / "edge.sock").stat().st_mode & 0o777 == 0o660


async def test_one_client_behind_a_front_has_so_many_connections(
    origin: ScriptedOrigin, tmp_path: Path
):
    origin.resources["/a"] = Resource(b"content")
    front = {"socket": tmp_path / "edge.sock"}
    said = b"PROXY TCP4 192.0.2.%d 127.0.0.1 1 2\r\n" + REQUEST % b""
    async with open_node(origin, front=front, limits={"client_connections_max": 1}):
        held = await asyncio.open_unix_connection(tmp_path / "edge.sock")
        held[1].write(said % 1)
        await held[0].readuntil(b"content")
        assert b" 503 " in await _say(tmp_path / "edge.sock", said % 1)
        other = await asyncio.open_unix_connection(tmp_path / "edge.sock")
        other[1].write(said % 2)
        await other[0].readuntil(b"content")
        for _, writer in (held, other):
            writer.close()


async def test_under_tls_a_front_tells_before_it_begins(origin: ScriptedOrigin, tmp_path: Path):
    made = make("edge.example")
    files = write(made, tmp_path, "a")
    origin.resources["/a"] = Resource(b"content")
    certificate = {"certificate_file": files.certificate, "key_file": files.key}
    async with open_node(
        origin,
        tls={"certificates": [certificate]},
        front={"networks": ["127.0.0.0/8"]},
        access_log=str(tmp_path / "log"),
    ) as node:
        head = b"PROXY TCP4 192.0.2.7 127.0.0.1 1 2\r\n"
        for cut in (0, 3, len(head)):
            answer = await asyncio.to_thread(_visit, _address(node), trusting(made), head, cut)
            assert answer.endswith(b"content")
        assert await asyncio.to_thread(_visit, _address(node), trusting(made), b"GET / ", 0) == b""
    assert [CLIENT, *_clients(tmp_path)] == [CLIENT] * 3


def _visit(address: tuple[str, int], client: ssl.SSLContext, head: bytes, cut: int) -> bytes:
    with socket.create_connection(address, timeout=10) as plain:
        plain.sendall(head[:cut])
        plain.sendall(head[cut:])
        try:
            with client.wrap_socket(plain, server_hostname="edge.example") as wrapped:
                wrapped.sendall(LAST % b"")
                return _read_all(wrapped)
        except (ConnectionResetError, ssl.SSLError):
            return b""
