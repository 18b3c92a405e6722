"""An edge with certificates: what it serves is what it serves in the clear."""

import asyncio
import re
import ssl
from pathlib import Path

import aiohttp
import pytest

from config.settings import SettingsError
from edge.tests.conftest import content_of, open_client, open_node
from edge.tests.scripted_origin import Resource, open_scripted_origin
from edge.tls.certificates import CertificateFiles
from edge.tls.tests.certificate_making import END, Made, make, trusting, write

pytestmark = pytest.mark.socket

MADE: Made = make("edge.example", "127.0.0.1")


def _settings(*files: CertificateFiles) -> dict[str, object]:
    return {
        "certificates": [
            {"certificate_file": one.certificate, "key_file": one.key} for one in files
        ],
        "watch_s": 0.01,
    }


def _client(*certificates: Made) -> ssl.SSLContext:
    context = trusting(*certificates)
    context.check_hostname = False  # The node is asked for by its address.
    return context


async def _ask(url: str, client: ssl.SSLContext, **headers: str) -> tuple[int, bytes]:
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=client)) as session,
        session.get(url, headers=headers) as response,
    ):
        return response.status, await response.read()


async def test_content_ranges_and_metrics(tmp_path: Path):
    body = content_of(3_000_000)
    async with (
        open_scripted_origin() as origin,
        open_node(origin, tls=_settings(write(MADE, tmp_path, "a"))) as node,
    ):
        origin.resources["/a"] = Resource(body)
        url = node.service.url
        assert url.startswith("https://127.0.0.1:")
        client = _client(MADE)
        for _ in range(2):
            assert await _ask(f"{url}/a", client) == (200, body)
        part = await _ask(f"{url}/a", client, Range="bytes=1000000-1999999")
        assert part == (206, body[1_000_000:2_000_000])
        async with open_client(node.service.admin_url) as admin:
            text = (await admin.ask("/metrics")).content.decode()
    assert "edge_tls_certificates_outdated 0.0" in text
    told = re.search(r'expiry_timestamp_seconds\{certificate="0:edge.example"\} (\S+)', text)
    assert told is not None
    assert float(told[1]) == END.timestamp()
    assert "edge_tls_handshakes_total" in text


async def test_certificates_are_exchanged_while_an_answer_is_under_way(tmp_path: Path):
    body, after = content_of(2_000_000), make("edge.example")
    gate = asyncio.Event()
    async with (
        open_scripted_origin() as origin,
        open_node(origin, tls=_settings(write(MADE, tmp_path, "a"))) as node,
        asyncio.TaskGroup() as group,
    ):
        origin.resources["/slow"] = Resource(body, gate=gate)
        origin.resources["/a"] = Resource(b"content")
        url = node.service.url
        slow = group.create_task(_ask(f"{url}/slow", _client(MADE)))
        await origin.wait_for_requests(1)
        write(after, tmp_path, "a")
        async with asyncio.timeout(10):
            while True:
                try:
                    assert await _ask(f"{url}/a", _client(after)) == (200, b"content")
                    break
                except aiohttp.ClientConnectorCertificateError:
                    await asyncio.sleep(0.005)
        gate.set()
        assert await slow == (200, body)


async def test_a_certificate_that_cannot_be_used_ends_the_start(tmp_path: Path):
    files = write(MADE, tmp_path, "a")
    files.key.unlink()
    with pytest.raises(SettingsError, match=r"a\.key: No such file"):
        async with (
            open_scripted_origin() as origin,
            open_node(origin, tls=_settings(files)),
        ):
            pass


async def test_it_ends_with_connections_open(tmp_path: Path):
    async with (
        open_scripted_origin() as origin,
        open_node(origin, tls=_settings(write(MADE, tmp_path, "a"))) as node,
    ):
        origin.resources["/a"] = Resource(b"content")
        host, _, port = node.service.url.removeprefix("https://").rpartition(":")
        reader, writer = await asyncio.open_connection(
            host, int(port), ssl=_client(MADE), server_hostname="edge.example"
        )
        writer.write(b"GET /a HTTP/1.1\r\nHost: edge.example\r\n\r\n")
        await reader.readuntil(b"content")
    async with asyncio.timeout(10):
        assert await reader.read() == b""
    writer.close()
