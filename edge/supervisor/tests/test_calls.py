from pathlib import Path

import pytest
from aiohttp import web

from config.credentials import Credential
from edge.supervisor.calls import CallError, WorkerCalls
from edge.supervisor.tests.making import open_worker_like

pytestmark = pytest.mark.socket

INNER = Credential("a-credential-of-the-supervisor")


async def answer(request: web.Request) -> web.Response:
    facts = {
        "method": request.method,
        "path": request.path_qs,
        "shown": request.headers["Authorization"] == f"Bearer {INNER.reveal()}",
        "content": (await request.read()).decode(),
    }
    return web.json_response(facts, status=418)


async def test_a_worker_is_asked_over_its_socket(tmp_path: Path):
    calls = WorkerCalls(INNER)
    async with open_worker_like(tmp_path / "a.sock", answer) as worker:
        got = await calls.call(worker, "/readyz?a=1", within_s=5.0)
        posted = await calls.call(worker, "/admin/purge", content=b"{}", within_s=5.0)
    assert got.status == posted.status == 418
    assert got.document() == {
        "method": "GET",
        "path": "/readyz?a=1",
        "shown": True,
        "content": "",
    }
    assert (posted.document()["method"], posted.document()["content"]) == ("POST", "{}")


async def test_who_is_gone_is_told_as_such(tmp_path: Path):
    async with open_worker_like(tmp_path / "a.sock", answer) as worker:
        pass
    with pytest.raises(CallError):
        await WorkerCalls(INNER).call(worker, "/metrics", within_s=5.0)


async def test_what_is_no_json_is_no_document(tmp_path: Path):
    async def say(_: web.Request) -> web.Response:
        return web.Response(text="[1]")

    async with open_worker_like(tmp_path / "a.sock", say) as worker:
        found = await WorkerCalls(INNER).call(worker, "/metrics", within_s=5.0)
    assert found.document() == {}
