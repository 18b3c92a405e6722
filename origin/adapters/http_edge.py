"""An edge's purge interface over HTTP, with the operator's credential."""

import asyncio
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

import aiohttp
import orjson

from config.credentials import Credential
from origin.errors import EdgeUnreachableError

_DEADLINE_S: Final = 4.0
_PATH: Final = "/admin/purge"


class HttpEdge:
    """An edge at `admin_url`."""

    def __init__(
        self, admin_url: str, credential: Credential, session: aiohttp.ClientSession
    ) -> None:
        self._url = admin_url.rstrip("/") + _PATH
        self._credential = credential
        self._session = session
        self._name = urlsplit(admin_url).netloc

    @property
    def name(self) -> str:
        """Host and port."""
        return self._name

    async def purge(self, tags: Sequence[str]) -> None:
        """See `origin.invalidation.Edge.purge`."""
        headers = {
            "Authorization": f"Bearer {self._credential.reveal()}",
            "Content-Type": "application/json",
        }
        data = orjson.dumps({"tags": tags})
        try:
            async with (
                asyncio.timeout(_DEADLINE_S),
                self._session.post(
                    self._url, data=data, headers=headers, allow_redirects=False
                ) as response,
            ):
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise EdgeUnreachableError(
                f"the edge {self._name} does not answer: {type(error).__name__}"
            ) from error
        if status != 200:
            raise EdgeUnreachableError(f"the edge {self._name} answered {status}")
