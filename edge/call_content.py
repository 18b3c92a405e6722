"""Content of calls on the admin listener, read in time."""

import asyncio
from typing import Final

from aiohttp import web

from edge.errors import ContentStalledError

# How long a caller may take to send it.
CONTENT_S_MAX: Final = 10.0


async def read_content(request: web.Request, *, within_s: float = CONTENT_S_MAX) -> bytes:
    """The whole content.

    Raises:
        ContentStalledError: it was not there in time.
    """
    try:
        async with asyncio.timeout(within_s):
            return await request.read()
    except TimeoutError:
        raise ContentStalledError(within_s) from None
