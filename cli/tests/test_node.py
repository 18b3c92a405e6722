import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from cli.commands.token import issue_token
from cli.installation import Running
from cli.node import NodeClient, NodeError, open_node_client
from config.credentials import Credential
from config.listener import open_listener

pytestmark = pytest.mark.socket

OPERATOR = Credential("an-operator-credential")
TRACK, ODD, SLOW, BARE = "0" * 22, "1" * 22, "2" * 22, "3" * 22


async def track(request: web.Request) -> web.Response:
    assert request.headers["Authorization"] == f"Bearer {OPERATOR.reveal()}"
    return web.json_response({"samples": 44101, "sample_rate_hz": 44100})


async def token(request: web.Request) -> web.Response:
    wanted = json.loads(await request.read())
    if wanted.get("ttl_s") == 0:
        problem = {"title": "Not a token request.", "detail": "`ttl_s` is at least 1"}
        return web.json_response(problem, status=400)
    return web.json_response({"token": "t", "wanted": wanted})


async def nonsense(_: web.Request) -> web.Response:
    return web.Response(text="<html>")


async def bare(_: web.Request) -> web.Response:
    return web.json_response({})


async def in_two_writes(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b'{"samples": 44100, ')
    await response.write(b'"sample_rate_hz": 44100}')
    return response


async def album(_: web.Request) -> web.Response:
    return web.json_response({"tracks": [{"track_id": TRACK}, {"track_id": SLOW}]})


@pytest.fixture
async def client() -> AsyncIterator[NodeClient]:
    app = web.Application()
    app.router.add_get(f"/v1/tracks/{TRACK}", track)
    app.router.add_get(f"/v1/tracks/{ODD}", nonsense)
    app.router.add_get(f"/v1/tracks/{SLOW}", in_two_writes)
    app.router.add_get(f"/v1/tracks/{BARE}", bare)
    app.router.add_get(f"/v1/albums/{TRACK}", album)
    app.router.add_get(f"/v1/albums/{BARE}", bare)
    app.router.add_post("/v1/tokens", token)
    async with open_listener(app, host="127.0.0.1", port=0) as url:
        running = Running({"origin": url, "drm": url}, OPERATOR)
        async with open_node_client(running) as client:
            yield client


async def test_a_track_lasts_for_whole_seconds_rounded_up(client: NodeClient):
    assert await client.duration_s(TRACK) == 2


async def test_an_answer_may_come_in_parts(client: NodeClient):
    assert await client.duration_s(SLOW) == 1


@pytest.mark.parametrize("track_id", ["", "../library", "0" * 21, "0" * 21 + "é", "0" * 22 + "/"])
async def test_what_is_no_track_id_is_not_asked_for(client: NodeClient, track_id: str):
    with pytest.raises(NodeError, match="is no track id"):
        await client.duration_s(track_id)


async def test_a_record_without_a_length_is_told(client: NodeClient):
    with pytest.raises(NodeError, match="does not tell its length"):
        await client.duration_s(BARE)


async def test_an_album_s_token_names_its_tracks_and_their_length(client: NodeClient):
    issued = await issue_token(client, {"album": TRACK, "ttl_s": 60})
    assert issued["wanted"] == {
        "album": TRACK,
        "ttl_s": 60,
        "tracks": [TRACK, SLOW],
        "duration_s": 3,
    }


@pytest.mark.parametrize(
    ("album_id", "told"), [("../library", "is no album id"), (BARE, "does not list its tracks")]
)
async def test_what_is_no_album_is_told(client: NodeClient, album_id: str, told: str):
    with pytest.raises(NodeError, match=told):
        await issue_token(client, {"album": album_id})


async def test_a_token_is_asked_for_as_the_operator(client: NodeClient):
    answer = await client.issue_token({"ttl_s": 5})
    assert answer == {"token": "t", "wanted": {"ttl_s": 5}}


async def test_a_refusal_is_told_in_the_words_of_the_node(client: NodeClient):
    with pytest.raises(NodeError, match="Not a token request: `ttl_s` is at least 1"):
        await client.issue_token({"ttl_s": 0})


async def test_what_is_not_json_is_told(client: NodeClient):
    with pytest.raises(NodeError, match="not JSON"):
        await client.track(ODD)


@pytest.mark.parametrize(
    ("urls", "told"),
    [
        pytest.param({"origin": "http://127.0.0.1:9"}, "does not answer", id="nothing listens"),
        pytest.param({}, "no URL of origin", id="no address"),
    ],
)
async def test_a_node_that_cannot_be_reached_is_told(urls: dict[str, str], told: str):
    async with open_node_client(Running(urls, OPERATOR)) as client:
        with pytest.raises(NodeError, match=told):
            await client.track(TRACK)
