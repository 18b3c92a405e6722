"""The operator's side of a running installation: calls with the operator's credential."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, Final

import aiohttp
import orjson

from cli.installation import Running
from drm.base62 import is_base62_of_128_bits

_DEADLINE_S: Final = 30.0
_ANSWER_BYTES_MAX: Final = 8 << 20


class NodeError(Exception):
    """A call was refused, or there was no answer.

    Attributes:
        status: of the answer; None without one.
    """

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


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
        try:
            return -(-int(track["samples"]) // int(track["sample_rate_hz"]))
        except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
            raise NodeError(f"the record of {track_id} does not tell its length") from error

    async def track(self, track_id: str) -> dict[str, Any]:
        """The track's JSON, as the origin serves it.

        Raises:
            NodeError: there is no such track.
        """
        if not is_base62_of_128_bits(track_id):
            raise NodeError(
                f"`{track_id}` is no track id: ids have 22 letters and digits, and "
                "`attacca ingest` prints them"
            )
        return await self._call("GET", "origin", f"/v1/tracks/{track_id}")

    async def album(self, album_id: str) -> dict[str, Any]:
        """The album's JSON, as the origin serves it.

        Raises:
            NodeError: there is no such album.
        """
        if not is_base62_of_128_bits(album_id):
            raise NodeError(
                f"`{album_id}` is no album id: ids have 22 letters and digits, and the record of a "
                "track names that of its album"
            )
        return await self._call("GET", "origin", f"/v1/albums/{album_id}")

    async def album_tracks(self, album_id: str) -> list[str]:
        """Ids of the tracks of an album, in their order.

        Raises:
            NodeError: there is no such album.
        """
        album = await self.album(album_id)
        try:
            return [str(track["track_id"]) for track in album["tracks"]]
        except (KeyError, TypeError) as error:
            raise NodeError(f"the record of album {album_id} does not list its tracks") from error

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
                answer: dict[str, Any] = orjson.loads(await _read_body(response))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise NodeError(
                f"{listener} at {self._urls[listener]} does not answer; does `attacca up` run?"
            ) from error
        except ValueError as error:
            raise NodeError(f"{listener} answered something that is not JSON") from error
        if response.status >= 400:
            raise NodeError(told(answer), status=response.status)
        return answer


async def _read_body(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for part in response.content.iter_any():
        body += part
        if len(body) > _ANSWER_BYTES_MAX:
            raise NodeError(f"an answer of more than {_ANSWER_BYTES_MAX} bytes")
    return bytes(body)


def told(problem: dict[str, Any]) -> str:
    """What a problem document says, in one sentence."""
    title = str(problem.get("title", "refused")).rstrip(".")
    detail = problem.get("detail")
    return f"{title}: {detail}" if detail else title


@contextlib.asynccontextmanager
async def open_node_client(running: Running) -> AsyncIterator[NodeClient]:
    """A client for what runs."""
    async with aiohttp.ClientSession() as session:
        yield NodeClient(running, session)
