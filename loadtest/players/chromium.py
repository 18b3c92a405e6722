"""Headless Chromium, driven by its DevTools protocol over a WebSocket.

Every page runs in a browser context of its own: nothing is cached or kept from one to the next.
"""

import asyncio
import contextlib
import json
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import aiohttp

from loadtest.node import kill_tree

START_S_MAX: Final = 30.0
_POLL_S: Final = 0.05
# A page calls this function with the one text that it has to say.
_BINDING: Final = "report"
_FLAGS: Final = (
    "--headless",
    "--no-sandbox",  # which root cannot have; every page is of this proof
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--remote-debugging-port=0",
)


class ChromiumError(Exception):
    """The browser did not start, or refused a command."""


class Chromium:
    """A running browser. One page at a time: what is read here belongs to the one who asked."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._calls = 0

    async def run_page(self, url: str, *, deadline_s: float) -> str | None:
        """Open a page and wait for what it reports.

        Returns:
            The text, or None when nothing came in time.

        Raises:
            ChromiumError: the browser refuses.
        """
        context = (await self._call("Target.createBrowserContext"))["browserContextId"]
        try:
            async with asyncio.timeout(deadline_s):
                session = await self._open_blank(context)
                await self._call("Runtime.enable", session=session)
                await self._call("Runtime.addBinding", {"name": _BINDING}, session=session)
                await self._call("Page.navigate", {"url": url}, session=session)
                return await self._reported(session)
        except TimeoutError:
            return None
        finally:
            await self._call("Target.disposeBrowserContext", {"browserContextId": context})

    async def version(self) -> str:
        """Name and version of the browser."""
        return str((await self._call("Browser.getVersion"))["product"])

    async def _open_blank(self, context: str) -> str:
        blank = {"url": "about:blank", "browserContextId": context}
        target = (await self._call("Target.createTarget", blank))["targetId"]
        attached = await self._call("Target.attachToTarget", {"targetId": target, "flatten": True})
        return str(attached["sessionId"])

    async def _reported(self, session: str) -> str:
        while True:
            message = await self._read()
            if message.get("method") == "Runtime.bindingCalled" and (
                message.get("sessionId") == session
            ):
                return str(message["params"]["payload"])

    async def _call(
        self, method: str, params: Mapping[str, object] | None = None, *, session: str | None = None
    ) -> dict[str, Any]:
        """Call a method and return its result; what else arrives meanwhile is of no interest."""
        self._calls += 1
        number = self._calls
        command: dict[str, object] = {"id": number, "method": method, "params": params or {}}
        if session is not None:
            command["sessionId"] = session
        await self._socket.send_json(command)
        while True:
            message = await self._read()
            if message.get("id") != number:
                continue
            if "error" in message:
                raise ChromiumError(f"{method}: {message['error']}")
            result: dict[str, Any] = message["result"]
            return result

    async def _read(self) -> dict[str, Any]:
        message = await self._socket.receive()
        if message.type is not aiohttp.WSMsgType.TEXT:
            raise ChromiumError("the browser has gone")
        document: dict[str, Any] = json.loads(message.data)
        return document


@contextlib.asynccontextmanager
async def open_chromium(program: str) -> AsyncIterator[Chromium]:
    """Start the browser with an empty profile; it is gone when the block is left.

    Raises:
        ChromiumError: it does not start.
    """
    with _running(program) as (process, profile):
        url = await _devtools_url(process, profile)
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(url, max_msg_size=0) as socket,
        ):
            yield Chromium(socket)


@contextlib.contextmanager
def _running(program: str) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """The browser's process and the folder of its profile."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [program, *_FLAGS, f"--user-data-dir={profile}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            text=True,
        )
        try:
            yield process, Path(profile)
        finally:
            kill_tree(process)


async def _devtools_url(process: subprocess.Popen[str], profile: Path) -> str:
    """URL of the browser's socket, from the file that it writes when it listens."""
    file = profile / "DevToolsActivePort"
    for _ in range(round(START_S_MAX / _POLL_S)):
        lines = file.read_text().splitlines() if file.exists() else []
        if len(lines) == 2:
            return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        if process.poll() is not None:
            break
        await asyncio.sleep(_POLL_S)
    raise ChromiumError("the browser does not start")
