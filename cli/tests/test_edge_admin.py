import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from cli.edge_admin import (
    EdgeAdmin,
    EdgeRefusedError,
    batches_of,
    find_edge_admin,
    masked,
    open_edge_admin,
)
from cli.installation import Installation, InstallationError
from cli.node import NodeError
from config.credentials import Credential
from config.listener import open_listener

pytestmark = pytest.mark.socket

OPERATOR = Credential("an-operator-credential")


def test_texts_go_in_calls_that_an_edge_takes():
    texts = [f"/{number}" for number in range(2001)]
    assert [len(batch) for batch in batches_of(texts)] == [1000, 1000, 1]
    assert list(batches_of([])) == []
    long = ["/" + "é" * 4000] * 100
    batches = list(batches_of(long))
    assert [text for batch in batches for text in batch] == long
    assert all(len(json.dumps({"targets": batch})) < 1 << 20 for batch in batches)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/~a.b.c/v1/x", "/~-/v1/x"),
        ("https://edge/~a.b/v1?y=/~z", "https://edge/~-/v1?y=/~-"),
        ("/~a", "/~-"),
        ("/v1/x", "/v1/x"),
    ],
)
def test_what_may_be_a_token_is_not_shown(text: str, shown: str):
    assert masked(text) == shown


def running_file(folder: Path, **urls: str) -> Path:
    file = folder / "running.json"
    file.write_text(json.dumps({**urls, "operator_credential": OPERATOR.reveal()}))
    return file


def test_the_admin_listener_is_found_or_named(tmp_path: Path):
    installation = Installation(tmp_path)
    file = running_file(tmp_path, edge="http://e", admin="http://a/")
    assert find_edge_admin(installation, file, None).url == "http://a"
    assert find_edge_admin(installation, file, "http://b").url == "http://b"
    with pytest.raises(InstallationError, match="--edge"):
        find_edge_admin(installation, running_file(tmp_path, edge="http://e"), None)
    with pytest.raises(InstallationError, match="nothing runs"):
        find_edge_admin(installation, None, None)


async def cut_off(request: web.Request) -> web.StreamResponse:
    assert request.headers["Authorization"] == f"Bearer {OPERATOR.reveal()}"
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b'{"event":"progress","bytes":0}\n')
    return response


async def refuse(request: web.Request) -> web.Response:
    wanted = json.loads(await request.read())
    if wanted == {"as": "text"}:
        return web.Response(status=502, text="<html>")
    problem = {
        "type": "urn:attacca:problem:purge-not-durable",
        "title": "No folder.",
        "status": 503,
    }
    return web.json_response(problem, status=503)


@pytest.fixture
async def url() -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/admin/warm", cut_off)
    app.router.add_post("/admin/purge", refuse)
    async with open_listener(app, host="127.0.0.1", port=0) as url:
        yield url


async def test_an_answer_without_its_end_is_an_error(url: str):
    async with open_edge_admin(EdgeAdmin(url, OPERATOR)) as client:
        with pytest.raises(NodeError, match="stopped before"):
            assert [event["bytes"] async for event in client.warm({})] == [0]


async def test_a_refusal_has_its_name(url: str):
    async with open_edge_admin(EdgeAdmin(url, OPERATOR)) as client:
        with pytest.raises(EdgeRefusedError, match="No folder") as raised:
            await client.purge({})
        assert raised.value.slug == "purge-not-durable"
        with pytest.raises(EdgeRefusedError, match="answered 502") as raised:
            await client.purge({"as": "text"})
        assert not raised.value.slug


async def test_an_edge_that_is_away_is_an_error():
    async with open_edge_admin(EdgeAdmin("http://127.0.0.1:9", OPERATOR)) as client:
        with pytest.raises(NodeError, match="does not answer"):
            await client.purge({})
