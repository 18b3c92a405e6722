import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from config.listener import open_listener
from loadtest.players.chromium import Chromium, ChromiumError, open_chromium

pytestmark = pytest.mark.socket

REPORTED = {
    "method": "Runtime.bindingCalled",
    "sessionId": "session-1",
    "params": {"name": "report", "payload": "played"},
}
RESULTS = {
    "Target.createBrowserContext": {"browserContextId": "context-1"},
    "Target.createTarget": {"targetId": "target-1"},
    "Target.attachToTarget": {"sessionId": "session-1"},
    "Browser.getVersion": {"product": "Chrome/156"},
}


@contextlib.asynccontextmanager
async def open_scripted(
    *after_navigation: dict[str, Any],
) -> AsyncIterator[tuple[Chromium, list[str]]]:
    """A driver, and the methods that a browser of a few answers has been called by."""
    called: list[str] = []

    async def serve(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            command = json.loads(message.data)
            called.append(command["method"])
            if command["method"] == "Browser.close":
                break
            if command["method"] == "Browser.crash":
                await socket.send_json({"id": command["id"], "error": {"message": "no"}})
                continue
            await socket.send_json({"method": "Target.targetCreated", "params": {}})
            await socket.send_json({"id": command["id"], "result": RESULTS.get(called[-1], {})})
            if command["method"] == "Page.navigate":
                for event in after_navigation:
                    await socket.send_json(event)
        return socket

    app = web.Application()
    app.router.add_get("/", serve)
    async with (
        open_listener(app, host="127.0.0.1", port=0) as url,
        aiohttp.ClientSession() as session,
        session.ws_connect(url) as socket,
    ):
        yield Chromium(socket), called


async def test_a_page_reports_and_its_context_is_disposed_of():
    of_another = {**REPORTED, "sessionId": "session-0"}
    async with open_scripted(of_another, REPORTED) as (chromium, called):
        assert await chromium.run_page("http://127.0.0.1:1/", deadline_s=10) == "played"
        assert called[0] == "Target.createBrowserContext"
        assert called[-1] == "Target.disposeBrowserContext"
        assert called.index("Runtime.addBinding") < called.index("Page.navigate")


async def test_a_page_that_never_reports_is_given_up():
    async with open_scripted() as (chromium, called):
        assert await chromium.run_page("http://127.0.0.1:1/", deadline_s=0.05) is None
        assert called[-1] == "Target.disposeBrowserContext"


async def test_the_browser_tells_its_version():
    async with open_scripted() as (chromium, _):
        assert await chromium.version() == "Chrome/156"


@pytest.mark.parametrize(
    ("method", "text"),
    [
        pytest.param("Browser.crash", "Browser.crash", id="refused"),
        pytest.param("Browser.close", "has gone", id="gone"),
    ],
)
async def test_a_browser_that_does_not_do_it_is_an_error(method: str, text: str):
    async with open_scripted() as (chromium, _):
        with pytest.raises(ChromiumError, match=text):
            await chromium._call(method)


async def test_a_program_that_is_no_browser_does_not_start():
    with pytest.raises(ChromiumError, match="does not start"):
        async with open_chromium("true"):
            pass
