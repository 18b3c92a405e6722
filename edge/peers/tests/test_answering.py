"""What members are told that listeners are not, and the other way round."""

from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from edge.peers.tests.company import open_workers
from edge.peers.wording import HOP_FIELD, MET_FIELD
from edge.tests.scripted_origin import Resource, ScriptedOrigin

pytestmark = pytest.mark.socket


async def ask_as_member(path: Path, target: str, **headers: str) -> aiohttp.ClientResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with (
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as session,
        session.get("http://worker" + target, headers={HOP_FIELD: "worker", **named}) as response,
    ):
        await response.read()
        return response


@pytest.mark.parametrize(
    ("headers", "status", "met"),
    [
        pytest.param({}, 200, "uri-miss; age=", id="the whole"),
        pytest.param({"Range": "bytes=1-2"}, 206, "uri-miss; age=", id="a range"),
        pytest.param({"If_None_Match": '"v1"'}, 304, "uri-miss; age=", id="a validation"),
        pytest.param({"Range": "bytes=99-"}, 416, "range_not_satisfiable", id="beyond the end"),
    ],
)
async def test_what_is_stored_goes_to_members_as_it_is(
    headers: dict[str, str], status: int, met: str, origin: ScriptedOrigin, run_dir: Path
):
    fields = {"Surrogate-Key": "k", "Server": "of the origin"}
    origin.resources["/x"] = Resource(b"content", fields=fields)
    async with open_workers(origin, run_dir):
        if status == 416:  # Of a length that is known.
            await ask_as_member(run_dir / "peer-0.sock", "/x")
        answer = await ask_as_member(run_dir / "peer-0.sock", "/x", **headers)
    assert answer.status == status
    assert answer.headers[MET_FIELD].startswith(met)
    assert "Cache-Status" not in answer.headers
    assert "Via" not in answer.headers
    if status != 416:
        assert fields.items() <= dict(answer.headers).items()


async def test_the_age_is_told_in_whole_seconds_and_to_the_millisecond(
    origin: ScriptedOrigin, run_dir: Path
):
    origin.resources["/x"] = Resource(b"content")
    async with open_workers(origin, run_dir) as workers:
        await ask_as_member(run_dir / "peer-0.sock", "/x")
        workers[0].clock.now_s += 12.345
        answer = await ask_as_member(run_dir / "peer-0.sock", "/x")
    assert answer.headers["Age"] == "12"
    assert answer.headers[MET_FIELD] == "hit; age=12.345"


async def test_why_there_is_no_answer_is_said(origin: ScriptedOrigin, run_dir: Path):
    async def hang_up(request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    origin.behaviours["/x"] = hang_up
    async with open_workers(origin, run_dir):
        answer = await ask_as_member(run_dir / "peer-0.sock", "/x")
    assert answer.status == 502
    assert answer.headers[MET_FIELD] == "upstream_lost; error"
