"""Content keys from a drm in another process, over HTTP."""

import asyncio
from http import HTTPStatus
from typing import Final

import aiohttp

from config.credentials import Credential
from drm.errors import ContentKeysError, ContentKeysRefusedError
from drm.ports import TrackKeys
from drm.track_id import check_track_id
from drm.track_keys import TRACK_KEYS_BYTES_MAX, decode_track_keys, encode_track_request

_TIMEOUT_S: Final = 10.0
_PATH: Final = "/v1/content-keys"


class HttpContentKeys:
    """Asks drm for content keys and keeps none of them.

    Args:
        url: where drm listens, such as `http://127.0.0.1:8095`.
        credential: the origin's.
        session: stays the caller's, who closes it.
    """

    def __init__(
        self,
        url: str,
        credential: Credential,
        session: aiohttp.ClientSession,
        *,
        timeout_s: float = _TIMEOUT_S,
    ) -> None:
        self._url = url.rstrip("/") + _PATH
        self._credential = credential
        self._session = session
        self._timeout_s = timeout_s

    async def keys_of_track(self, track_id: str) -> TrackKeys:
        """See `ContentKeys.keys_of_track`.

        Raises:
            TrackIdError: not a track id.
            ContentKeysError: drm cannot be reached or has trouble of its own; asking again helps.
            ContentKeysRefusedError: drm does not accept the credential or the request.
        """
        check_track_id(track_id)
        try:
            async with asyncio.timeout(self._timeout_s):
                content = await self._post(encode_track_request(track_id))
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise ContentKeysError(f"drm does not answer: {type(error).__name__}") from error
        try:
            return decode_track_keys(content)
        except ValueError as error:
            raise ContentKeysError("drm answered with something else than keys") from error

    async def _post(self, body: bytes) -> bytes:
        headers = {
            "Authorization": f"Bearer {self._credential.reveal()}",
            "Content-Type": "application/json",
        }
        # A redirect would carry the credential to somewhere that nobody configured.
        async with self._session.post(
            self._url, data=body, headers=headers, allow_redirects=False
        ) as response:
            if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                raise ContentKeysError(f"drm answered {response.status}")
            if response.status != HTTPStatus.OK:
                raise ContentKeysRefusedError(response.status)
            return await _read_bounded(response)


async def _read_bounded(response: aiohttp.ClientResponse) -> bytes:
    content = bytearray()
    async for chunk in response.content.iter_chunked(TRACK_KEYS_BYTES_MAX):
        content += chunk
        if len(content) > TRACK_KEYS_BYTES_MAX:
            raise ContentKeysError(f"drm answered with over {TRACK_KEYS_BYTES_MAX} bytes")
    return bytes(content)
