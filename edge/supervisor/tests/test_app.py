"""A node with workers in processes of their own: what holds when one goes, or all in turn."""

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from config.settings import SettingsError
from edge.app import EdgeCredentials
from edge.settings import EdgeSettings
from edge.supervisor.app import SupervisedEdge, open_supervised_edge
from edge.supervisor.place import NodeConfig
from edge.supervisor.worker_process import WorkerProcess
from edge.tests.conftest import (
    EDGE_CREDENTIAL,
    NOW_S,
    OPERATOR,
    Answer,
    Client,
    ManualClock,
    content_of,
    open_client,
    settings_for,
)
from edge.tests.scripted_origin import Resource, ScriptedOrigin, open_scripted_origin

pytestmark = [pytest.mark.socket, pytest.mark.slow]

COMMAND = (sys.executable, "-m", "cli.edge_worker")
BODY = content_of(100_000)
BEARER = {"Authorization": f"Bearer {OPERATOR.reveal()}"}


@dataclass
class Scene:
    """A node under test; `settings` are read anew at a reload."""

    settings: EdgeSettings
    node: SupervisedEdge = field(init=False)
    admin: Client = field(init=False)
    fault: str = ""

    def load(self) -> NodeConfig:
        if self.fault:
            raise SettingsError(self.fault)
        return NodeConfig(self.settings, EdgeCredentials(EDGE_CREDENTIAL, OPERATOR))

    def worker(self, number: int) -> WorkerProcess:
        worker = self.node.supervisor.places[number].current
        assert worker is not None
        return worker

    async def metric(self, line: str) -> float:
        text = (await self.admin.ask("/metrics")).content.decode()
        found = re.search(rf"^{re.escape(line)} (\S+)$", text, re.MULTILINE)
        assert found is not None, line
        return float(found[1])

    async def purge(self, *urls: str) -> Answer:
        content = b'{"urls": [%b]}' % b",".join(b'"%b"' % url.encode() for url in urls)
        headers = {**BEARER, "Content-Type": "application/json"}
        return await self.admin.ask("/admin/purge", method="POST", headers=headers, data=content)

    async def ask(self, target: str, **headers: str) -> Answer:
        """Over a connection of its own."""
        async with open_client(self.node.url, Connection="close") as client:
            return await client.ask(target, headers=headers)

    async def until_ready(self, reason: str) -> None:
        async with asyncio.timeout(20):
            while await self.metric(f'edge_worker_restarts_total{{reason="{reason}"}}') < 1:  # noqa: ASYNC110
                await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def open_scene(origin: ScriptedOrigin, **changes: object) -> AsyncIterator[Scene]:
    origin.resources["/a"] = Resource(BODY)
    scene = Scene(settings_for(origin.url, **changes))
    clock = ManualClock()
    async with (
        open_supervised_edge(scene.load, command=COMMAND, clock=clock) as scene.node,
        open_client(scene.node.admin_url) as scene.admin,
    ):
        yield scene


@pytest.fixture
async def origin() -> AsyncIterator[ScriptedOrigin]:
    async with open_scripted_origin() as origin:
        yield origin


async def test_two_workers_are_one_node_and_one_may_go(origin: ScriptedOrigin):
    async with open_scene(origin, workers=2) as scene:
        assert (await scene.admin.ask("/readyz")).content == b'{"status":"ready","reasons":{}}'
        for _ in range(16):
            assert (await scene.ask("/a")).content == BODY
        assert 1 <= await scene.metric("edge_fills_total") <= 2
        assert await scene.metric("edge_memory_records") <= 2

        origin.resources["/a"] = Resource(BODY[::-1])
        assert (await scene.admin.ask("/admin/purge", method="POST")).status == 401
        assert b'"applied":1' in (await scene.purge("/a")).content
        for _ in range(8):
            assert (await scene.ask("/a")).content == BODY[::-1]
        # Twice at least, at each of them.
        assert await scene.metric('edge_purge_entries_total{kind="hard"}') >= 2

        scene.worker(0).kill()
        answers = await asyncio.gather(*(scene.ask("/a") for _ in range(32)))
        assert {answer.status for answer in answers} == {200}
        before = await scene.metric('edge_responses_total{result="hit",status_class="2xx"}')
        await scene.until_ready("crashed")
        after = await scene.metric('edge_responses_total{result="hit",status_class="2xx"}')
        assert after >= before
        assert await scene.metric('edge_workers{state="serving"}') == 2


async def test_a_worker_that_stands_still_says_where_and_is_replaced(
    origin: ScriptedOrigin, capfd: pytest.CaptureFixture[str]
):
    async with open_scene(origin, limits={"worker_silence_s": 1.0}) as scene:
        worker = scene.worker(0)
        os.kill(worker.pid, signal.SIGQUIT)
        assert (await scene.ask("/a")).content == BODY
        os.kill(worker.pid, signal.SIGSTOP)
        await scene.until_ready("hung")
        assert worker.status == -signal.SIGKILL
        assert scene.worker(0) is not worker
        assert (await scene.ask("/a")).content == BODY
    told = capfd.readouterr().err
    assert "most recent call first" in told
    assert OPERATOR.reveal() not in told


async def test_a_reload_loses_nothing_and_a_bad_one_changes_nothing(origin: ScriptedOrigin):
    async with open_scene(origin) as scene, open_client(scene.node.url) as client:
        # What nobody knows here is passed on to a worker.
        assert (await scene.admin.ask("/admin/nothing", headers=BEARER)).status == 404
        first = scene.worker(0).pid
        scene.fault = "`limits.fills_max`: not a number"
        assert not await scene.node.reload()
        assert await scene.metric("edge_config_last_reload_successful") == 0
        assert scene.worker(0).pid == first

        scene.fault = ""
        scene.settings = settings_for(
            origin.url, port=1, is_metrics_open=False, cache={"slice_bytes": 4096}
        )
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            reloading = group.create_task(scene.node.reload())
            asked = 0
            while not reloading.done():
                assert (await client.ask("/a")).content == BODY  # Kept alive.
                assert (await scene.ask("/a")).content == BODY
                asked += 2
        assert reloading.result()
        assert scene.worker(0).pid != first
        assert (await scene.admin.ask("/metrics")).status == 401
        scene.admin.headers = BEARER
        assert await scene.metric("edge_config_last_reload_successful") == 1
        assert await scene.metric("edge_config_last_reload_success_timestamp_seconds") == NOW_S
        hits = 'edge_responses_total{result="hit",status_class="2xx"}'
        misses = 'edge_responses_total{result="uri-miss",status_class="2xx"}'
        assert await scene.metric(hits) + await scene.metric(misses) == asked
