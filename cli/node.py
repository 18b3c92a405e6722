"""The operator's side of a running installation: calls with the operator's credential."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, Final

import aiohttp
import orjson

from cli.installation import Running

_DEADLINE_S: Final = 30.0
_ANSWER_BYTES_MAX: Final = 8 << 20


class NodeError(Exception):
    """A call was refused, or there was no answer."""


class NodeClient:
    """Calls origin and drm as the operator. Made by `open_node_client`."""

    def __init__(self, running: Running, session: aiohttp.ClientSession) -> None:
        self._urls = running.urls_by_listener
        self._session = session
        self._headers = {"Authorization": f"Bearer {running.operator.reveal()}"}

    async def duration_s(self, track_id: str) -> int:
        """Length of a track in whole seconds, rounded up.

        Raises:
            NodeError: there is no such track.
        """
        track = await self.track(track_id)
        return -(-int(track["samples"]) // int(track["sample_rate_hz"]))

    async def track(self, track_id: str) -> dict[str, Any]:
        """The track's JSON, as the origin serves it.

        Raises:
            NodeError: there is no such track.
        """
        return await self._call("GET", "origin", f"/v1/tracks/{track_id}")

    async def issue_token(self, request: dict[str, object]) -> dict[str, Any]:
        """Have a playback token issued.

        Raises:
            NodeError: drm refuses the request.
        """
        return await self._call("POST", "drm", "/v1/tokens", request)

    async def _call(
        self, method: str, listener: str, path: str, document: object = None
    ) -> dict[str, Any]:
        if listener not in self._urls:
            raise NodeError(f"what runs has no URL of {listener}")
        data = None if document is None else orjson.dumps(document)
        headers = {**self._headers, "Content-Type": "application/json"}
        try:
            async with (
                asyncio.timeout(_DEADLINE_S),
                self._session.request(
                    method, self._urls[listener] + path, data=data, headers=headers
                ) as response,
            ):
                body = await response.content.read(_ANSWER_BYTES_MAX)
                answer: dict[str, Any] = orjson.loads(body)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise NodeError(f"{listener} does not answer: {error}") from error
        except ValueError as error:
            raise NodeError(f"{listener} answered something that is not JSON") from error
        if response.status >= 400:
            raise NodeError(f"{answer.get('title', 'refused')} {answer.get('detail', '')}".strip())
        return answer


@contextlib.asynccontextmanager
async def open_node_client(running: Running) -> AsyncIterator[NodeClient]:
    """A client for what runs."""
    async with aiohttp.ClientSession() as session:
        yield NodeClient(running, session)
