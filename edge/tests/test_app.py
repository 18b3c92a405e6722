"""The edge as a whole: its listeners, its readiness, its metrics, its end."""

import asyncio
from pathlib import Path

import pytest

from config.sockets import ListenerError
from edge.app import EdgeCredentials, open_edge
from edge.tests.conftest import (
    EDGE_CREDENTIAL,
    OPERATOR,
    ManualClock,
    Node,
    content_of,
    open_client,
    open_node,
    settings_for,
)
from edge.tests.scripted_origin import Resource, ScriptedOrigin
from edge.tests.token_making import bearer, open_guarded_node, open_scripted_drm, token_of

pytestmark = pytest.mark.socket


async def test_the_admin_listener(node: Node):
    node.origin.resources["/a"] = Resource(content_of(1000))
    for _ in range(3):
        await node.ask("/a")
    await node.ask("/b", method="DELETE")
    async with open_client(node.service.admin_url) as admin:
        assert (await admin.ask("/healthz")).status == 200
        assert (await admin.ask("/readyz")).status == 200
        text = (await admin.ask("/metrics")).content.decode()
    for line in (
        'edge_responses_total{result="hit",status_class="2xx"} 2.0',
        'edge_responses_total{result="uri-miss",status_class="2xx"} 1.0',
        'edge_responses_total{result="method",status_class="4xx"} 1.0',
        'edge_content_bytes_total{result="hit"} 2000.0',
        'edge_first_byte_seconds_bucket{le="+Inf",result="hit"} 2.0',
        "edge_fills_total 1.0",
        "edge_fill_bytes_total 1000.0",
        "edge_memory_slices 1.0",
        "edge_memory_records 1.0",
        'edge_memory_evictions_total{kind="slice"} 0.0',
    ):
        assert line in text, line


async def test_failures_are_counted_by_reason(origin: ScriptedOrigin):
    async with open_scripted_drm() as drm, open_guarded_node(origin, drm) as node:
        await node.ask("/v1/tracks/x")
        await node.ask("/v1/tracks/x", headers=bearer("nonsense"))
        origin.url = "http://127.0.0.1:1"
        async with open_client(node.service.admin_url) as admin:
            text = (await admin.ask("/metrics")).content.decode()
        assert 'edge_token_refusals_total{reason="token_missing"} 1.0' in text
        assert 'edge_token_refusals_total{reason="token_malformed"} 1.0' in text


async def test_it_is_not_ready_before_it_has_keys(origin: ScriptedOrigin):
    async with open_scripted_drm() as drm:
        published = drm.behaviours.pop("/v1/token-keys")
        async with (
            open_guarded_node(origin, drm) as node,
            open_client(node.service.admin_url) as admin,
        ):
            waiting = await admin.ask("/readyz")
            assert waiting.status == 503
            assert b"token-keys-missing" in waiting.content
            drm.behaviours["/v1/token-keys"] = published
            await drm.wait_for_requests(2)
            async with asyncio.timeout(10):
                while (await admin.ask("/readyz")).status != 200:
                    await drm.arrived.wait()
        assert token_of() not in waiting.content.decode()


async def test_a_taken_port_is_told_as_such(node: Node):
    port = int(node.service.url.rpartition(":")[2])
    settings = settings_for(node.origin.url, port=port)
    with pytest.raises(ListenerError, match=str(port)):
        async with open_edge(settings, credentials=EdgeCredentials(), clock=ManualClock()):
            pass


async def test_it_ends_in_the_middle_of_everything(origin: ScriptedOrigin):
    body = content_of(3_000_000)
    origin.resources["/a"] = Resource(body, pause_at=1000)
    origin.resources["/b"] = Resource(body, gate=asyncio.Event())
    before = len(asyncio.all_tasks())
    async with asyncio.TaskGroup() as group:
        async with open_node(origin, limits={"shutdown_s": 0.0}) as node:
            tasks = [
                group.create_task(asyncio.wait([asyncio.ensure_future(node.ask(target))]))
                for target in ("/a", "/b", "/b")
            ]
            await origin.wait_for_requests(2)
        del tasks
    assert len(asyncio.all_tasks()) <= before + 4  # The origin's own requests.


async def test_what_cannot_be_parsed_is_refused_and_not_logged(
    origin: ScriptedOrigin, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level("DEBUG")
    origin.resources["/a"] = Resource(b"content")
    log = tmp_path / "access.log"
    async with open_node(origin, access_log=str(log)) as node:
        host, _, port = node.service.url.removeprefix("http://").rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /a HTTP/1.1\r\nHost: edge\r\n\r\n")
        await reader.readuntil(b"content")
        writer.write(b"GET /~se.cr.et/\x01 HTTP/1.1\r\nse.cr.et : x\r\n\r\n")
        assert b" 400 " in await reader.readline()
        writer.close()
    assert log.read_text().count("\n") == 2
    assert "se.cr.et" not in caplog.text + log.read_text()


def test_credentials_are_not_shown():
    shown = repr(EdgeCredentials(EDGE_CREDENTIAL, OPERATOR))
    assert EDGE_CREDENTIAL.reveal() not in shown
    assert OPERATOR.reveal() not in shown


async def test_it_ends_while_keys_are_fetched(origin: ScriptedOrigin):
    async with (
        open_scripted_drm() as drm,
        open_guarded_node(origin, drm, tokens={"refresh_s": 0.0001}),
    ):
        await drm.wait_for_requests(5)
    assert len(drm.seen) >= 5
