"""An edge's admin listener over HTTP, with the operator's credential."""

import asyncio
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

import aiohttp
import orjson

from config.credentials import Credential
from origin.errors import EdgeUnreachableError

_DEADLINE_S: Final = 4.0
_PURGE_PATH: Final = "/admin/purge"
_WARM_PATH: Final = "/admin/warm"

# An edge that warms tells each second that it lives, and may take its time.
_SILENCE_S: Final = 30.0
_WARM_S_MAX: Final = 900.0


class HttpEdge:
    """An edge at `admin_url`."""

    def __init__(
        self, admin_url: str, credential: Credential, session: aiohttp.ClientSession
    ) -> None:
        self._url = admin_url.rstrip("/")
        self._headers = {
            "Authorization": f"Bearer {credential.reveal()}",
            "Content-Type": "application/json",
        }
        self._session = session
        self._name = urlsplit(admin_url).netloc

    @property
    def name(self) -> str:
        """Host and port."""
        return self._name

    async def purge(self, tags: Sequence[str]) -> None:
        """See `origin.invalidation.Edge.purge`."""
        data = orjson.dumps({"tags": tags})
        try:
            async with (
                asyncio.timeout(_DEADLINE_S),
                self._session.post(
                    self._url + _PURGE_PATH,
                    data=data,
                    headers=self._headers,
                    allow_redirects=False,
                ) as response,
            ):
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._unreachable(error) from error
        if status != 200:
            raise EdgeUnreachableError(f"the edge {self._name} answered {status}")

    async def warm(self, targets: Sequence[str]) -> None:
        """See `origin.release_warming.WarmableEdge.warm`."""
        last = b""
        try:
            async with (
                asyncio.timeout(_WARM_S_MAX),
                self._session.post(
                    self._url + _WARM_PATH,
                    data=orjson.dumps({"targets": targets}),
                    headers=self._headers,
                    timeout=aiohttp.ClientTimeout(
                        total=None, sock_connect=_DEADLINE_S, sock_read=_SILENCE_S
                    ),
                    allow_redirects=False,
                ) as response,
            ):
                async for line in response.content:
                    last = line
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise self._unreachable(error) from error
        if response.status != 200 or b'"done"' not in last:
            raise EdgeUnreachableError(f"the edge {self._name} answered {response.status}")

    def _unreachable(self, error: Exception) -> EdgeUnreachableError:
        return EdgeUnreachableError(
            f"the edge {self._name} does not answer: {type(error).__name__}"
        )
