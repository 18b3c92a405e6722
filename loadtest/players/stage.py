"""Where the page is served from: another origin than the edge, as an application's would be."""

import contextlib
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from aiohttp import web

from config.listener import open_listener
from drm.base64url import encode_base64url

FOLDER: Final = Path(__file__).parent
PAGE: Final = "/page.html"
WRONG_LICENSES: Final = "/wrong-licenses"


@contextlib.asynccontextmanager
async def open_stage() -> AsyncIterator[str]:
    """Serve the page, the players, and licenses that fit nothing; yields the origin's URL."""
    app = web.Application()
    app.router.add_post(WRONG_LICENSES, _grant_wrong_keys)
    app.router.add_static("/", FOLDER)
    async with open_listener(app, host="127.0.0.1", port=0) as url:
        yield url


async def _grant_wrong_keys(request: web.Request) -> web.Response:
    """A well-formed Clear Key license in which every key is a random one."""
    asked = await request.json()
    keys = [
        {"kty": "oct", "kid": kid, "k": encode_base64url(secrets.token_bytes(16))}
        for kid in asked["kids"]
    ]
    return web.json_response({"keys": keys, "type": "temporary"})
