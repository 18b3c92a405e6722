import asyncio
from pathlib import Path

import pytest

from cli.edge_node import WORKER_COMMAND
from config.tasks import open_tasks
from edge.app import EdgeCredentials
from edge.settings import EdgeSettings
from edge.slot import Slot
from edge.supervisor.brief import Brief
from edge.supervisor.worker_process import WorkerProcess

pytestmark = pytest.mark.slow


async def test_a_worker_that_cannot_serve_says_why(tmp_path: Path):
    values = {"token_check": False, "access_log": "/nowhere/access.log"}
    brief = Brief(
        settings=EdgeSettings.model_validate(values),
        credentials=EdgeCredentials(),
        slot=Slot(0, 1, tmp_path),
        admin_path=tmp_path / "admin.sock",
        media={},
        is_successor=False,
    )
    worker = WorkerProcess.start(brief, WORKER_COMMAND)
    async with asyncio.timeout(60), open_tasks() as tasks:
        tasks.start(worker.watch(lambda _: None))
        await worker.ended.wait()
    assert worker.status == 1
    assert "/nowhere/access.log" in worker.failure
