from pathlib import Path

import pytest
from aiohttp import web

from config.credentials import Credential
from config.listener import open_listener_on, url_of_queue
from config.sockets import bind_tcp
from edge.supervisor.admin import NodeAdmin, _joined
from edge.supervisor.calls import WorkerCalls
from edge.supervisor.ledger import Ledger
from edge.supervisor.tests.making import open_supervisor, open_worker_like
from edge.tests.conftest import open_client


@pytest.mark.parametrize(
    ("said", "told"),
    [
        pytest.param({}, {}, id="nobody"),
        pytest.param({0: {"a": "x"}}, {"a": "x"}, id="one says it for the node"),
        pytest.param({0: {"a": "x"}, 1: {"a": "x"}}, {"a": "x"}, id="all say it"),
        pytest.param({0: {}, 1: {"a": "x"}}, {"worker 1: a": "x"}, id="one of two"),
        pytest.param(
            {0: {"a": "x"}, 1: {"a": "y"}},
            {"worker 0: a": "x", "worker 1: a": "y"},
            id="each in its own words",
        ),
    ],
)
def test_what_workers_say_is_told_once(said: dict[int, dict[str, str]], told: dict[str, str]):
    assert _joined(said) == told


@pytest.mark.socket
async def test_a_worker_whose_metrics_cannot_be_read_takes_nothing_from_the_others(tmp_path: Path):
    async def mumble(_: web.Request) -> web.Response:
        return web.Response(body=b"\xff")

    calls = WorkerCalls(Credential("a-credential-of-the-supervisor"))
    (queue,) = bind_tcp("127.0.0.1", 0)
    async with (
        open_supervisor(tmp_path, 1) as (supervisor, _, counts),
        open_worker_like(tmp_path / "a.sock", mumble) as worker,
    ):
        (place,) = supervisor.places
        app = NodeAdmin(supervisor, calls, Ledger(), counts).app(place.config)
        place.current = worker
        async with (
            open_listener_on(app, queue, shutdown_s=0.1),
            open_client(url_of_queue("127.0.0.1", queue)) as client,
        ):
            answer = await client.ask("/metrics")
        place.current = None
    assert answer.status == 200
    assert b"edge_worker_slots 1.0" in answer.content
