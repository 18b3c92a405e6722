import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from config.listener import open_listener
from edge.call_content import read_content
from edge.errors import ContentStalledError

pytestmark = pytest.mark.socket


@pytest.mark.parametrize("is_whole", [True, False], ids=["whole", "never whole"])
async def test_content_is_read_if_it_is_there_in_time(*, is_whole: bool):
    async def answer(request: web.Request) -> web.Response:
        try:
            content = await read_content(request, within_s=20.0 if is_whole else 0.05)
        except ContentStalledError:
            return web.Response(status=408)
        return web.Response(body=content)

    async def sent() -> AsyncIterator[bytes]:
        yield b"some"
        if not is_whole:
            await asyncio.Event().wait()
        yield b"thing"

    admin = web.Application()
    admin.router.add_post("/", answer)
    async with (
        open_listener(admin, host="127.0.0.1", port=0, shutdown_s=0.01) as url,
        aiohttp.ClientSession() as session,
        session.post(url, data=sent()) as response,
    ):
        told = (response.status, await response.read())
    assert told == ((200, b"something") if is_whole else (408, b""))
