import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import ClassVar

import aiohttp
import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry, Counter

from config.credentials import Credential
from config.listener import (
    admin_app,
    answering_problems,
    open_listener,
    problem_of,
    url_of,
)
from config.sockets import ListenerError

pytestmark = pytest.mark.socket

OPERATOR = Credential("an-operator-credential")


class TornError(Exception):
    status: ClassVar[int] = 422
    reason: ClassVar[str] = "master_torn"
    title: ClassVar[str] = "The master is torn."
    advice: ClassVar[str] = "Send it again."


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def raise_told(_: web.Request) -> web.Response:
    raise TornError("it ends at sample 5")


async def raise_fault(_: web.Request) -> web.Response:
    raise RuntimeError("a detail that nobody outside may read")


async def move(_: web.Request) -> web.Response:
    raise web.HTTPFound("/elsewhere")


@pytest.fixture
async def url() -> AsyncIterator[str]:
    app = web.Application(middlewares=[answering_problems(TornError)])
    app.router.add_get("/told", raise_told)
    app.router.add_get("/fault", raise_fault)
    app.router.add_get("/moved", move)
    async with open_listener(app, host="127.0.0.1", port=0) as url:
        yield url


@pytest.mark.parametrize(
    ("method", "path", "status", "slug"),
    [
        pytest.param("GET", "/told", 422, "master-torn", id="an error that we raise"),
        pytest.param("GET", "/fault", 500, "internal", id="a fault of ours"),
        pytest.param("GET", "/nowhere", 404, "not-found", id="no such path"),
        pytest.param("POST", "/told", 405, "method-not-allowed", id="no such method"),
    ],
)
async def test_errors_are_answered_as_problems(
    session: aiohttp.ClientSession, url: str, method: str, path: str, status: int, slug: str
):
    async with session.request(method, url + path) as response:
        document = await response.json(content_type="application/problem+json")
        assert (response.status, document["type"]) == (status, f"urn:attacca:problem:{slug}")
        assert response.headers["Cache-Control"] == "no-store"
        assert "nobody" not in str(document)


async def test_a_redirect_is_no_problem(session: aiohttp.ClientSession, url: str):
    async with session.get(url + "/moved", allow_redirects=False) as response:
        assert response.status == 302


def test_a_problem_says_what_to_do():
    assert (
        problem_of(TornError("it ends at sample 5")).detail == "it ends at sample 5. Send it again."
    )
    assert problem_of(TornError()).detail == "Send it again."


async def test_an_address_in_use_is_told(url: str):
    port = int(url.rsplit(":", 1)[1])
    with pytest.raises(ListenerError, match=f"cannot listen on 127.0.0.1:{port}"):
        async with open_listener(web.Application(), host="127.0.0.1", port=port):
            pass


def test_an_ipv6_address_gets_its_brackets():
    assert url_of("::1", 80) == "http://[::1]:80"


class Node:
    """What a role tells of itself."""

    def __init__(self) -> None:
        self.reasons: dict[str, str] = {}
        self.weaknesses: dict[str, str] = {}

    def readiness(self) -> Mapping[str, str]:
        return self.reasons


@pytest.fixture
async def node() -> Node:
    return Node()


async def open_admin(node: Node, *, operator: Credential | None = OPERATOR) -> web.Application:
    registry = CollectorRegistry()
    Counter("served_total", "Served.", registry=registry).inc()
    app = admin_app(
        registry=registry,
        readiness=node.readiness,
        weaknesses=lambda: node.weaknesses,
        operator=operator,
    )

    async def act(_: web.Request) -> web.Response:
        await asyncio.sleep(0)
        return web.Response(text="done")

    app.router.add_post("/admin/act", act)
    return app


async def test_the_admin_listener_tells_of_the_role(session: aiohttp.ClientSession, node: Node):
    async with open_listener(await open_admin(node), host="127.0.0.1", port=0) as url:
        async with session.get(url + "/healthz") as response:
            assert response.status == 200
        async with session.get(url + "/metrics") as response:
            assert "served_total 1.0" in await response.text()
        async with session.get(url + "/readyz") as response:
            assert (response.status, (await response.json())["status"]) == (200, "ready")
        node.weaknesses["disk"] = "it is full"
        async with session.get(url + "/readyz") as response:
            assert response.status == 200
            told = {"status": "degraded", "reasons": {"disk": "it is full"}}
            assert await response.json() == told
        node.weaknesses.clear()
        node.reasons["store"] = "it cannot be read"
        async with session.get(url + "/readyz") as response:
            assert response.status == 503
            assert (await response.json())["reasons"] == {"store": "it cannot be read"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({}, 401, id="no credential"),
        pytest.param({"Authorization": "Bearer wrong-credential-text"}, 401, id="a wrong one"),
        pytest.param(
            {"Authorization": f"Bearer {OPERATOR.reveal()}", "Origin": "http://x.example"},
            403,
            id="from a web page",
        ),
        pytest.param(
            {"Authorization": f"Bearer {OPERATOR.reveal()}", "Host": "x.example"},
            403,
            id="a rebound name",
        ),
        pytest.param({"Authorization": f"Bearer {OPERATOR.reveal()}"}, 200, id="the operator"),
    ],
)
async def test_acting_needs_the_operator(
    session: aiohttp.ClientSession, node: Node, headers: dict[str, str], status: int
):
    async with (
        open_listener(await open_admin(node), host="127.0.0.1", port=0) as url,
        session.post(url + "/admin/act", headers=headers) as response,
    ):
        assert response.status == status


async def test_without_an_operator_the_admin_listener_is_closed(
    session: aiohttp.ClientSession, node: Node
):
    app = await open_admin(node, operator=None)
    async with (
        open_listener(app, host="127.0.0.1", port=0) as url,
        session.post(url + "/admin/act") as response,
    ):
        assert response.status == 403
